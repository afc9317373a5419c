/** Items in runs: neighbours with the same key are given out together, in their order. */
export function* neighbours<T>(
  items: readonly T[],
  keyOf: (item: T) => unknown,
): Generator<readonly [T, ...T[]]> {
  for (let from = 0; from < items.length;) {
    const first = items[from]!, key = keyOf(first);
    let to = from + 1;
    while (to < items.length && keyOf(items[to]!) === key) to += 1;
    yield [first, ...items.slice(from + 1, to)];
    from = to;
  }
}
