/** Buffers: the memory that blocks are read into, bounded and used again. */
import { PARCEL_BYTES, SMALL } from "../parcel.ts";

/** A piece of memory on loan. */
export interface Loan {
  readonly data: Uint8Array;
  release(): void;
}

/** Lends buffers; at most `slots` large ones are out at any time. */
export class Buffers {
  readonly #blockSize: number;
  readonly #small: ArrayBuffer[] = [];
  readonly #parcels: ArrayBuffer[] = [];
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
      return loan(this.#takeSmall(), size, this.#keepSmall);
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
    if (size <= SMALL) return loan(this.#takeSmall(), SMALL, this.#keepSmall);
    const buffer = this.#parcels.pop() ?? new ArrayBuffer(PARCEL_BYTES);
    return loan(buffer, PARCEL_BYTES, (buffer) => void this.#parcels.push(buffer));
  }

  #takeSmall(): ArrayBuffer {
    return this.#small.pop() ?? new ArrayBuffer(SMALL);
  }

  readonly #keepSmall = (buffer: ArrayBuffer) => void this.#small.push(buffer);

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
