/** Endings: when a run is to end before its end. */
import type { Local } from "../bandwidth.ts";
import { formatDuration } from "../lib/units.ts";

/** What the operator has set. */
export interface EndingOptions {
  /** After so many milliseconds; null (default) for never. */
  readonly stopAfter?: number | null;
  /** When the clock on the wall shows so many minutes since midnight; null (default) for never. */
  readonly stopAt?: number | null;
}

/** A time that has come, and why it ends the run. */
export class Ending {
  readonly #after: { readonly due: number; readonly why: string } | null = null;
  readonly #at: { readonly due: number; readonly why: string } | null = null;

  /** @param now of the clock, in ms, and `today`, in ms since the epoch, when the run begins */
  constructor(
    { stopAfter = null, stopAt = null }: EndingOptions,
    { now, today, local }: { now: number; today: number; local: Local },
  ) {
    if (stopAfter !== null) {
      const why = `the ${formatDuration(stopAfter / 1000)} of --stop-after are over`;
      this.#after = { due: now + stopAfter, why };
    }
    if (stopAt !== null) {
      const two = (n: number) => String(n).padStart(2, "0");
      const time = `${two(Math.floor(stopAt / 60))}:${two(stopAt % 60)}`;
      this.#at = { due: nextTime(stopAt, today, local), why: `it is ${time}, as --stop-at says` };
    }
  }

  /** Whether there can be an ending. */
  get isSet(): boolean {
    return this.#after !== null || this.#at !== null;
  }

  /** Why the run is to end now; null while it is not. */
  why(now: number, today: number): string | null {
    if (this.#after !== null && now >= this.#after.due) return this.#after.why;
    return this.#at !== null && today >= this.#at.due ? this.#at.why : null;
  }
}

const MINUTE = 60_000, DAY = 24 * 60;

/**
 * The first moment after `from` at which the clock on the wall comes to `minute` since midnight, in ms
 * since the epoch; where it is put forward over that time, the moment at which that is done.
 */
export function nextTime(minute: number, from: number, local: Local): number {
  let before = local(from).minute;
  // a day of 25 hours, and some
  for (let at = Math.floor(from / MINUTE) * MINUTE + MINUTE;; at += MINUTE) {
    const now = local(at).minute;
    const passed = (now - before + DAY) % DAY;
    // less than half a day: the clock went on, otherwise it was put back
    if (passed < DAY / 2 && passed > 0 && (now - minute + DAY) % DAY < passed) return at;
    before = now;
  }
}
