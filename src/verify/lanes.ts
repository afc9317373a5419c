/** The lanes of a verification: the same work several times at once, which ends together. */
import type { Clock } from "../lib/clock.ts";

/** What ends lanes, and when those that do not come back are given up. */
export interface LanesOptions {
  readonly signal: AbortSignal;
  /** How long lanes may take to come back after they are to end, in ms. */
  readonly grace: number;
  readonly clock: Clock;
}

/**
 * Runs `lane` `width` times at once, until all are done, one fails or `signal` aborts; then rejects
 * with what one failed with, or the signal's reason. The signal of the lanes aborts in both cases; a
 * lane that does not come back then, because it hangs on a dead mount, is left behind.
 */
export async function inLanes(
  width: number,
  lane: (index: number, signal: AbortSignal) => Promise<void>,
  { signal, grace, clock }: LanesOptions,
): Promise<void> {
  const stop = new AbortController();
  const given = Promise.withResolvers<void>();
  const late = new AbortController();
  stop.signal.addEventListener("abort", () => {
    clock.sleep(grace, { signal: late.signal }).then(given.resolve, given.resolve);
  }, { once: true });
  const interrupt = () => stop.abort(signal.reason);
  if (signal.aborted) interrupt();
  signal.addEventListener("abort", interrupt, { once: true });
  const lanes = Array.from({ length: width }, async (_, index) => {
    try {
      await lane(index, stop.signal);
    } catch (error) {
      // the others need not go on
      stop.abort(error);
    }
  });
  try {
    await Promise.race([Promise.all(lanes), given.promise]);
  } finally {
    late.abort();
    signal.removeEventListener("abort", interrupt);
  }
  stop.signal.throwIfAborted();
}
