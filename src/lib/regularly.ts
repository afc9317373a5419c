/** Something that is looked at again and again, by a clock. */
import type { Clock } from "./clock.ts";

/** Calls `look` every so many ms, for the first time after as many, until it is disposed of. */
export function regularly(
  look: () => void,
  { every, clock }: { readonly every: number; readonly clock: Clock },
): Disposable {
  const over = new AbortController();
  const { signal } = over;
  const looking = async () => {
    while (!signal.aborted) {
      // it ends with what is disposed of
      await clock.sleep(every, { signal }).catch(() => {});
      if (!signal.aborted) look();
    }
  };
  looking();
  return { [Symbol.dispose]: () => over.abort() };
}
