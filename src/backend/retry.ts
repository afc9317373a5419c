/**
 * The retry of single calls: on a share, a call that fails for a passing reason is made again after
 * a while. What cannot be made again unseen (a write, a flush, a rename) fails its file, which is
 * tried again as a whole later in the run.
 */
import { SyncError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { backoff } from "../lib/backoff.ts";
import type { Around, Call } from "./around.ts";

/** What a {@link Retry} works with. */
export interface RetryOptions {
  /** How often a call is made again at most. */
  readonly retries: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Rejects when the whole place is out of reach: then nobody tries anything again. */
  readonly alive: () => Promise<void>;
  /** From 0 up to 1. Default: `Math.random`. */
  readonly random?: () => number;
}

/** The first pause, and the longest, in ms. */
const FIRST = 500, LONGEST = 30_000;

/** Calls that have the same effect when they are made twice, and whose failure hides nothing. */
const REPEATABLE: ReadonlySet<Call> = new Set<Call>([
  ...["look", "list", "listMore", "open", "dataFrom", "read", "lookAgain", "create"] as const,
  ...["makeDirectory", "setTimes", "xattrs"] as const,
]);

/** Repeatable calls that do not look the path up again. */
const BY_HANDLE: ReadonlySet<Call> = new Set<Call>(["read", "dataFrom", "listMore"]);

/** Makes calls again; put around them by `withAround`. */
export class Retry implements Around {
  readonly #options: RetryOptions;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  call<T>(call: Call, _path: string, make: () => Promise<T>): Promise<T> {
    return REPEATABLE.has(call) ? this.#repeat(call, make) : make();
  }

  /** The short way is for places that answer at once; what fails there takes the ordinary one. */
  now<T>(_call: Call, _path: string, make: () => T): T {
    return make();
  }

  async #repeat<T>(call: Call, make: () => Promise<T>): Promise<T> {
    const { retries, clock, signal, alive, random } = this.#options;
    for (let tries = 0;; tries++) {
      try {
        return await make();
      } catch (error) {
        if (tries >= retries || !isPassing(call, error)) throw error;
      }
      // all who meet an error share one look at the root: a server that is gone is not hammered
      await alive();
      await clock.sleep(backoff(tries, { first: FIRST, longest: LONGEST, random }), { signal });
    }
  }
}

function isPassing(call: Call, error: unknown): boolean {
  if (!(error instanceof SyncError) || !error.retryable || error.scope === "run") return false;
  // what has changed stays so; a handle that is stale stays so, while a path is looked up anew
  if (error.code === "ECHANGED") return false;
  return error.code !== "ESTALE" || !BY_HANDLE.has(call);
}
