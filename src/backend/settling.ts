/**
 * Settling: a file that was changed a moment ago is not trusted to show its next change.
 *
 * A kernel stamps changes with a clock that moves every 4 to 10 ms, older file systems with whole
 * seconds. A change in the same tick as the one before leaves the same ctime, so a file that is
 * looked at within the tick of its ctime can change unseen. Once the tick is over it cannot.
 */
import type { ChangeTimes } from "../stamp.ts";

/** Milliseconds after which two changes have different times, with room for clocks that lag. */
const TICK = 20, WHOLE_SECONDS_TICK = 2020;

/** A server's clock may be this far, in ms, behind ours or ahead of it. */
const SKEW = 60_000;

/**
 * How long to wait, in ms, before a look at a file is one that every later change differs from; 0 for
 * all files but those that were changed just now.
 *
 * @param ctime milliseconds since the epoch
 * @param wholeSeconds the ctime has no fraction: the file system may keep none
 * @param now milliseconds since the epoch, before the look that told the ctime
 * @param sameClock the file system's clock is the one that `now` is from
 * @param since milliseconds since the epoch, when the file had this ctime already; null if unknown
 */
export function settlingTime(
  ctime: number,
  { wholeSeconds, now, sameClock, since = null }: {
    readonly wholeSeconds: boolean;
    readonly now: number;
    readonly sameClock: boolean;
    readonly since?: number | null;
  },
): number {
  const tick = wholeSeconds ? WHOLE_SECONDS_TICK : TICK;
  const age = now - ctime;
  if (age > (sameClock ? tick : tick + SKEW)) return 0;
  // on another clock, or one that was set back, a whole tick is long enough in any case: from now,
  // or from when it was seen to have this time
  const seen = since === null || since > now ? 0 : now - since;
  const comparable = sameClock && age >= 0;
  const known = comparable ? Math.max(age, seen) : seen;
  if (known > tick) return 0;
  return known > 0 || comparable ? Math.ceil(tick - known) + 1 : tick;
}

/** Whether a file with these times is still to be waited for. */
export function isUnsettled(
  { ctime, ctimeNanos }: ChangeTimes,
  options: { readonly now: number; readonly sameClock: boolean; readonly since: number | null },
): boolean {
  const wholeSeconds = ctimeNanos === 0;
  return settlingTime(ctime * 1000 + ctimeNanos / 1e6, { wholeSeconds, ...options }) > 0;
}

/** A time in whole seconds at or after which {@link settlingTime} may not be 0, on the same clock. */
export function unsettledSince(now: number): number {
  return Math.floor((now - WHOLE_SECONDS_TICK) / 1000);
}
