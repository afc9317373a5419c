/** Errors of Deno's own API as errors of a backend. */
import { SyncError } from "../errors.ts";
import type { CallOptions } from "./backend.ts";
import { failure } from "./failures.ts";
import { errnoName } from "./posix/errno.ts";

/** Codes by the class's name, for errors that carry no code of their own. */
const BY_CLASS: Readonly<Record<string, string>> = {
  NotFound: "ENOENT",
  PermissionDenied: "EACCES",
  NotCapable: "EACCES",
  AlreadyExists: "EEXIST",
  NotADirectory: "ENOTDIR",
  IsADirectory: "EISDIR",
  FilesystemLoop: "ELOOP",
  Busy: "EBUSY",
  WouldBlock: "EAGAIN",
  Interrupted: "EINTR",
  TimedOut: "ETIMEDOUT",
  ConnectionReset: "ECONNRESET",
  NotConnected: "ENOTCONN",
  BadResource: "EBADF",
  NotSupported: "EOPNOTSUPP",
  // what Deno says about names and link targets that are not Unicode
  InvalidData: "EILSEQ",
  UnexpectedEof: "EIO",
  WriteZero: "EIO",
};

/**
 * Any value that a call of Deno's API threw as a SyncError; one that is a SyncError stays itself.
 *
 * @param doing what was tried, as a verb: "open", "list"
 * @param path relative to the root
 */
export function portableError(error: unknown, doing: string, path: string): SyncError {
  if (error instanceof SyncError) return error;
  const code = codeOf(error);
  return code === null ? SyncError.from(error) : failure(code, doing, path, error);
}

/** The errno name of an error of Deno's API, null when it has none. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  return BY_CLASS[error.name] ?? (Deno.build.os === "linux" ? numbered(error) : null);
}

/** Deno has no codes for ESTALE, EHOSTDOWN and others: their numbers are in its text only. */
function numbered({ message }: Error): string | null {
  const [, number] = /\(os error (\d+)\)/.exec(message) ?? [];
  return errnoName(Number(number)) ?? null;
}

/** Makes calls of Deno's API; what they throw becomes a SyncError, or the signal's reason. */
export async function attempt<T>(
  doing: string,
  path: string,
  call: () => Promise<T>,
  { signal }: CallOptions = {},
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    signal?.throwIfAborted();
    throw portableError(error, doing, path);
  }
}
