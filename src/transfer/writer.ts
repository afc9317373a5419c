/** The writer of a lane: items in, files at the destination out. */
import type { Backend, FileWriter } from "../backend/backend.ts";
import type { Block, Carried, Item } from "../block.ts";
import type { Times } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Side } from "../event.ts";
import type { Job, Outcome } from "../job.ts";
import type { Clock } from "../lib/clock.ts";
import { stampOf } from "../stamp.ts";
import type { Group } from "./group.ts";

const SECOND = 1_000_000_000n;

/** What a writer works with. */
export interface WriterOptions {
  readonly source: Backend;
  readonly destination: Backend;
  readonly group: Group;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Throws a run's error when the root of a side is not what it was; a file failed there. */
  readonly checkRoot: (side: Side) => Promise<void>;
  /** Bytes of a file have been handed to the destination; null when no file is under way. */
  readonly progress: (carried: Carried | null, done: number) => void;
  /** A file has reached its end, one way or the other, and will be settled. */
  readonly ended: (outcome: Outcome) => void;
}

/** Writes everything that `batches` bring; what was begun and not completed leaves nothing behind. */
export async function writeItems(
  batches: AsyncIterable<Item[]>,
  options: WriterOptions,
): Promise<void> {
  let writer: FileWriter | null = null;
  let jobError: SyncError | null = null;
  try {
    for await (const batch of batches) {
      for (const item of batch) {
        if (item.type === "begin") {
          jobError = await beginJob(item.job, options);
          continue;
        }
        if (jobError !== null) item.carried.failed ??= { side: "destination", error: jobError };
        if (item.type === "link") await writeLink(item.carried, options);
        else if (!writeSmall(item, options)) {
          const { carried } = item;
          if (carried.failed === null && item.offset === 0) writer = await begin(carried, options);
          if (carried.failed === null) await write(writer!, item, options);
          item.release();
          if (item.last) {
            const ended: FileWriter | null = writer;
            writer = null;
            await end(ended, item, options);
          }
        }
      }
      const pacing = options.group.pace();
      if (pacing !== undefined) await pacing;
    }
  } finally {
    await writer?.abort();
  }
}

/** Writes a whole small file where the destination has a short way; false to take the other. */
function writeSmall(item: Block, options: WriterOptions): boolean {
  const { carried } = item;
  if (carried.failed !== null || item.offset !== 0 || !item.last) return false;
  const { small } = options.destination;
  if (small === undefined) return false;
  const stamp = carried.stamp ?? stampOf(carried.entry!);
  const staged = small.write(carried.path, item.data, stamp);
  if (staged === null) return false;
  item.release();
  const outcome = outcomeOf(carried, item.hash, options);
  options.ended(outcome);
  void options.group.stage(carried.job, staged, outcome);
  return true;
}

/** Makes the directories that the job's files need. Returns the error that fails all its files. */
async function beginJob(job: Job, { destination, group, signal }: WriterOptions) {
  group.begin(job, job.files.length + job.missing.length);
  let failed: SyncError | null = null;
  for (const { directory, path } of job.missing) {
    const base: Outcome = {
      ...ABOUT_NOTHING,
      directory,
      path,
      kind: "directory",
      action: "mkdir",
      reason: "not at the destination",
    };
    if (failed !== null) {
      // the failure above was recorded; what could not be tried is tried again by the next run
      group.failed(job, { ...base, action: "keep", status: "skipped" });
      continue;
    }
    try {
      await destination.makeDirectory(path, { signal });
      group.made(job, base);
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
      failed = error;
      group.failed(job, { ...base, status: "failure", error: error.toData() });
    }
  }
  return failed;
}

const ABOUT_NOTHING = {
  name: "",
  status: "success",
  size: 0,
  hash: null,
  stamp: null,
  asScanned: false,
  expected: 0,
  duration: 0,
  error: null,
} as const;

async function begin(
  carried: Carried,
  { destination, signal }: WriterOptions,
): Promise<FileWriter | null> {
  try {
    return await destination.create(carried.path, { signal });
  } catch (error) {
    carried.failed = { side: "destination", error: entryError(error) };
    return null;
  }
}

async function write(writer: FileWriter, block: Block, options: WriterOptions): Promise<void> {
  if (block.data.length === 0) return;
  try {
    await writer.write(block.data, block.offset, options);
    options.progress(block.carried, block.offset + block.data.length);
  } catch (error) {
    block.carried.failed = { side: "destination", error: entryError(error) };
  }
}

async function end(
  writer: FileWriter | null,
  { carried, hash }: Block,
  options: WriterOptions,
): Promise<void> {
  try {
    if (carried.failed === null) await writer!.finish(timesOf(carried), options);
  } catch (error) {
    // what stops the run (a full disk) must not leave its temporary behind
    if (!(error instanceof SyncError) || error.scope === "run") await writer?.abort();
    carried.failed = { side: "destination", error: entryError(error) };
  }
  options.progress(null, 0);
  if (carried.failed === null) {
    const outcome = outcomeOf(carried, hash, options);
    options.ended(outcome);
    await options.group.stage(carried.job, writer!, outcome);
    return;
  }
  await writer?.abort();
  await fail(carried, options);
}

async function writeLink(carried: Carried, options: WriterOptions): Promise<void> {
  const { destination, group, signal } = options;
  try {
    if (carried.failed === null) {
      await destination.createLink(carried.path, carried.entry!, { signal });
    }
  } catch (error) {
    carried.failed = { side: "destination", error: entryError(error) };
  }
  if (carried.failed === null) group.made(carried.job, outcomeOf(carried, null, options));
  else await fail(carried, options);
}

/** Reports a file that failed, unless the failure turns out to be larger than the file. */
async function fail(carried: Carried, options: WriterOptions): Promise<void> {
  const { side, error } = carried.failed!;
  await options.checkRoot(side);
  const outcome = outcomeOf(carried, null, options);
  options.ended(outcome);
  if (side === "source" && error.code === "ENOENT") {
    // the root is there and the file is not: it was removed after the scan, which is no failure
    if (await isGone(carried.path, options)) {
      options.group.failed(carried.job, {
        ...outcome,
        action: "skip",
        status: "skipped",
        reason: "no longer at the source",
        error: null,
      });
      return;
    }
  }
  options.group.failed(carried.job, { ...outcome, status: "failure", error: error.toData() });
}

/** Whether the source says for certain that a file is not there any more. */
async function isGone(path: string, { source, signal }: WriterOptions): Promise<boolean> {
  try {
    return await source.look(path, { signal }) === undefined;
  } catch (error) {
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return false;
  }
}

function outcomeOf(carried: Carried, hash: string | null, { clock }: WriterOptions): Outcome {
  const { job, file, path, entry, stamp, began } = carried;
  return {
    directory: job.directory,
    name: file.name,
    path,
    kind: file.kind,
    action: file.reason === "not at the destination" ? "copy" : "overwrite",
    reason: file.reason,
    status: "success",
    size: stamp !== null ? file.size : entry?.kind === "file" ? entry.size : 0,
    hash,
    stamp: stamp ?? (entry === null ? null : stampOf(entry)),
    asScanned: stamp !== null,
    expected: file.size,
    duration: clock.now() - began,
    error: null,
  };
}

/** The times that the destination gets. */
function timesOf({ entry, stamp }: Carried): Pick<Times, "mtime" | "atime"> {
  if (entry !== null) return entry;
  const time = (seconds: number, nanos: number) => BigInt(seconds) * SECOND + BigInt(nanos);
  return {
    mtime: time(stamp!.mtime, stamp!.mtimeNanos),
    atime: time(stamp!.atime, stamp!.atimeNanos),
  };
}

/** An error that fails the file; anything larger goes on to stop the run. */
function entryError(error: unknown): SyncError {
  if (error instanceof SyncError && error.scope === "entry") return error;
  throw error;
}
