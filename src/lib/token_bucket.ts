/**
 * A token bucket over all lanes of all threads.
 *
 * It is kept as one moment in time, as the generic cell rate algorithm does (ITU-T I.371): the
 * moment at which everything granted so far will have been paid for. A grant of n bytes begins at
 * that moment and moves it on by n / rate. A few atomic words shared between threads are all its
 * state, so grants are in order of asking, and no bytes are lost or granted twice.
 *
 * The rate may change at any time. Whoever waits then asks again, so that a wait which a low rate
 * made long does not outlive it.
 */
import type { Clock } from "./clock.ts";

const MOMENT = 0, RATE = 1, CHANGES = 2;
const NANOSECONDS = 1_000_000;

/** How far behind the clock the moment may fall and still be made up for, in milliseconds. */
const BURST = 15;
/** Who is always late is let go after so many times. */
const MOST_LATE = 3;
/** Waits shorter than this are not worth a timer; what is owed stays owed. Milliseconds. */
const NEGLIGIBLE = 1.5;
/** Whoever waits looks so often whether the rate has changed, in milliseconds. */
const LOOK = 500;

/** Shared memory for a bucket: hand it to every thread that draws from it. */
export function bucketMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(24);
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
    const rate = BigInt(Math.round(bytesPerSecond ?? 0));
    if (Atomics.load(this.#words, RATE) === rate) return;
    Atomics.store(this.#words, RATE, rate);
    Atomics.add(this.#words, CHANGES, 1n);
    // what waits will ask again: what it was granted is not owed any more
    const now = BigInt(Math.round(this.#clock.now() * NANOSECONDS));
    for (;;) {
      const moment = Atomics.load(this.#words, MOMENT);
      if (moment <= now) return;
      if (Atomics.compareExchange(this.#words, MOMENT, moment, now) === moment) return;
    }
  }

  /**
   * Resolves when `bytes` may go; rejects with the signal's reason. Undefined where there is nothing
   * to wait for.
   */
  take(bytes: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> | undefined {
    if (bytes === 0) return;
    const changes = Atomics.load(this.#words, CHANGES);
    const wait = this.#grant(bytes);
    if (wait < NEGLIGIBLE) return;
    return this.#wait(bytes, { wait, changes, signal });
  }

  /** A grant; how long until it begins, in milliseconds. */
  #grant(bytes: number): number {
    const { rate } = this;
    if (rate === null) return 0;
    const now = this.#clock.now();
    const earliest = BigInt(Math.round((now - BURST) * NANOSECONDS));
    const cost = BigInt(Math.round((bytes / rate) * 1000 * NANOSECONDS));
    for (;;) {
      const moment = Atomics.load(this.#words, MOMENT);
      const start = moment > earliest ? moment : earliest;
      if (Atomics.compareExchange(this.#words, MOMENT, moment, start + cost) === moment) {
        return Number(start) / NANOSECONDS - now;
      }
    }
  }

  /**
   * A wait. The rate may change meanwhile; and who wakes up late, since the machine or the share has
   * stalled, asks again: what has become due meanwhile must not all go at once.
   */
  async #wait(
    bytes: number,
    { wait, changes, signal }: { wait: number; changes: bigint; signal?: AbortSignal },
  ): Promise<void> {
    let due = this.#clock.now() + wait;
    for (let late = 0;;) {
      const left = due - this.#clock.now();
      if (left < NEGLIGIBLE) {
        if (left >= -BURST || late === MOST_LATE) return;
        late += 1;
        due = this.#clock.now() + this.#grant(bytes);
        continue;
      }
      await this.#clock.sleep(Math.min(left, LOOK), { signal });
      const latest = Atomics.load(this.#words, CHANGES);
      if (latest === changes) continue;
      changes = latest;
      due = this.#clock.now() + this.#grant(bytes);
    }
  }

  /** The largest piece to ask for at once so that the flow stays smooth: 20 ms of the rate. */
  slice(largest: number): number {
    const rate = this.rate;
    return rate === null ? largest : Math.min(largest, Math.max(4096, Math.floor(rate / 50)));
  }
}
