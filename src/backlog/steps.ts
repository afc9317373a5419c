/**
 * Steps of a page: one query for each column that a page goes on by.
 *
 * SQLite looks up `(depth, id) < (?, ?)` by the depth alone where `id` is the number of the row: each
 * page would go through all of its level again. `depth = ? AND id < ?`, and then `depth < ?`, are
 * looked up as a whole.
 */

/**
 * What the steps give, one after the other, until there are `limit` of it. A step is told how many are
 * still wanted, and may give more: a number of rows that is always the same is cheaper, see `rows.ts`.
 */
export function inSteps<T>(limit: number, steps: readonly ((left: number) => T[])[]): T[] {
  const found: T[] = [];
  for (const step of steps) {
    if (found.length < limit) {
      found.push(...step(limit - found.length).slice(0, limit - found.length));
    }
  }
  return found;
}
