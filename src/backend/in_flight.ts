/**
 * Works through a list with several items in flight. When one fails, no further item begins, and
 * the promise rejects only when the others have come to their end: nothing goes on behind the
 * caller's back.
 *
 * @param limit items in flight at most
 * @param makeWorker called once for each of them, so that each has its own buffers
 */
export async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  makeWorker: () => (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const run = async () => {
    const work = makeWorker();
    try {
      while (next < items.length) await work(items[next++]!);
    } catch (error) {
      next = items.length;
      throw error;
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, run);
  for (const outcome of await Promise.allSettled(lanes)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}
