/** The queue between a lane's reader and its writer: bounded, first in first out. */

/**
 * A bounded FIFO with a WritableStream to fill it and an async iterator to empty it. When it is
 * full, the stream's backpressure stops the reader.
 */
export class BlockQueue<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  readonly #hold: () => Promise<void> | undefined;
  #wakeWriter: (() => void) | null = null;
  #wakeReader: (() => void) | null = null;
  #closed = false;
  #error: unknown = undefined;
  #discarding = false;

  /**
   * @param capacity slots, at least 1
   * @param hold asked before an item is taken out: it goes out when the promise resolves
   */
  constructor(capacity: number, hold: () => Promise<void> | undefined = () => undefined) {
    this.#capacity = capacity;
    this.#hold = hold;
  }

  /** The filling end. Closing it ends the iteration after what is queued; aborting ends it now. */
  readonly writable: WritableStream<T> = new WritableStream<T>({
    write: async (item) => {
      if (this.#discarding) return;
      this.#items.push(item);
      this.#wakeReader?.();
      while (this.#items.length >= this.#capacity) {
        await new Promise<void>((resolve) => this.#wakeWriter = resolve);
      }
    },
    close: () => {
      this.#closed = true;
      this.#wakeReader?.();
    },
    abort: (reason) => {
      this.#closed = true;
      this.#error = reason;
      this.#wakeReader?.();
    },
  });

  /** Nobody will take anything out any more: drops what is queued and what still comes. */
  discard(): void {
    this.#discarding = true;
    this.#items.length = 0;
    this.#wakeWriter?.();
  }

  /** The emptying end; throws what the filling end was aborted with, after what is queued. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const holding = this.#hold();
      if (holding !== undefined) await holding;
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#wakeWriter?.();
        yield item;
      } else if (this.#closed) {
        if (this.#error !== undefined) throw this.#error;
        return;
      } else await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }
}
