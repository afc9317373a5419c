/** Directory times: set from the source when a directory's content is done, deepest first. */
import type { RunContext } from "../context.ts";
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Outcome } from "../job.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import type { Refusal } from "../preserve.ts";
import { stampOf } from "../stamp.ts";
import { keepAttributes } from "./attributes.ts";

/** Directories in one go, and how many of them at the same time. */
const PAGE = 256, IN_FLIGHT = 16;

/** Where the setting of times is, so that one that was paused goes on there. */
export class TimesCursor {
  before = { depth: Number.MAX_SAFE_INTEGER, id: 0 };
}

/** Gives every directory whose content or times differ the times that the source has now. */
export async function setDirectoryTimes(context: RunContext, at: TimesCursor): Promise<void> {
  const { backlog, destination, signal, checkRoots, outcome, settle } = context;
  for (;;) {
    signal.throwIfAborted();
    const page = backlog.directories.untimed(at.before, PAGE, context);
    if (page.length === 0) return;
    await checkRoots();
    const results = await mapConcurrently(page, IN_FLIGHT, (one) => setOne(context, one));
    const done = results.filter((result) => result !== null);
    // what is on record, and exit code 0, must be true after a loss of power
    if (destination.capabilities.durability === "group") await destination.flush({ signal });
    for (const result of done) outcome(result.outcome, null);
    settle(() => {
      for (const { outcome: { directory, status }, mtime } of done) {
        if (status === "success") backlog.directories.timed(directory, mtime);
      }
    });
    at.before = page.at(-1)!;
  }
}

async function setOne(
  { source, destination, signal, clock, options: { preserve } }: RunContext,
  { id, path }: { id: number; path: string },
): Promise<{ outcome: Outcome; mtime: bigint } | null> {
  const began = clock.now();
  let entry: Entry | undefined;
  let error: SyncError | null = null;
  let refusals: readonly Refusal[] = [];
  try {
    entry = await source.look(path, { signal });
    // removed since the scan: the next scan will see to it
    if (entry?.kind !== "directory") return null;
    if (preserve.length > 0) {
      refusals = await keepAttributes(source, destination, path, entry, { preserve, signal });
    }
    await destination.setTimes(path, entry, { signal });
  } catch (thrown) {
    if (!(thrown instanceof SyncError) || thrown.scope === "run") throw thrown;
    error = thrown;
  }
  const outcome: Outcome = {
    directory: id,
    name: "",
    path,
    kind: "directory",
    action: "times",
    reason: "times differ",
    status: error === null ? "success" : "failure",
    size: 0,
    hash: null,
    stamp: entry === undefined ? null : stampOf(entry),
    expected: 0,
    duration: clock.now() - began,
    error: error?.toData() ?? null,
    refusals,
  };
  return { outcome, mtime: entry?.mtime ?? 0n };
}
