/**
 * The watch over calls that are not answered.
 *
 * A call on a dead mount does not fail, it does not return. The watch knows which calls of a thread
 * are under way since when, so that a person can be told; and when the run is to end, it gives up
 * waiting for them, so that what is finished still settles. The calls themselves cannot be taken
 * back: each goes on in its thread of the pool.
 */
import type { Side } from "../event.ts";
import type { Clock } from "../lib/clock.ts";
import type { Around, Call } from "./around.ts";

/** A call that was not answered yet. */
export interface Pending {
  readonly side: Side;
  /** Relative to the root; "" for the root itself, or when it is not about one path. */
  readonly path: string;
  /** How long it has been under way, in ms. */
  readonly age: number;
}

/** What a {@link Watch} works with. */
export interface WatchOptions {
  readonly side: Side;
  readonly clock: Clock;
  /** After its abort, calls are waited for no longer than {@link PATIENCE}. */
  readonly signal: AbortSignal;
  /**
   * How many calls of each side are under way, for a thread that hangs in one of them and can tell
   * nobody: source, then destination.
   */
  readonly counts?: Int32Array;
}

/** Milliseconds that a call may take after an abort, and those that it takes when all is well. */
const PATIENCE = 1000, USUAL = 2500;

/** Milliseconds between two looks at the calls under way after an abort. */
const LOOK = 100;

interface Underway {
  readonly call: Call;
  readonly path: string;
  readonly since: number;
  readonly giveUp: (reason: unknown) => void;
}

/** Watches the calls of one thread to one side; put around them by `withAround`. */
export class Watch implements Around, Disposable {
  readonly #options: WatchOptions;
  readonly #index: number;
  readonly #underway = new Set<Underway>();
  readonly #ended = new AbortController();
  #givenUp = false;

  get side(): Side {
    return this.#options.side;
  }

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#index = options.side === "source" ? 0 : 1;
    const { signal } = options;
    const onAbort = () => void this.#giveUpInTime();
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true, signal: this.#ended.signal });
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  /** The call that has been under way longest; null when none is. */
  oldest(): Pending | null {
    const { side, clock } = this.#options;
    // in the order in which they began
    for (const { path, since } of this.#underway) {
      return { side, path, age: clock.now() - since };
    }
    return null;
  }

  call<T>(call: Call, path: string, make: () => Promise<T>): Promise<T> {
    if (this.#givenUp) return Promise.reject(this.#options.signal.reason);
    return new Promise((resolve, reject) => {
      const one = { call, path, since: this.#options.clock.now(), giveUp: reject };
      this.#underway.add(one);
      this.#count(1);
      const over = () => {
        this.#underway.delete(one);
        this.#count(-1);
      };
      started(make).then((value) => {
        over();
        resolve(value);
      }, (error) => {
        over();
        reject(error);
      });
    });
  }

  now<T>(_call: Call, _path: string, make: () => T): T {
    this.#count(1);
    try {
      return make();
    } finally {
      this.#count(-1);
    }
  }

  #count(change: number): void {
    const { counts } = this.#options;
    if (counts !== undefined) Atomics.add(counts, this.#index, change);
  }

  /** A flush that takes its time is waited for, a call that hung before is not. */
  async #giveUpInTime(): Promise<void> {
    const { clock, signal } = this.#options;
    const aborted = clock.now();
    try {
      while (!this.#ended.signal.aborted) {
        await clock.sleep(LOOK, this.#ended);
        const now = clock.now();
        if (now - aborted < PATIENCE) continue;
        const age = this.oldest()?.age ?? 0;
        if (age >= USUAL) break;
      }
    } catch {
      // disposed of: nothing is under way
      return;
    }
    this.#givenUp = true;
    for (const { giveUp } of this.#underway) giveUp(signal.reason);
  }
}

/** A call that throws before it waits has failed like any other. */
async function started<T>(make: () => Promise<T>): Promise<T> {
  return await make();
}
