/** Extras: removing at the destination what the source does not have, on evidence only. */
import type { Extra } from "../backlog/backlog.ts";
import type { ExtraCursor, ExtraKind } from "../backlog/extra_store.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { NOTHING_SENT, type Outcome } from "../job.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import type { Removal } from "../removal.ts";
import { judge, type Verdict } from "./judge.ts";
import { type RunTrash, trashedBy } from "./run_trash.ts";

/**
 * Extras that are removed between two records, which are waits for the disk: where calls answer at
 * once, and where so many take a while.
 */
const PAGE = { immediate: 1024, waiting: 256 } as const;

/** Extras of a killed run that are looked at in one go, and how many of them at the same time. */
const ATTEMPTED = 256, IN_FLIGHT = 16;

/**
 * Removes extras: files first, then the directories that have become empty, deepest first. Each is
 * looked at on both sides at that moment; what does not look as the scan said is refused.
 *
 * `which` are "conflicts" (they make way for the transfer) or "others" (they go after it); they are
 * moved to `trash` if there is one.
 */
export async function removeExtras(
  context: RunContext,
  { which, trash, at = new RemovalCursor() }: {
    readonly which: ExtraKind;
    readonly trash: RunTrash | null;
    /** Where to go on, after a pause. Default: at the beginning. */
    readonly at?: RemovalCursor;
  },
): Promise<void> {
  const { backlog: { extras }, destination } = context;
  const size = PAGE[destination.capabilities.latency];
  for (;;) {
    const page = extras.files(at.file, size, which);
    if (page.length === 0) break;
    await removePage(context, page, { trash, at });
    at.file = page.at(-1)!;
  }
  for (;;) {
    const page = extras.directories(at.directory, size, which);
    if (page.length === 0) break;
    await removePage(context, page, { trash, at });
    at.directory = page.at(-1)!;
  }
}

/** Where a removal is, so that one that was paused goes on there: each extra has one record. */
export class RemovalCursor {
  file: Omit<ExtraCursor, "depth"> = { directory: 0, name: "" };
  directory: ExtraCursor = { depth: Number.MAX_SAFE_INTEGER, directory: 0, name: "" };
  /** Paths of the page under way that are recorded already. */
  readonly recorded = new Set<string>();
}

/**
 * Finds out what became of removals that a killed run had begun, so that each that was done has its
 * record. Before a scan, which would only see that there is nothing.
 */
export async function settleAttempted(context: RunContext): Promise<void> {
  const { backlog, destination, checkRoots, settle, signal } = context;
  for (;;) {
    const page = backlog.extras.attempted(ATTEMPTED);
    if (page.length === 0) return;
    await checkRoots();
    const gone = await mapConcurrently(page, IN_FLIGHT, async (extra) => {
      try {
        return await destination.look(extra.path, { signal }) === undefined;
      } catch (error) {
        // it cannot be said: the scan will look at it anew
        if (!(error instanceof SyncError) || error.scope === "run") throw error;
        return false;
      }
    });
    const moved = await mapConcurrently(
      page,
      IN_FLIGHT,
      (extra, i) => gone[i] ? trashedBy(context, extra) : Promise.resolve(null),
    );
    settle(() => {
      const why = "not at the source; removed by a run that was interrupted";
      record(
        context,
        page.flatMap((extra, i) => {
          const removed = { trash: moved[i]!, at: Date.now(), look: null };
          return gone[i] ? [{ extra, removed, moot: false, why, error: null }] : [];
        }),
      );
      backlog.extras.settled(page.filter((_, i) => !gone[i]));
    });
  }
}

async function removePage(
  context: RunContext,
  all: readonly Extra[],
  { trash, at }: { trash: RunTrash | null; at: RemovalCursor },
): Promise<void> {
  const { destination, signal, checkRoots, backlog, run, settle } = context;
  signal.throwIfAborted();
  await checkRoots();
  const page = all.filter(({ path }) => !at.recorded.has(path));
  // a run that is killed between a removal and its record finds here that it had begun
  settle(() => backlog.extras.attempt(run, page));
  const verdicts: Verdict[] = [];
  let certain = destination.capabilities.durability === "file";
  try {
    try {
      await judge(context, page, { trash, verdict: (verdict) => verdicts.push(verdict) });
    } finally {
      // what is on record as removed must not be there again after a loss of power
      if (!certain && !signal.aborted) await destination.flush({ signal });
      certain = true;
    }
  } finally {
    // also when the run stops here: what was removed has its record; where the destination has
    // failed, the next run looks whether it is gone
    const told = verdicts.filter(({ removed }) => removed === null || certain || signal.aborted);
    settle(() => record(context, told));
    for (const { extra } of told) at.recorded.add(extra.path);
  }
  at.recorded.clear();
}

/** Counts and records what became of extras; inside a transaction. */
function record({ backlog, outcome, run }: RunContext, verdicts: readonly Verdict[]): void {
  const { extras, deletions } = backlog;
  const scan = backlog.lastScan()!.id, listedAt = deletions.listingTimes();
  const removals: { extra: Extra; removal: Removal }[] = [];
  const dropped: Extra[] = [], left: Extra[] = [];
  for (const verdict of verdicts) {
    const { extra, removed, moot, why } = verdict;
    const removal = removed === null ? null : {
      evidence: {
        scan,
        listedAt: listedAt(extra.directory),
        scans: extra.missedScans,
        firstMissedAt: extra.firstMissedAt,
        lookedAt: removed.look?.at ?? null,
        answer: removed.look?.answer ?? null,
      },
      trash: removed.trash,
      at: removed.at,
    };
    if (removal !== null) removals.push({ extra, removal });
    else if (!moot) deletions.refused(run, extra, why);
    if (!moot) outcome(outcomeOf(verdict, removal), null);
    (removal !== null || moot ? dropped : left).push(extra);
  }
  deletions.record(run, removals);
  extras.drop(dropped);
  extras.settled(left);
}

function outcomeOf({ extra, why, error }: Verdict, removal: Removal | null): Outcome {
  return {
    ...NOTHING_SENT,
    detail: why,
    directory: extra.directory,
    name: extra.name,
    path: extra.path,
    kind: extra.kind,
    action: removal === null ? "refuse" : removal.trash === null ? "delete" : "trash",
    reason: "not at the source",
    status: removal === null ? "failure" : "success",
    size: extra.kind === "file" ? extra.size : 0,
    error: error?.toData() ?? null,
    ...(removal !== null && { removal }),
  };
}
