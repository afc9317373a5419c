/** Directory times: set from the source when a directory's content is done, deepest first. */
import type { Backend, NameLook } from "../backend/backend.ts";
import { inTheWay } from "../backend/failures.ts";
import type { RunContext } from "../context.ts";
import { baseOf, type Entry, parentOf } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Outcome } from "../job.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import { neighbours } from "../lib/neighbours.ts";
import type { Refusal } from "../preserve.ts";
import { stampOf } from "../stamp.ts";
import { keepAttributes } from "./attributes.ts";
import { lookIfThere } from "./gone.ts";

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
    const done = await setTogether(context, page);
    const known = new Set(done.map(({ outcome }) => outcome.directory));
    const others = page.filter(({ id }) => !known.has(id));
    const results = await mapConcurrently(others, IN_FLIGHT, (one) => setOne(context, one));
    for (const result of results) if (result !== null) done.push(result);
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

/** A directory whose times were to be set. */
interface Untimed {
  readonly id: number;
  readonly path: string;
}

/** What came of it, and the mtime that the source has. */
interface Timed {
  readonly outcome: Outcome;
  readonly mtime: bigint;
}

/**
 * On disks that answer at once, neighbours in few crossings: one by one they take four times as long.
 * What is out of the ordinary is left out, for {@link setOne} to find out about.
 */
async function setTogether(context: RunContext, page: readonly Untimed[]): Promise<Timed[]> {
  const { source, destination, signal, clock, options: { preserve } } = context;
  const done: Timed[] = [];
  if (source.holdNames === undefined || destination.holdNames === undefined) return done;
  if (preserve.length > 0) return done;
  // the root is in no directory
  const inOne = page.filter(({ path }) => path !== "");
  for (const some of neighbours(inOne, ({ path }) => parentOf(path))) {
    const parent = parentOf(some[0].path);
    signal.throwIfAborted();
    const began = clock.now();
    try {
      using from = await source.holdNames(parent, { signal });
      using to = await destination.holdNames(parent, { signal });
      const found: { readonly id: number; readonly path: string; readonly entry: Entry }[] = [];
      const looks = from.look(some.map(({ path }) => baseOf(path)));
      for (const [i, look] of looks.entries()) {
        const { id, path } = some[i]!;
        if (!isDirectory(look)) continue;
        found.push({ id, path, entry: { ...look, name: baseOf(path), target: "" } });
      }
      const there = to.look(found.map(({ entry }) => entry.name));
      const directories = found.filter((_, i) => isDirectory(there[i]));
      const errors = to.setTimes(directories.map(({ entry }) => entry));
      const duration = (clock.now() - began) / some.length;
      for (const [i, { id, path, entry }] of directories.entries()) {
        if (errors[i] === null) done.push(timed({ id, path, entry, duration }));
      }
    } catch (error) {
      // neither of them could be held: each is found to be so by itself
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
    }
  }
  return done;
}

function isDirectory(look: NameLook | SyncError | undefined): look is NameLook {
  return look !== undefined && !(look instanceof SyncError) && look.kind === "directory";
}

async function setOne(
  { source, destination, signal, clock, times, options: { preserve } }: RunContext,
  { id, path }: Untimed,
): Promise<Timed | null> {
  const began = clock.now();
  let entry: Entry | undefined;
  let error: SyncError | null = null;
  let refusals: readonly Refusal[] = [];
  try {
    entry = await lookIfThere(source, path, { signal });
    // removed since the scan: the next scan will see to it
    if (entry?.kind !== "directory") return null;
    await demandDirectory(destination, path, signal);
    if (preserve.length > 0) {
      refusals = await keepAttributes(source, destination, path, entry, {
        preserve,
        links: times.links,
        signal,
      });
    }
    await destination.setTimes(path, entry, { signal });
  } catch (thrown) {
    if (!(thrown instanceof SyncError) || thrown.scope === "run") throw thrown;
    error = thrown;
  }
  return timed({ id, path, entry, error, refusals, duration: clock.now() - began });
}

/**
 * A link that somebody has put in a directory's place would take the times, and what the run has
 * written would be elsewhere. On a share a look is a round trip, and the next scan finds it.
 */
async function demandDirectory(
  destination: Backend,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (destination.capabilities.latency === "waiting") return;
  const there = await destination.look(path, { signal });
  if (there !== undefined && there.kind !== "directory") throw inTheWay(there.kind, path);
}

function timed(
  { id, path, entry, duration, error = null, refusals = [] }: Untimed & {
    readonly entry: Entry | undefined;
    readonly duration: number;
    readonly error?: SyncError | null;
    readonly refusals?: readonly Refusal[];
  },
): Timed {
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
    duration,
    error: error?.toData() ?? null,
    refusals,
  };
  return { outcome, mtime: entry?.mtime ?? 0n };
}
