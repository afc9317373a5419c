/** What getdents64(2) returns: the names of a directory. */
import { decodeName } from "../../name.ts";

/** The names in a buffer of struct linux_dirent64, without "." and "..". */
export interface DirectoryEntries {
  readonly names: string[];
  /** Where the bytes of each name begin in the buffer; a NUL ends them. */
  readonly starts: number[];
}

/** Reads the first `length` bytes of a buffer. */
export function entriesIn(buffer: Uint8Array, length: number): DirectoryEntries {
  const names: string[] = [], starts: number[] = [];
  for (let at = 0; at < length;) {
    const recordLength = buffer[at + 16]! | (buffer[at + 17]! << 8);
    const start = at + 19;
    const end = buffer.indexOf(0, start);
    at += recordLength;
    const size = end - start;
    if (buffer[start] === 0x2e && (size === 1 || (size === 2 && buffer[start + 1] === 0x2e))) {
      continue;
    }
    names.push(decodeName(buffer.subarray(start, end)));
    starts.push(start);
  }
  return { names, starts };
}
