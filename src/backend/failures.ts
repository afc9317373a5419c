/** What the codes of failed calls mean for a run, and the errors that all backends share. */
import type { Kind } from "../entry.ts";
import { type Scope, SyncError } from "../errors.ts";

interface Meaning {
  readonly text: string;
  readonly scope?: Scope;
  readonly retryable?: boolean;
}

/** What a person can do is part of the text where there is something to do. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  EPERM: { text: "operation not permitted" },
  ENOENT: { text: "no such file or directory" },
  EINTR: { text: "interrupted system call", retryable: true },
  EIO: { text: "input/output error", retryable: true },
  ENXIO: { text: "is a socket, or a device without a driver" },
  EBADF: { text: "the file is closed" },
  EAGAIN: { text: "resource temporarily unavailable", retryable: true },
  ENOMEM: { text: "out of memory", retryable: true },
  EACCES: { text: "permission denied; check the owner and mode, and the share's rights" },
  EBUSY: { text: "busy", retryable: true },
  EEXIST: { text: "already exists" },
  EXDEV: { text: "is on another file system" },
  ENODEV: { text: "no such device", scope: "run" },
  ENOTDIR: { text: "what has this name, or one above it, is not a directory" },
  EISDIR: { text: "a directory has this name" },
  EINVAL: {
    text:
      "invalid argument: the file system refuses this call; the system's log (dmesg), or that of " +
      "the server, may say why",
  },
  ENFILE: { text: "too many open files in the system", retryable: true },
  EMFILE: { text: "too many open files; raise the limit (ulimit -n)", retryable: true },
  ETXTBSY: { text: "file is being executed", retryable: true },
  EFBIG: {
    text: "file is too large for the destination's file system, or for the limit of this process " +
      "(ulimit -f); split it, or choose another one",
  },
  ENOSPC: { text: "no space left on device", scope: "run" },
  EROFS: { text: "read-only file system", scope: "run" },
  EMLINK: { text: "too many links" },
  ENAMETOOLONG: { text: "name too long for this file system; shorten it at the source" },
  ENOSYS: { text: "not supported by this system" },
  ENOTEMPTY: { text: "directory not empty" },
  ELOOP: { text: "a symbolic link is in the way" },
  EILSEQ: { text: "the name has bytes that this file system does not accept" },
  EOPNOTSUPP: { text: "not supported by this file system" },
  EOVERFLOW: { text: "a time is out of the range that can be kept" },
  EPROTO: { text: "the server does not keep to the protocol", retryable: true },
  // as which ext4 and xfs report a checksum that is wrong
  EBADMSG: { text: "damaged data; check the file system" },
  EUCLEAN: { text: "the file system is damaged; check it" },
  ENETDOWN: { text: "the network is down", retryable: true },
  ENETUNREACH: { text: "the network is unreachable", retryable: true },
  ECONNABORTED: { text: "connection aborted", retryable: true },
  ECONNREFUSED: { text: "connection refused", retryable: true },
  EREMOTEIO: { text: "input/output error of the server", retryable: true },
  ENOKEY: { text: "there is no key for this file", retryable: true },
  EKEYEXPIRED: { text: "the key has expired; renew the Kerberos ticket", retryable: true },
  ECONNRESET: { text: "connection reset", retryable: true },
  ENOTCONN: { text: "not connected", retryable: true },
  ETIMEDOUT: { text: "timed out", retryable: true },
  EHOSTDOWN: { text: "the server is down", retryable: true },
  EHOSTUNREACH: { text: "no route to the server", retryable: true },
  ESTALE: { text: "stale file handle", retryable: true },
  EDQUOT: { text: "disk quota exceeded", scope: "run" },
};

/** Codes that only what is written is expected to fail with. */
const WRITTEN_ONLY: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/** Calls that write nothing, by their verbs. */
const LOOKING = /^(find|list|look|open|reach|read)/;

/**
 * What a place means that says so when it is only looked at: a FUSE file system whose cache on this
 * machine is full may have room again in a moment, and at the destination there is nothing to wait for.
 */
const WHEN_LOOKING = { scope: "entry", retryable: true } as const;

/**
 * What has a name is not refused for it. A CIFS client asks for the lease of a file by the file, and
 * its server lets one name at a time have it: another name of a file with several is refused until the
 * first is closed, which the client puts off by a second (closetimeo).
 */
const INVALID_OPEN: Meaning = { text: "invalid argument", retryable: true };

/** Calls that give a name to something, by their verbs. */
const NAMING = /^(create|make|put|rename|give|move|link)/;
const INVALID_NAME: Meaning = {
  text: "invalid argument; the name may have characters that the share refuses",
};

/**
 * The error of a failed call.
 *
 * @param code an errno name such as `ENOENT`
 * @param doing what was tried, as a verb: "open", "list"
 * @param path relative to the root
 */
export function failure(code: string, doing: string, path: string, cause?: unknown): SyncError {
  const known = code === "EINVAL" && doing.startsWith("open")
    ? INVALID_OPEN
    : code === "EINVAL" && NAMING.test(doing)
    ? INVALID_NAME
    : WRITTEN_ONLY.has(code) && LOOKING.test(doing)
    ? { ...MEANINGS[code]!, ...WHEN_LOOKING }
    : MEANINGS[code];
  const text = known?.text ?? (cause instanceof Error ? cause.message : "unknown error");
  return new SyncError(code, `cannot ${doing}: ${text} (${code})`, { ...known, path, cause });
}

/** Whether a place that fails so is gone, at least for a while, and was not merely named wrongly. */
export function isAway({ code, retryable }: SyncError): boolean {
  return retryable || code === "ENODEV";
}

/**
 * The error of a directory that cannot be made because something else has its name.
 *
 * @param kind null when nobody has looked
 */
export function inTheWay(kind: Kind | null, path: string): SyncError {
  const what = kind === null ? "something else" : nameOf(kind);
  return new SyncError("ENOTDIR", `the destination has ${what} where this directory must be`, {
    path,
  });
}

/** The error of opening something that was listed as a regular file and is none now. */
export function notAFile(kind: Kind, path: string): SyncError {
  return new SyncError("ECHANGED", `is no longer a file but ${nameOf(kind)}`, { path });
}

/**
 * A path's components.
 *
 * @throws SyncError EINVAL when one of them would lead out of the root or is no name at all
 */
export function componentsOf(path: string): string[] {
  if (path === "") return [];
  const names = path.split("/");
  for (const name of names) checkName(name, path);
  return names;
}

/** @throws SyncError EINVAL when `name` cannot be the name of a directory entry */
export function checkName(name: string, path: string): void {
  if (name === "" || name === "." || name === ".." || name.includes("\0")) {
    throw new SyncError("EINVAL", `cannot use ${JSON.stringify(name)} as a name (EINVAL)`, {
      path,
    });
  }
}

/** A kind in a sentence: "a file". */
export function nameOf(kind: Kind): string {
  return kind === "special" ? "a special file" : `a ${kind}`;
}
