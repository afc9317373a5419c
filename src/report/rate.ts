/** A rate window: how much happened in the last seconds, in a fixed number of buckets. */

/** What a {@link RateWindow} may be told. */
export interface RateWindowOptions {
  /** Milliseconds of one bucket. Default: 250. */
  readonly bucket?: number;
  /** How many buckets; their sum is the window. Default: 32, a window of 8 s with the bucket. */
  readonly buckets?: number;
}

/** Shorter spans than this (ms) say nothing about a rate: the first second is averaged over it. */
const SHORTEST_SPAN = 1000;

/**
 * A moving average per second over the last seconds. Memory and the cost of an `add` do not depend
 * on how often it is called; after a pause the rate sinks to 0 within one window.
 */
export class RateWindow {
  readonly #bucket: number;
  readonly #amounts: Float64Array;
  /** The number of the bucket that `now` fell into last, counted from time 0. */
  #latest: number;
  readonly #began: number;

  /** `now` (ms) is the moment from which on amounts are added. */
  constructor(now: number, options: RateWindowOptions = {}) {
    this.#bucket = options.bucket ?? 250;
    this.#amounts = new Float64Array(options.buckets ?? 32);
    this.#latest = Math.floor(now / this.#bucket);
    this.#began = now;
  }

  /** Counts an amount at the moment `now` (ms). */
  add(now: number, amount: number): void {
    this.#advance(now);
    this.#amounts[this.#latest % this.#amounts.length]! += amount;
  }

  /** What was added within the window that ends at `now` (ms). */
  sum(now: number): number {
    this.#advance(now);
    let sum = 0;
    for (const amount of this.#amounts) sum += amount;
    return sum;
  }

  /** The amount per second over the window that ends at `now` (ms). */
  perSecond(now: number): number {
    const sum = this.sum(now);
    // the newest bucket is not full yet: only the part that has passed counts
    const window = (this.#amounts.length - 1) * this.#bucket + (now - this.#latest * this.#bucket);
    const span = Math.max(SHORTEST_SPAN, Math.min(window, now - this.#began));
    return sum / (span / 1000);
  }

  /** Empties the buckets that have become too old. */
  #advance(now: number): void {
    const latest = Math.floor(now / this.#bucket);
    const passed = latest - this.#latest;
    if (passed <= 0) return;
    if (passed >= this.#amounts.length) this.#amounts.fill(0);
    else {
      for (let i = this.#latest + 1; i <= latest; i++) this.#amounts[i % this.#amounts.length] = 0;
    }
    this.#latest = latest;
  }
}
