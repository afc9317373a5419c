/** Extras: removing at the destination what the source does not have, on evidence only. */
import type { Extra } from "../backlog/backlog.ts";
import type { ExtraCursor, ExtraKind } from "../backlog/extra_store.ts";
import type { RunContext } from "../context.ts";
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Outcome } from "../job.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import { checkRoot } from "../transfer/carrier.ts";

/** Extras that are looked at in one go, and how many of them at the same time. */
const PAGE = 256, IN_FLIGHT = 16;

/** What became of one extra. */
interface Verdict {
  readonly extra: Extra;
  readonly removed: boolean;
  /** It is no extra any more: nothing to remove. */
  readonly moot: boolean;
  readonly why: string;
  readonly error: SyncError | null;
}

/**
 * Removes extras: files first, then the directories that have become empty, deepest first. Each is
 * looked at on both sides at that moment; what does not look as the scan said is refused.
 *
 * @param which "conflicts" make way for the transfer, "others" go after it
 */
export async function removeExtras(context: RunContext, which: ExtraKind): Promise<void> {
  const { extras } = context.backlog;
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = extras.files(after, PAGE, which);
    if (page.length === 0) break;
    after = page.at(-1)!;
    await removePage(context, page);
  }
  let before: ExtraCursor = { depth: Number.MAX_SAFE_INTEGER, directory: 0, name: "" };
  for (;;) {
    const page = extras.directories(before, PAGE, which);
    if (page.length === 0) break;
    before = page.at(-1)!;
    // one depth at a time: a directory can only go after those inside it
    for (const depth of new Set(page.map((extra) => extra.depth))) {
      await removePage(context, page.filter((extra) => extra.depth === depth));
    }
  }
}

/**
 * Finds out what became of removals that a killed run had begun, so that each that was done has its
 * record. Before a scan, which would only see that there is nothing.
 */
export async function settleAttempted(context: RunContext): Promise<void> {
  const { backlog, destination, identities, outcome, settle, signal } = context;
  for (;;) {
    const page = backlog.extras.attempted(PAGE);
    if (page.length === 0) return;
    await checkRoot(destination, identities.destination, "destination", signal);
    const gone = await mapConcurrently(page, IN_FLIGHT, async (extra) => {
      try {
        return await destination.look(extra.path, { signal }) === undefined;
      } catch (error) {
        // it cannot be said: the scan will look at it anew
        if (!(error instanceof SyncError) || error.scope === "run") throw error;
        return false;
      }
    });
    settle(() => {
      page.forEach((extra, i) => {
        if (!gone[i]) return;
        const why = "not at the source; removed by a run that was interrupted";
        outcome(outcomeOf({ extra, removed: true, moot: false, why, error: null }), null);
        backlog.extras.drop(extra);
      });
      backlog.extras.settled(page);
    });
  }
}

async function removePage(context: RunContext, page: readonly Extra[]): Promise<void> {
  const { signal, identities, backlog, outcome, settle } = context;
  signal.throwIfAborted();
  for (const side of ["source", "destination"] as const) {
    await checkRoot(context[side], identities[side], side, signal);
  }
  // a run that is killed between a removal and its record finds here that it had begun
  settle(() => backlog.extras.attempt(page));
  const verdicts: Verdict[] = [];
  try {
    await mapConcurrently(page, IN_FLIGHT, async (extra) => {
      verdicts.push(await judge(context, extra));
    });
  } finally {
    // also when the run stops here: what was removed has its record
    settle(() => {
      for (const verdict of verdicts) {
        const { extra, removed, moot } = verdict;
        if (!moot) outcome(outcomeOf(verdict), null);
        if (removed || moot) backlog.extras.drop(extra);
      }
      backlog.extras.settled(verdicts.map(({ extra }) => extra));
    });
  }
}

async function judge(context: RunContext, extra: Extra): Promise<Verdict> {
  const { destination, signal } = context;
  const verdict = { extra, removed: false, moot: false, why: "", error: null };
  try {
    const evidence = await absence(context, extra);
    if (evidence.refusal !== null) return { ...verdict, why: evidence.refusal };
    const there = await destination.look(extra.path, { signal });
    if (there === undefined) return { ...verdict, moot: true };
    const changed = difference(extra, there);
    if (changed !== null) {
      return { ...verdict, why: `not deleted: ${changed} since the scan` };
    }
    if (extra.kind === "directory") await destination.removeDirectory(extra.path, { signal });
    else await destination.removeFile(extra.path, { signal });
    return { ...verdict, removed: true, why: evidence.proof };
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

/** A live look at the source: only "no such file" proves that it is not there. */
async function absence(
  { source, signal }: RunContext,
  extra: Extra,
): Promise<{ refusal: string | null; proof: string }> {
  let there: Entry | undefined;
  try {
    there = await source.look(extra.path, { signal });
  } catch (error) {
    // below a path at which the source has a file, nothing can be: the scan saw that file, and
    // the kernel says the same now
    if (extra.conflict && error instanceof SyncError && error.code === "ENOTDIR") {
      return { refusal: null, proof: "the source has a file where this directory was" };
    }
    throw error;
  }
  if (there === undefined) return { refusal: null, proof: "not at the source" };
  const kindsDiffer = (there.kind === "directory") !== (extra.kind === "directory");
  if (extra.conflict && kindsDiffer) {
    return { refusal: null, proof: `the source has a ${there.kind} here` };
  }
  return { refusal: "not deleted: the source has it now", proof: "" };
}

/** How what is at the destination differs from what the scan saw there; null when it does not. */
function difference(extra: Extra, there: Entry): string | null {
  if (there.kind !== extra.kind) return "it changed its kind";
  if (extra.kind === "directory") return null;
  if (there.size !== extra.size) return "its size changed";
  return there.mtime === extra.mtime ? null : "its time changed";
}

function outcomeOf({ extra, removed, why, error }: Verdict): Outcome {
  return {
    detail: why,
    directory: extra.directory,
    name: extra.name,
    path: extra.path,
    kind: extra.kind,
    action: removed ? "delete" : "refuse",
    reason: "not at the source",
    status: removed ? "success" : "failure",
    size: extra.kind === "file" ? extra.size : 0,
    hash: null,
    stamp: null,
    asScanned: false,
    expected: 0,
    duration: 0,
    error: error?.toData() ?? null,
  };
}
