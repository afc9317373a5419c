/** Lanes: how many files are carried at once, and by how many threads. */
import type { Capabilities } from "./backend/backend.ts";
import { boundBy } from "./backend/bound_by.ts";

/** Threads and lanes that carry. */
export interface TransferPlan {
  readonly threads: number;
  /** Lanes of each thread. */
  readonly lanes: number;
  /** Nobody has asked for a number, and another may do more: see `control/lane_climber.ts`. */
  readonly adapts: boolean;
}

/** Lanes of one thread: a lane waits for two calls at once, and a thread's pool makes 32. */
const MOST_IN_THREAD = 16;

/** Threads, at most: each takes about 20 MB, and a moment to begin. */
const MOST_THREADS = 16;

/** Threads where a side is a share, if there are so many cores. */
const ON_SHARES = 2;

/** Lanes in all, at most: each has a block in its hands. */
export const MOST_LANES = 256;

/**
 * How many threads and lanes suit the two sides.
 *
 * On a share, calls wait and lanes hide the waiting. On a local disk they answer at once, and
 * threads share the work.
 *
 * @param wanted lanes in all; null for what suits
 * @param cores of this machine
 */
export function transferPlan(
  sides: { readonly source: Capabilities; readonly destination: Capabilities },
  { wanted, cores }: { readonly wanted: number | null; readonly cores: number },
): TransferPlan {
  if (boundBy(sides.source, sides.destination) === "local") {
    const threads = Math.min(wanted ?? Math.max(1, Math.min(cores, 4)), MOST_THREADS);
    return { threads, lanes: Math.ceil((wanted ?? threads) / threads), adapts: false };
  }
  const useful = Math.max(1, Math.min(cores, ON_SHARES));
  const all = wanted ?? useful * MOST_IN_THREAD;
  const threads = Math.max(Math.min(useful, all), Math.ceil(all / MOST_IN_THREAD));
  return { threads, lanes: Math.ceil(all / threads), adapts: wanted === null };
}
