/**
 * Lost directories: those that were at the destination when it was scanned, and that somebody has
 * removed since. A run that resumes does not scan, so it finds out when a file fails.
 */
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";

/**
 * Looks at what failures have made doubtful. What is gone is recorded as such, with all that was in
 * it, and tried in `turn`.
 */
export async function recordLost(context: RunContext, turn: number): Promise<void> {
  const { backlog, statistics } = context;
  const { lost, transfer } = backlog;
  let doubted = lost.next(0);
  if (doubted === undefined) return;
  for (; doubted !== undefined; doubted = lost.next(doubted.id)) {
    let top = null;
    for (let at: typeof doubted | undefined = doubted; at !== undefined; at = lost.above(at)) {
      // what is to be made says nothing about those above it
      if (at.isAbsent) continue;
      if (!(await isGone(context, at.path))) break;
      top = at;
    }
    const found = top;
    if (found !== null) backlog.transaction(() => lost.lost(found, turn));
  }
  backlog.transaction(() => lost.cleared());
  transfer.forgetAbove();
  statistics.pending(transfer.pending());
  statistics.backlog(transfer.transferable());
}

async function isGone({ destination, signal }: RunContext, path: string): Promise<boolean> {
  // what has become of the root is for others to say
  if (path === "") return false;
  try {
    return await destination.look(path, { signal }) === undefined;
  } catch (error) {
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return false;
  }
}
