/** A clock that only moves when a test says so. */

import type { Clock } from "../../src/lib/clock.ts";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** A clock at `start` ms whose sleeps and ticks end when {@link advance} passes them. */
export class FakeClock implements Clock {
  #now: number;
  #sleepers: Sleeper[] = [];

  constructor(start = 0) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** How many sleeps and tickers are waiting: 0 when nothing was left behind. */
  get waiting(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#remove(sleeper);
        reject(signal!.reason);
      };
      const sleeper = this.#add(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Calls `tick` every `ms` until the returned function is called. Needs no `this`. */
  readonly every = (ms: number, tick: () => void): () => void => {
    let next: Sleeper;
    const arm = () => {
      next = this.#add(ms, () => {
        arm();
        tick();
      });
    };
    arm();
    return () => this.#remove(next);
  };

  /** Moves on by `ms` without anything that is due on the way: as when the process was stopped. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Moves on by `ms`; what is due on the way runs at its moment, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const due = this.#sleepers.filter((sleeper) => sleeper.due <= end)
        .reduce<Sleeper | null>((a, b) => a !== null && a.due <= b.due ? a : b, null);
      if (due === null) break;
      this.#remove(due);
      this.#now = Math.max(this.#now, due.due);
      due.wake();
      // whoever woke up may sleep again within the same advance
      await settled();
    }
    this.#now = end;
  }

  #add(ms: number, wake: () => void): Sleeper {
    const sleeper = { due: this.#now + Math.max(0, ms), wake };
    this.#sleepers.push(sleeper);
    return sleeper;
  }

  #remove(sleeper: Sleeper): void {
    this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
  }
}

/** Lets every promise that can go on go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
