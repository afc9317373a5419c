/** Buffers: the memory that blocks are read into, bounded and used again. */
import { PARCEL_BYTES, SMALL } from "../parcel.ts";

/** A piece of memory on loan. */
export interface Loan {
  readonly data: Uint8Array;
  release(): void;
}

/**
 * Sizes of the buffers that nobody waits for: of a parcel of empty or tiny files, of one file or a
 * parcel that fits, and of any parcel. A hundred may be out at a time.
 */
const POOLS = [4096, SMALL, PARCEL_BYTES];

/** Buffers of one size. */
class Pool {
  readonly size: number;
  readonly #free: ArrayBuffer[] = [];

  constructor(size: number) {
    this.size = size;
  }

  take(): ArrayBuffer {
    return this.#free.pop() ?? new ArrayBuffer(this.size);
  }

  readonly keep = (buffer: ArrayBuffer): void => void this.#free.push(buffer);
}

/** Lends buffers; at most `slots` large ones are out at any time. */
export class Buffers {
  readonly #blockSize: number;
  readonly #pools = POOLS.map((size) => new Pool(size));
  readonly #large: ArrayBuffer[] = [];
  readonly #waiting: ((buffer: ArrayBuffer) => void)[] = [];
  #slots: number;

  constructor(options: { readonly slots: number; readonly blockSize: number }) {
    this.#slots = options.slots;
    this.#blockSize = options.blockSize;
  }

  /**
   * A buffer of exactly `size` bytes, at most the block size; waits for one to come back, and
   * rejects with the signal's reason.
   */
  async borrow(size: number, { signal }: { signal?: AbortSignal } = {}): Promise<Loan> {
    if (size <= SMALL) {
      const pool = this.#poolOf(size);
      return loan(pool.take(), size, pool.keep);
    }
    return loan(await this.#takeLarge(signal), size, (buffer) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#large.push(buffer);
      else next(buffer);
    });
  }

  /**
   * Room for a parcel of `size` bytes, or more; there is always some, since the queues bound how many
   * are under way.
   */
  borrowParcel(size: number): Loan {
    const pool = this.#poolOf(size);
    return loan(pool.take(), pool.size, pool.keep);
  }

  #poolOf(size: number): Pool {
    return this.#pools.find((pool) => size <= pool.size)!;
  }

  #takeLarge(signal?: AbortSignal): ArrayBuffer | Promise<ArrayBuffer> {
    const free = this.#large.pop();
    if (free !== undefined) return free;
    if (this.#slots > 0) {
      this.#slots -= 1;
      return new ArrayBuffer(this.#blockSize);
    }
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(granted), 1);
        reject(signal!.reason);
      };
      const granted = (buffer: ArrayBuffer) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(buffer);
      };
      this.#waiting.push(granted);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

function loan(buffer: ArrayBuffer, size: number, giveBack: (buffer: ArrayBuffer) => void): Loan {
  let out = true;
  return {
    data: new Uint8Array(buffer, 0, size),
    release() {
      if (out) giveBack(buffer);
      out = false;
    },
  };
}
