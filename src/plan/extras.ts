/** Extras: removing at the destination what the source does not have, on evidence only. */
import type { Extra } from "../backlog/backlog.ts";
import type { ExtraCursor, ExtraKind } from "../backlog/extra_store.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { NOTHING_SENT, type Outcome } from "../job.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import type { Evidence, Removal } from "../removal.ts";
import { absence, difference } from "./evidence.ts";
import { type RunTrash, trashedBy } from "./run_trash.ts";

/** Extras that are looked at in one go, and how many of them at the same time. */
const PAGE = 256, IN_FLIGHT = 16;

/** What became of one extra. */
interface Verdict {
  readonly extra: Extra;
  /** Null when it is still there. */
  readonly removal: Removal | null;
  /** It is no extra any more: nothing to remove. */
  readonly moot: boolean;
  readonly why: string;
  readonly error: SyncError | null;
}

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
  const { extras } = context.backlog;
  for (;;) {
    const page = extras.files(at.file, PAGE, which);
    if (page.length === 0) break;
    await removePage(context, page, { trash, at });
    at.file = page.at(-1)!;
  }
  for (;;) {
    const page = extras.directories(at.directory, PAGE, which);
    if (page.length === 0) break;
    // one depth at a time: a directory can only go after those inside it
    for (const depth of new Set(page.map((extra) => extra.depth))) {
      const level = page.filter((extra) => extra.depth === depth);
      await removePage(context, level, { trash, at });
    }
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
    const page = backlog.extras.attempted(PAGE);
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
      page.forEach((extra, i) => {
        if (!gone[i]) return;
        const why = "not at the source; removed by a run that was interrupted";
        const trash = moved[i]!;
        const removal = { evidence: evidenceOf(context, extra), trash, at: Date.now() };
        record(context, { extra, removal, moot: false, why, error: null });
      });
      backlog.extras.settled(page);
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
      await mapConcurrently(page, IN_FLIGHT, async (extra) => {
        verdicts.push(await judge(context, extra, trash));
      });
    } finally {
      // what is on record as removed must not be there again after a loss of power
      if (!certain && !signal.aborted) await destination.flush({ signal });
      certain = true;
    }
  } finally {
    // also when the run stops here: what was removed has its record; where the destination has
    // failed, the next run looks whether it is gone
    const told = verdicts.filter(({ removal }) => removal === null || certain || signal.aborted);
    settle(() => {
      for (const verdict of told) record(context, verdict);
      backlog.extras.settled(told.map(({ extra }) => extra));
    });
    for (const { extra } of told) at.recorded.add(extra.path);
  }
  at.recorded.clear();
}

async function judge(
  context: RunContext,
  extra: Extra,
  trash: RunTrash | null,
): Promise<Verdict> {
  const { destination, checkRoots, signal } = context;
  const verdict = { extra, removal: null, moot: false, why: "", error: null };
  try {
    const absent = await absence(context, extra);
    if (absent.refusal !== null) return { ...verdict, why: absent.refusal };
    // after the look: whatever has answered it, it was the root that was scanned
    await checkRoots();
    const there = await destination.look(extra.path, { signal });
    if (there === undefined) return { ...verdict, moot: true };
    const changed = difference(extra, there);
    if (changed !== null) {
      return { ...verdict, why: `not deleted: ${changed} since the scan` };
    }
    const where = trash === null ? null : await trash.take(extra, there);
    // a directory is made anew in the trash: only its removal proves that nothing is in it
    if (extra.kind === "directory") await destination.removeDirectory(extra.path, { signal });
    else if (where === null) await destination.removeFile(extra.path, { signal });
    const { lookedAt, answer } = absent;
    const evidence = { ...evidenceOf(context, extra), lookedAt, answer };
    return {
      ...verdict,
      removal: { evidence, trash: where, at: Date.now() },
      why: absent.proof,
    };
  } catch (error) {
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return {
      ...verdict,
      error,
      why: error.code === "ENOTEMPTY"
        ? "not deleted: the directory is not empty"
        : `not deleted: ${error.message}`,
    };
  }
}

/** What the scans have brought about an extra; the live look is not in it yet. */
function evidenceOf({ backlog }: RunContext, extra: Extra): Evidence {
  return {
    scan: backlog.lastScan()!.id,
    listedAt: backlog.deletions.listedAt(extra.directory),
    scans: extra.missedScans,
    firstMissedAt: extra.firstMissedAt,
    lookedAt: null,
    answer: null,
  };
}

/** Counts and records what became of an extra; inside a transaction. */
function record({ backlog, outcome, run }: RunContext, verdict: Verdict): void {
  const { extra, removal, moot, why } = verdict;
  if (removal !== null) backlog.deletions.record(run, extra, removal);
  else if (!moot) backlog.deletions.refused(run, extra, why);
  if (!moot) outcome(outcomeOf(verdict), null);
  if (removal !== null || moot) backlog.extras.drop(extra);
}

function outcomeOf({ extra, removal, why, error }: Verdict): Outcome {
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
