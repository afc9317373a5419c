/** Times: what a place keeps of a time that it is given, and when two times count as equal. */

/**
 * What becomes of a modification time that a symbolic link is given. `kept`: it is kept as that of a
 * file is. `lost`: it is refused, or the place says that it is set and it is not (NFS-Ganesha with
 * NFSv3). `followed`: what the link leads to gets it, though that was not asked for (SFTP has no other
 * way), and so would all else that a link is given.
 */
export type LinkTimes = "kept" | "lost" | "followed";

/** What a place makes of the times that it is given. All in nanoseconds (since the epoch). */
export interface TimeKeeping {
  /**
   * The finest difference that survives: 1 on ext4, a whole second on ext3, two on FAT; {@link LOST}
   * where no time does.
   */
  readonly precision: bigint;
  /** Earlier and later times become this one; null where none was found. */
  readonly earliest: bigint | null;
  readonly latest: bigint | null;
  /**
   * What is added to a time between setting and reading it, where a place keeps local time and
   * reckons back by another rule. Mostly 0 alone; with summer time there may be two. Where times go
   * over the edge of 32 bits, {@link WRAP} and its negative are among them.
   */
  readonly shifts: readonly bigint[];
  /** What becomes of the times of symbolic links. */
  readonly links: LinkTimes;
}

/** The precision of a place that does not keep the times of files. */
export const LOST = 0n;

/** When a time of the source and one of the destination are equal. */
export interface TimeRule extends Omit<TimeKeeping, "precision"> {
  /** They must be closer than this many nanoseconds; 1 asks for equality. */
  readonly window: bigint;
}

/** What 32 bits of seconds are too short for, in nanoseconds: from 1960, SFTP makes 2096. */
export const WRAP = 2n ** 32n * 1_000_000_000n;

/**
 * The whole seconds, in 1677 and in 2262, up to which nanoseconds fit a signed 64-bit number. Many
 * file systems keep times beyond them.
 */
export const EARLIEST_RECORDED = -9_223_372_035_000_000_000n;
export const LATEST_RECORDED = 9_223_372_035_000_000_000n;

/** A time as listings and the database keep it; what is beyond their range becomes its end. */
export function recordedTime(time: bigint): bigint {
  if (time > LATEST_RECORDED) return LATEST_RECORDED;
  return time < EARLIEST_RECORDED ? EARLIEST_RECORDED : time;
}

/** What is expected of a place where nothing could be tried. */
export function usualKeeping(precision: bigint): TimeKeeping {
  return { precision, earliest: null, latest: null, shifts: [0n], links: "kept" };
}

/** The rule of two places that keep nanoseconds. */
export const EXACT: TimeRule = {
  window: 1n,
  earliest: null,
  latest: null,
  shifts: [0n],
  links: "kept",
};

/** Whether a destination that was given the time `source` may show it as `destination`. */
export function isSameTime(
  source: bigint,
  destination: bigint,
  { window, earliest, latest, shifts }: TimeRule,
): boolean {
  // the bulk of all comparisons
  if (source === destination) return true;
  // either may come from a record
  const there = recordedTime(destination);
  let wanted = recordedTime(source);
  if (latest !== null && wanted > latest) wanted = latest;
  if (earliest !== null && wanted < earliest) wanted = earliest;
  return shifts.some((shift) => {
    const apart = wanted + shift - there;
    return apart < window && -apart < window;
  });
}

/**
 * The rule for two sides: the coarser one counts.
 *
 * @param source the finest difference that the source keeps, in nanoseconds
 * @param modifyWindow what a person asked for instead: the largest difference, in nanoseconds, that
 * counts as none
 */
export function timeRule(
  source: bigint,
  { precision, ...kept }: TimeKeeping,
  modifyWindow: number | null,
): TimeRule {
  const coarser = source > precision ? source : precision;
  const window = modifyWindow === null ? coarser : BigInt(modifyWindow) + 1n;
  return { window, ...kept };
}
