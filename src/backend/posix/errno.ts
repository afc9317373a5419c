/** Errno values of Linux (asm-generic, equal on x86_64 and aarch64) and what they mean for a run. */
import { type Scope, SyncError } from "../../errors.ts";

interface Meaning {
  readonly code: string;
  readonly text: string;
  readonly scope?: Scope;
  readonly retryable?: boolean;
}

/** What a person can do is part of the text where there is something to do. */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  1: { code: "EPERM", text: "operation not permitted" },
  2: { code: "ENOENT", text: "no such file or directory" },
  4: { code: "EINTR", text: "interrupted system call", retryable: true },
  5: { code: "EIO", text: "input/output error", retryable: true },
  11: { code: "EAGAIN", text: "resource temporarily unavailable", retryable: true },
  12: { code: "ENOMEM", text: "out of memory", retryable: true },
  13: {
    code: "EACCES",
    text: "permission denied; check the owner and mode, and the share's rights",
  },
  16: { code: "EBUSY", text: "busy", retryable: true },
  17: { code: "EEXIST", text: "already exists" },
  18: { code: "EXDEV", text: "is on another file system" },
  19: { code: "ENODEV", text: "no such device", scope: "run" },
  20: { code: "ENOTDIR", text: "not a directory" },
  21: { code: "EISDIR", text: "is a directory" },
  22: {
    code: "EINVAL",
    text: "invalid argument; the name may have characters that the share refuses",
  },
  23: { code: "ENFILE", text: "too many open files in the system", retryable: true },
  24: { code: "EMFILE", text: "too many open files; raise the limit (ulimit -n)", retryable: true },
  26: { code: "ETXTBSY", text: "file is being executed", retryable: true },
  27: { code: "EFBIG", text: "file is too large for the destination's file system" },
  28: { code: "ENOSPC", text: "no space left on device", scope: "run" },
  30: { code: "EROFS", text: "read-only file system", scope: "run" },
  31: { code: "EMLINK", text: "too many links" },
  36: {
    code: "ENAMETOOLONG",
    text: "name too long for this file system; shorten it at the source",
  },
  38: { code: "ENOSYS", text: "not supported by this system" },
  39: { code: "ENOTEMPTY", text: "directory not empty" },
  40: { code: "ELOOP", text: "a symbolic link is in the way" },
  84: { code: "EILSEQ", text: "the name has bytes that this file system does not accept" },
  95: { code: "EOPNOTSUPP", text: "not supported by this file system" },
  104: { code: "ECONNRESET", text: "connection reset", retryable: true },
  107: { code: "ENOTCONN", text: "not connected", retryable: true },
  110: { code: "ETIMEDOUT", text: "timed out", retryable: true },
  112: { code: "EHOSTDOWN", text: "the server is down", retryable: true },
  113: { code: "EHOSTUNREACH", text: "no route to the server", retryable: true },
  116: { code: "ESTALE", text: "stale file handle", retryable: true },
  122: { code: "EDQUOT", text: "disk quota exceeded", scope: "run" },
};

/** The numbers that the backend itself asks about. */
export const ENOENT = 2, EPERM = 1, EEXIST = 17, EINVAL = 22;

/**
 * The error of a failed call.
 *
 * @param result what the call returned: a negative errno
 * @param doing what was tried, as a verb: "open", "list"
 */
export function posixError(result: number, doing: string, path: string): SyncError {
  const meaning = MEANINGS[-result] ?? { code: `E${-result}`, text: `error number ${-result}` };
  return new SyncError(meaning.code, `cannot ${doing}: ${meaning.text} (${meaning.code})`, {
    ...meaning,
    path,
  });
}
