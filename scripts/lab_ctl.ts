/**
 * How soon `sluice ctl` takes effect on the wire: a copy with a limit gets another limit, a pause and
 * the end of it while it runs, and the bytes at the client's network interface tell when each holds.
 */

/** A command that is given, and the bytes per second on the wire, each way, that shall follow. */
interface Step {
  readonly words: string;
  /** No second has more from then on. */
  readonly most?: number;
  /** A second has as much. */
  readonly least?: number;
}

const MIB = 2 ** 20;

/** Seconds between two commands, and before the first one. */
const BETWEEN = 6, BEFORE = 8;

/** What goes over the wire in a pause: looks at the roots, and at files that are open. */
const QUIET = 0.05 * MIB;

export const STEPS: readonly Step[] = [
  { words: "limit 5M", most: 1.05 * 5 * MIB },
  { words: "limit 40M", least: 0.9 * 40 * MIB },
  { words: "pause", most: QUIET },
  { words: "resume", least: 0.9 * 40 * MIB },
];

/** The shell commands of a copy that is steered; it writes when each command was given to `steps`. */
export function steeredCopy(
  binary: string,
  { source, destination, temporary }: Readonly<
    Record<"source" | "destination" | "temporary", string>
  >,
): string {
  const db = `${temporary}/x.db`, now = "cut -d' ' -f1 /proc/uptime";
  return [
    `echo $(${now}) > ${temporary}/steps`,
    `${binary} ${source} ${destination} --db ${db} --log ${temporary}/x.log --bwlimit 20M -q &`,
    `sleep ${BEFORE}`,
    ...STEPS.flatMap(({ words }) => [
      `a=$(${now})`,
      `${binary} ctl --db ${db} ${words} || exit 1`,
      `echo $a $(${now}) >> ${temporary}/steps`,
      `sleep ${BETWEEN}`,
    ]),
    `${binary} ctl --db ${db} stop`,
    "wait",
  ].join("\n");
}

/** When a step was given and what came of it; seconds. */
export interface Effect {
  readonly words: string;
  /** From the command's start to its answer; a program takes long to start in the lab's client. */
  readonly took: number;
  /** From the answer until a second begins on the wire that is as it shall be, by direction. */
  readonly read: number | null;
  readonly written: number | null;
}

/**
 * Reads when the steps took effect.
 *
 * @param samples bytes received and sent in each 100 ms, and when these began
 * @param steps what the copy wrote there
 */
export function effects(
  samples: readonly (readonly [received: number, sent: number, began: number])[],
  steps: string,
): Effect[] {
  const [zero, ...times] = steps.trim().split("\n").map((line) => line.split(" ").map(Number));
  const given = times.map(([start, end]) => ({ start: start! - zero![0]!, end: end! - zero![0]! }));
  return given.map(({ start, end }, i) => {
    const { words, most = Infinity, least = 0 } = STEPS[i]!;
    const until = given[i + 1]?.start ?? end + BETWEEN;
    const since = (direction: 0 | 1) => {
      const seconds = samples.slice(0, -9)
        .map(([, , began], at) => ({
          began,
          bytes: samples.slice(at, at + 10).reduce((sum, sample) => sum + sample[direction], 0),
        }))
        .filter(({ began }) => began >= start && began + 1 <= until);
      const first = least > 0
        ? seconds.findIndex(({ bytes }) => bytes >= least)
        : seconds.findLastIndex(({ bytes }) => bytes > most) + 1;
      const began = seconds[first]?.began;
      return began === undefined ? null : Math.max(0, began - end);
    };
    return { words, took: end - start, read: since(0), written: since(1) };
  });
}
