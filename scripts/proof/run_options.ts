/** Options for a run of a soak, at random: everything that may vary without another result. */

/** What is asked of the dice and of the program. */
export interface Choice {
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Arguments, if the program knows the option that they begin with; otherwise none. */
  readonly ifKnown: (...args: readonly [string, ...string[]]) => readonly string[];
  /** The time of day, in ms since the epoch. */
  readonly now: number;
}

/** The options that may let a run end with exit code 0 although more is pending. */
const EARLY_ENDS = ["--stop-after", "--stop-at", "--max-transfer"];

/** Random options; whoever passes them to a run gets a run that is right, if slow. */
export function randomOptions({ random, ifKnown, now }: Choice): string[] {
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const options: string[] = [];
  /** Adds an option in one run of `1 / chance`. The dice fall even where it is not known. */
  const sometimes = (chance: number, name: string, values: readonly string[] = []) => {
    const wanted = random() < chance, value = oneOf(values);
    if (wanted) options.push(...ifKnown(name, ...(value === undefined ? [] : [value])));
  };
  const turn = `${minute(now)},1M ${minute(now + 60_000)},off`;
  sometimes(0.8, "--bwlimit", ["off", "40M", "5M", "1M", "40M:5M", "2M:off", turn]);
  sometimes(0.8, "--checksum", ["sha256", "sha256", "md5", "sha1", "blake2b"]);
  sometimes(0.8, "--block-size", ["64K", "1M", "5M"]);
  sometimes(0.8, "--queue-capacity", ["2", "20"]);
  sometimes(1, "--wait-for-mount", ["1s", "10s"]);
  sometimes(1, "--wait-for-space", ["1s", "10s"]);
  sometimes(0.4, "--lanes", ["1", "2", "7", "40"]);
  sometimes(0.2, "--ops-limit", ["1000", "5000"]);
  sometimes(0.5, "--order", ["path", "size", "largest", "oldest", "newest", "found"]);
  sometimes(0.4, "--retries", ["0", "1", "5"]);
  sometimes(0.2, "--preserve", ["mode", "mode,owner", "mode,owner,xattr"]);
  sometimes(0.1, "--hard-links");
  sometimes(0.1, "--idle");
  sometimes(0.3, "--adaptive");
  sometimes(0.15, "--stop-after", ["1s", "3s", "10s"]);
  sometimes(0.03, "--stop-at", [minute(now + 60_000)]);
  sometimes(0.15, "--max-transfer", ["10K", "500K", "5M"]);
  if (random() < 0.3) options.push(...ifKnown("--no-overlap"));
  else sometimes(0.5, "--overlap");
  sometimes(0.6, "--delete-extras");
  sometimes(0.4, "--rescan");
  return options;
}

/** Whether a run with these options may end before its end, with exit code 0. */
export function mayEndEarly(options: readonly string[]): boolean {
  return options.some((option) => EARLY_ENDS.includes(option));
}

/** What the clock on the wall shows at a time: `06:30`. */
function minute(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":");
}
