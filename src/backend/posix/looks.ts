/** Looks at many names of a directory in one crossing, on a disk that answers at once. */
import { AT, type Libc } from "./libc.ts";
import { type Addresses, Program } from "./program.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Looks in one crossing: so many answers are there at the same time. */
export const MOST_LOOKS = 256;

/** The memory of such looks. */
export class Looks {
  readonly #program: Program;
  readonly #buffer = new StatxBuffer(MOST_LOOKS);
  readonly #addresses: Addresses;

  constructor(libc: Libc) {
    this.#addresses = libc.addresses;
    this.#program = new Program(libc.runProgram, MOST_LOOKS);
    const number = libc.numberOf("statx");
    for (let i = 0; i < MOST_LOOKS; i++) {
      const into = this.#buffer.address(i);
      this.#program.set(i, number, 0, 0, AT.SYMLINK_NOFOLLOW, STATX_WANTED, into);
    }
  }

  /**
   * Looks at `count` names that begin at `starts` in `names`, relative to the directory `fd`. `seen` is
   * called for each, in order, with what statx(2) returned and, until the next call, its answer.
   */
  each(
    fd: number,
    names: Uint8Array,
    { starts, count: all }: { readonly starts: ArrayLike<number>; readonly count: number },
    seen: (index: number, result: number, answer: StatxBuffer, at: number) => void,
  ): void {
    const base = this.#addresses.of(names);
    for (let from = 0; from < all; from += MOST_LOOKS) {
      const count = Math.min(MOST_LOOKS, all - from);
      for (let i = 0; i < count; i++) this.#program.direct(i, fd, base + starts[from + i]!);
      this.#program.run(count);
      for (let i = 0; i < count; i++) {
        seen(from + i, this.#program.result(i), this.#buffer, i);
      }
    }
  }
}
