/** What getdents64(2) returns: the names of a directory. */
import { grown } from "../../lib/grown.ts";

/** Names that there is room for at first. */
const FEW = 256;

/**
 * Where the names are in a buffer of struct linux_dirent64, without "." and "..". It keeps its memory
 * from one buffer to the next.
 */
export class NameSpans {
  /** Where the bytes of each name begin; a NUL ends them. */
  starts = new Uint32Array(FEW);
  ends = new Uint32Array(FEW);
  /** How many there are. */
  count = 0;

  /** Finds those in the first `length` bytes of a buffer. */
  find(buffer: Uint8Array, length: number): void {
    this.count = 0;
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
      if (this.count === this.starts.length) {
        this.starts = grown(this.starts, 2 * this.count);
        this.ends = grown(this.ends, 2 * this.count);
      }
      this.starts[this.count] = start;
      this.ends[this.count] = end;
      this.count += 1;
    }
  }
}

const DOT = 0x2e;
