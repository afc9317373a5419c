/** The owner's backend of a side: watched, within the limits, and able to be opened again in place. */
import { SyncError, UsageError } from "../errors.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";
import { type Around, within } from "./around.ts";
import type { Backend } from "./backend.ts";
import { paced } from "./operations.ts";
import { isAway } from "./failures.ts";
import { ReadOnlyParts } from "./read_only_parts.ts";
import { type Reopening, withReopening } from "./reopening.ts";
import { openSameRoot } from "./root_guard.ts";
import type { Watch } from "./watch.ts";

/**
 * Opens the root of a side for the owner's thread, which watches its calls.
 *
 * @throws UsageError when it cannot be opened, a run's SyncError when it is gone: nothing has been
 * touched yet
 */
export async function openRoot(
  watch: Watch,
  root: string,
  { opening, operations, way, temporaryName, signal }: {
    readonly opening: (root: string) => Promise<Backend>;
    /** Of what is tried at a root that is written to; null for one that is only read. */
    readonly temporaryName: (() => string) | null;
    /** The budget of operations on this side. */
    readonly operations: TokenBucket;
    /** Put around the calls that are watched; null: nothing. */
    readonly way: Around | null;
    readonly signal: AbortSignal;
  },
): Promise<Reopening> {
  const { side } = watch;
  const opened = async () => {
    const backend = await watch.call("open", "", () => opening(root));
    const { around, put } = paced(way === null ? watch : within(way, watch), operations, {
      signal,
    });
    if (temporaryName === null) return put(backend, around);
    const parts = new ReadOnlyParts(put(backend, around), temporaryName);
    return put(backend, within(parts, around));
  };
  try {
    const first = await opened();
    const expected = first.identity;
    return withReopening(first, () => openSameRoot(root, opened, { side, expected }));
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const message = `cannot use the ${side}: ${error.message}`;
    if (isAway(error)) throw new SyncError(error.code, message, { scope: "run", cause: error });
    throw new UsageError(message, { cause: error });
  }
}
