/** Holders of one thing, which is closed when the last of them has let go. */

/** Counts them; who makes it is the first. Each lets go by disposing, and disposing again is nothing. */
export class Holders implements Disposable {
  readonly #close: () => void;
  readonly #first: Disposable;
  #count = 0;

  constructor(close: () => void) {
    this.#close = close;
    this.#first = this.hold();
  }

  /** One more holder. */
  hold(): Disposable {
    this.#count += 1;
    let holds = true;
    return {
      [Symbol.dispose]: () => {
        if (!holds) return;
        holds = false;
        this.#count -= 1;
        if (this.#count === 0) this.#close();
      },
    };
  }

  /** Holds it until the work has come to its end, even if nobody waits for that. */
  async use(work: () => Promise<void>): Promise<void> {
    using _held = this.hold();
    await work();
  }

  [Symbol.dispose](): void {
    this.#first[Symbol.dispose]();
  }
}
