/** Whether a run under faults ended as it may: with an exit code that fits what happened to it. */
import type { Ended } from "./program.ts";

/** What happened to a run. */
export interface Happened {
  /** The signals that it was sent. */
  readonly signals: ReadonlySet<string>;
  /** Whether it was asked to end before its end, by an option or while it ran. */
  readonly endsEarly: boolean;
}

/** The exit codes that each outcome of the last line may have. */
const CODES: Readonly<Record<string, readonly number[]>> = {
  "in sync": [0],
  "failures": [1],
  "more pending": [0, 1],
  "interrupted": [129, 130, 143],
  "stopped": [3],
};

/** The signal that an exit code tells of. */
const SIGNALS: Readonly<Record<number, string>> = { 129: "SIGHUP", 130: "SIGINT", 143: "SIGTERM" };

/** Why a run may not have ended so, in one sentence; null when it may. */
export function objection(
  { code, signal, stderr, outcome }: Ended,
  { signals, endsEarly }: Happened,
): string | null {
  const how = `a run ended with ${signal ?? `exit code ${code}`} (${outcome}): ${stderr}`;
  // the runtime aborts when a directory that it lists cannot be closed, which no file system does
  if (signal === "SIGABRT" && /unexpected error during closedir/.test(stderr)) return null;
  if (/Uncaught|panicked|at file:/.test(stderr)) return how;
  if (signal !== null) return signals.has(signal) ? null : `nobody sent that, ${how}`;
  const signalTold = SIGNALS[code!];
  if (signalTold !== undefined && !signals.has(signalTold)) return `nobody sent that, ${how}`;
  if (outcome === null) {
    // a call that failed before the program had begun
    if (/error while loading shared libraries/.test(stderr)) return null;
    // a root or a database that refuses at the start; a signal in the first or the last moment
    const oneLine = stderr.split("\n").filter((line) => !line.startsWith("warning: ")).length === 1;
    return [2, 3].includes(code!) && oneLine || signalTold !== undefined ? null : how;
  }
  // a second signal ends it at once, also after the last line
  if (signalTold !== undefined) return null;
  if (outcome === "more pending" && !endsEarly) return `nobody asked for its end, ${how}`;
  return CODES[outcome]?.includes(code!) ? null : how;
}
