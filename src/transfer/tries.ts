/** Tries: which failures are tried again later in the run. */
import type { RunContext } from "../context.ts";
import type { Outcome } from "../job.ts";

/**
 * Whether a failure of turn `turn` is one that is tried again later, and not told of until then. So is
 * what was skipped for an error: nothing else would say that it is missing. In a transaction.
 */
export function isTriedAgain(
  { options, backlog }: RunContext,
  { directory, name, status, error }: Outcome,
  turn: number,
): boolean {
  if (status === "success" || error === null) return false;
  // where the directory is gone, it is made again
  const isLost = error.code === "ENOENT";
  if (isLost) backlog.lost.suspect(directory);
  if (!error.retryable && !isLost || turn >= options.retries) return false;
  backlog.retries.add(directory, name, turn + 1);
  return true;
}

/** The same outcome; of a failure that was tried several times, it says so. */
export function withTries(outcome: Outcome, turn: number): Outcome {
  const { status, error } = outcome;
  if (turn === 0 || status !== "failure" || error === null) return outcome;
  return { ...outcome, error: { ...error, message: `${error.message} (tried ${turn + 1} times)` } };
}
