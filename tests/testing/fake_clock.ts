/** A clock that only moves when a test says so. */

import type { Clock } from "../../src/lib/clock.ts";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** A clock at `start` ms whose sleeps and ticks end when {@link advance} passes them. */
export class FakeClock implements Clock {
  #now: number;
  readonly #sleepers: Sleeper[] = [];

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
      const due = this.#next;
      if (due === undefined || due.due > end) break;
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

  /** Whoever is due first; of several, who began to wait first. Simulations ask for it millions of times. */
  get #next(): Sleeper | undefined {
    let next = this.#sleepers[0];
    for (const sleeper of this.#sleepers) if (sleeper.due < next!.due) next = sleeper;
    return next;
  }

  #remove(sleeper: Sleeper): void {
    const at = this.#sleepers.indexOf(sleeper);
    if (at >= 0) this.#sleepers.splice(at, 1);
  }
}

/** Lets every promise that can go on go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
