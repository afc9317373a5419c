/** What a person is told of a place that does not answer while nothing else could show it yet. */

/** Hears a sentence. */
export type Tell = (sentence: string) => void;

/** How to tell of a place that takes its time. */
export interface TellOptions {
  /** Hears of a place that has not answered for {@link LATE}. Default: nobody does. */
  readonly tell?: Tell | undefined;
}

/** Milliseconds after which somebody who waits would like to know for what. */
const LATE = 5_000;

/** Looks at a place, and tells once when it does not answer: "the source /mnt/old". */
export async function tellingIfLate<T>(
  what: string,
  look: () => Promise<T>,
  { tell }: TellOptions,
): Promise<T> {
  const timer = setTimeout(() => {
    tell?.(`${what} has not answered yet; it goes on when it does, and Ctrl-C ends it`);
  }, LATE);
  try {
    return await look();
  } finally {
    clearTimeout(timer);
  }
}
