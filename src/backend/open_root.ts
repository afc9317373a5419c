/** The owner's backend of a side: watched, within the limits, and able to be opened again in place. */
import { SyncError, UsageError } from "../errors.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";
import { withAround, within } from "./around.ts";
import type { Backend } from "./backend.ts";
import { Operations, withOperations } from "./operations.ts";
import { type Reopening, withReopening } from "./reopening.ts";
import { openSameRoot } from "./root_guard.ts";
import type { Watch } from "./watch.ts";

/**
 * Opens the root of a side for the owner's thread, which watches its calls.
 *
 * @throws UsageError when it cannot even be opened: nothing has been touched yet
 */
export async function openRoot(
  watch: Watch,
  root: string,
  { opening, operations, signal }: {
    readonly opening: (root: string) => Promise<Backend>;
    /** The budget of operations on this side. */
    readonly operations: TokenBucket;
    readonly signal: AbortSignal;
  },
): Promise<Reopening> {
  const { side } = watch;
  const opened = async () => {
    const backend = await watch.call("open", "", () => opening(root));
    if (operations.rate === null) return withAround(backend, watch);
    return withOperations(backend, within(new Operations(operations, { signal }), watch));
  };
  try {
    const first = await opened();
    const expected = first.identity;
    return withReopening(first, () => openSameRoot(root, opened, { side, expected }));
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw new UsageError(`cannot use the ${side}: ${error.message}`, { cause: error });
  }
}
