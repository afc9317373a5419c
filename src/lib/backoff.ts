/** Backoff: pauses that double, with jitter, so that many who failed together do not come together. */

/**
 * How long to wait before the next try, in ms.
 *
 * @param tries pauses before this one
 */
export function backoff(
  tries: number,
  { first, longest, random = Math.random }: {
    /** The first pause, in ms. */
    readonly first: number;
    /** The longest one, in ms. */
    readonly longest: number;
    /** From 0 up to 1. */
    readonly random?: () => number;
  },
): number {
  return Math.min(longest, first * 2 ** tries) * (1 - random() / 2);
}
