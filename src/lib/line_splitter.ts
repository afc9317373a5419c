/** Lines of a stream of bytes, in constant memory. */
import { concat } from "./concat.ts";

/** What ends a line. */
export const NEWLINE = 0x0a;

/** Puts lines together from chunks. */
export class LineSplitter {
  readonly #longest: number;
  #kept = new Uint8Array(0);
  /** The end of a line that is too long is still to come. */
  #skipping = false;

  /** @param longest bytes of a line; of a longer one, as many as this are given out */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that a chunk completes, without newlines; valid until the chunk changes. */
  *push(chunk: Uint8Array): Iterable<Uint8Array> {
    let from = 0;
    for (;;) {
      const to = chunk.indexOf(NEWLINE, from);
      if (to < 0) break;
      const part = chunk.subarray(from, to);
      from = to + 1;
      if (this.#skipping) this.#skipping = false;
      else {yield (this.#kept.length === 0 ? part : concat([this.#kept, part])).subarray(
          0,
          this.#longest,
        );}
      this.#kept = new Uint8Array(0);
    }
    if (this.#skipping) return;
    this.#kept = concat([this.#kept, chunk.subarray(from)]);
    if (this.#kept.length < this.#longest) return;
    yield this.#kept.subarray(0, this.#longest);
    this.#kept = new Uint8Array(0);
    this.#skipping = true;
  }

  /** What came after the last newline. */
  rest(): Uint8Array {
    return this.#kept;
  }
}
