/** Errno values of Linux (asm-generic, equal on x86_64 and aarch64). */
import type { SyncError } from "../../errors.ts";
import { failure } from "../failures.ts";

const CODES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  31: "EMLINK",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  39: "ENOTEMPTY",
  40: "ELOOP",
  71: "EPROTO",
  74: "EBADMSG",
  84: "EILSEQ",
  95: "EOPNOTSUPP",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  103: "ECONNABORTED",
  104: "ECONNRESET",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  112: "EHOSTDOWN",
  113: "EHOSTUNREACH",
  116: "ESTALE",
  117: "EUCLEAN",
  121: "EREMOTEIO",
  122: "EDQUOT",
  126: "ENOKEY",
  127: "EKEYEXPIRED",
};

/** The name of an errno value; undefined for one that is not known here. */
export function errnoName(number: number): string | undefined {
  return CODES[number];
}

/** The numbers that the backend itself asks about. */
export const EPERM = 1,
  ENOENT = 2,
  EINTR = 4,
  EIO = 5,
  ENXIO = 6,
  EBADF = 9,
  EAGAIN = 11,
  EACCES = 13,
  EEXIST = 17,
  EINVAL = 22,
  EPIPE = 32,
  ENAMETOOLONG = 36,
  EILSEQ = 84,
  ESTALE = 116;

/**
 * The error of a failed call.
 *
 * @param result what the call returned: a negative errno
 * @param doing what was tried, as a verb: "open", "list"
 */
export function posixError(result: number, doing: string, path: string): SyncError {
  return failure(CODES[-result] ?? `E${-result}`, doing, path);
}

/** Those of attributes. */
export const ERANGE = 34, ENODATA = 61, EOPNOTSUPP = 95;
