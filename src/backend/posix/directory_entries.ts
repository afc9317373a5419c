/** What getdents64(2) returns: the names of a directory. */

/** Where the names are in a buffer of struct linux_dirent64, without "." and "..". */
export interface NameSpans {
  /** Where the bytes of each name begin; a NUL ends them. */
  readonly starts: number[];
  readonly ends: number[];
}

/** Reads the first `length` bytes of a buffer. */
export function namesIn(buffer: Uint8Array, length: number): NameSpans {
  const starts: number[] = [], ends: number[] = [];
  for (let at = 0; at < length;) {
    const recordLength = buffer[at + 16]! | (buffer[at + 17]! << 8);
    const start = at + 19;
    let end = start + 1;
    while (buffer[end] !== 0) end += 1;
    at += recordLength;
    const size = end - start;
    if (buffer[start] === DOT && (size === 1 || (size === 2 && buffer[start + 1] === DOT))) {
      continue;
    }
    starts.push(start);
    ends.push(end);
  }
  return { starts, ends };
}

const DOT = 0x2e;
