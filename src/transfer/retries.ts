/**
 * Retries: what failed for a passing reason, or changed while it was read, is tried again when the
 * rest is done, with longer and longer pauses between.
 */
import type { RunContext } from "../context.ts";
import { backoff } from "../lib/backoff.ts";
import { formatDuration } from "../lib/units.ts";
import type { TransferPlan } from "../lanes.ts";
import { recordLost } from "./lost.ts";
import { Transfer } from "./transfer.ts";

/** The first pause, and the longest, in ms. */
const FIRST = 2000, LONGEST = 60_000;

/** Tries again what is due, at most `--retries` times. Each turn is at its end before the next. */
export async function retryFailed(context: RunContext, plan: TransferPlan): Promise<void> {
  const { options, backlog, clock, signal, statistics, note } = context;
  await recordLost(context, 1);
  for (let turn = 1; turn <= options.retries; turn++) {
    const due = backlog.retries.due(turn);
    if (due === 0) continue;
    const pause = backoff(turn - 1, { first: FIRST, longest: LONGEST });
    const what = due === 1 ? "1 file or directory" : `${due} files or directories`;
    const message = `${what} failed for a passing reason or changed while being read: trying ` +
      `again in ${formatDuration(Math.ceil(pause / 1000))} (try ${turn + 1} of ` +
      `${options.retries + 1})`;
    note(message);
    statistics.notice(message);
    try {
      await clock.sleep(pause, { signal });
    } finally {
      // whoever interrupts has something else to say
      if (!signal.aborted) statistics.notice(null);
    }
    const transfer = new Transfer(context, plan, { scan: null, turn });
    transfer.complete();
    await transfer.done;
    backlog.transaction(() => backlog.retries.done(turn));
    await recordLost(context, turn + 1);
  }
}
