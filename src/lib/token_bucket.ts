/**
 * A token bucket over all lanes of all threads.
 *
 * It is kept as one moment in time, as the generic cell rate algorithm does (ITU-T I.371): the
 * moment at which everything granted so far will have been paid for. A grant of n bytes begins at
 * that moment and moves it on by n / rate. One atomic word shared between threads is all its state,
 * so grants are in order of asking, and no bytes are lost or granted twice.
 */
import type { Clock } from "./clock.ts";

const MOMENT = 0, RATE = 1;
const NANOSECONDS = 1_000_000;

/** How far behind the clock the moment may fall and still be made up for, in milliseconds. */
const BURST = 50;
/** Waits shorter than this are not worth a timer; what is owed stays owed. Milliseconds. */
const NEGLIGIBLE = 1.5;

/** Shared memory for a bucket: hand it to every thread that draws from it. */
export function bucketMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(16);
}

/** Paces whoever asks. */
export class TokenBucket {
  readonly #words: BigInt64Array;
  readonly #clock: Clock;

  /** @param memory from {@link bucketMemory}; the clocks of all threads must agree */
  constructor(memory: SharedArrayBuffer, clock: Clock) {
    this.#words = new BigInt64Array(memory);
    this.#clock = clock;
  }

  /** Bytes per second; null when there is no limit. */
  get rate(): number | null {
    const rate = Number(Atomics.load(this.#words, RATE));
    return rate === 0 ? null : rate;
  }

  set rate(bytesPerSecond: number | null) {
    Atomics.store(this.#words, RATE, BigInt(Math.round(bytesPerSecond ?? 0)));
  }

  /**
   * Resolves when `bytes` may go; rejects with the signal's reason. Undefined where there is nothing
   * to wait for.
   */
  take(bytes: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> | undefined {
    const rate = this.rate;
    if (rate === null || bytes === 0) return;
    const now = this.#clock.now();
    const earliest = BigInt(Math.round((now - BURST) * NANOSECONDS));
    const cost = BigInt(Math.round((bytes / rate) * 1000 * NANOSECONDS));
    let start: bigint;
    for (;;) {
      const moment = Atomics.load(this.#words, MOMENT);
      start = moment > earliest ? moment : earliest;
      if (Atomics.compareExchange(this.#words, MOMENT, moment, start + cost) === moment) break;
    }
    const wait = Number(start) / NANOSECONDS - now;
    if (wait >= NEGLIGIBLE) return this.#clock.sleep(wait, { signal });
  }

  /** The largest piece to ask for at once so that the flow stays smooth: 25 ms of the rate. */
  slice(largest: number): number {
    const rate = this.rate;
    return rate === null ? largest : Math.min(largest, Math.max(4096, Math.floor(rate / 40)));
  }
}
