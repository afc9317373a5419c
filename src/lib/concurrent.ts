/** Concurrency: some calls in flight at a time, results in order. */

/**
 * Maps `items` with at most `width` calls in flight. When one fails, no further one begins, and the
 * promise rejects with it only when the others have come to their end: nothing goes on behind the
 * caller's back.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  width: number,
  map: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed: { readonly error: unknown } | null = null;
  const worker = async () => {
    while (next < items.length && failed === null) {
      const index = next++;
      try {
        results[index] = await map(items[index]!, index);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (failed !== null) throw (failed as { readonly error: unknown }).error;
  return results;
}
