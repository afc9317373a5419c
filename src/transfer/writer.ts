/** The writer of a lane: items in, files at the destination out. */
import type { Backend, FileWriter } from "../backend/backend.ts";
import type { Block, Carried, Item } from "../block.ts";
import { join } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Side } from "../event.ts";
import { directoryMade, type Job, type Outcome } from "../job.ts";
import type { Clock } from "../lib/clock.ts";
import { actionFor } from "../operation.ts";
import type { Preservable, Refusal } from "../preserve.ts";
import { type Stamp, stampOf, timesOf } from "../stamp.ts";
import { type Parcel, PROGRESS } from "../parcel.ts";
import { Underway } from "./underway.ts";
import type { Group } from "./group.ts";
import { isGone, mayBeGone } from "./gone.ts";
import type { KnownDirectories } from "./known_directories.ts";
import type { StagedDirectory } from "./staged.ts";
import type { Streams } from "./streams.ts";
import { keepAttributes } from "./attributes.ts";
import { writeStretches } from "./holes.ts";

/** Blocks of files on a share that are being written and flushed at the same time. */
const WRITES = { each: 3, all: 8 };

/** What a writer works with. */
export interface WriterOptions {
  readonly source: Backend;
  readonly destination: Backend;
  readonly group: Group;
  readonly streams: Streams;
  /** Shared by the lanes of a thread. */
  readonly known: KnownDirectories;
  readonly clock: Clock;
  /** Attributes to apply beside the times. */
  readonly preserve: readonly Preservable[];
  /** Small files come in parcels: directories can be made with them. */
  readonly parcels: boolean;
  readonly signal: AbortSignal;
  /** Throws a run's error when the root of a side is not what it was; a file failed there. */
  readonly checkRoot: (side: Side) => Promise<void>;
  /** Bytes of a file have been handed to the destination; null when no file is under way. */
  readonly progress: (carried: Carried | null, done: number) => void;
  /** Bytes of files that have reached their end, one way or the other, and will be settled. */
  readonly ended: (bytes: number) => void;
}

/** Writes everything that `batches` bring; what was begun and not completed leaves nothing behind. */
export async function writeItems(
  batches: AsyncIterable<Item[]>,
  options: WriterOptions,
): Promise<void> {
  let writer: FileWriter | null = null;
  let begun: Begun = { failed: null, made: null, above: null, left: 0 };
  // on a share, a block is on its way while the one before is being flushed
  const waiting = options.destination.capabilities.latency === "waiting";
  const underway = new Underway(() => waiting ? options.streams.blocks(WRITES) : 1);
  try {
    for await (const batch of batches) {
      for (const item of batch) {
        if (item.type === "begin") {
          begun = await beginJob(item.job, options);
          const completing = completed(begun, 0, options);
          if (completing !== undefined) await completing;
          continue;
        }
        if (item.type === "parcel") {
          await writeParcel(item, begun, options);
          let carried = 0;
          for (let i = 0; i < item.progress.length; i++) {
            if (item.progress[i] !== PROGRESS.taken) carried += 1;
          }
          const completing = completed(begun, carried, options);
          if (completing !== undefined) await completing;
          continue;
        }
        const { carried } = item;
        if (begun.failed !== null) carried.failed ??= { side: "destination", error: begun.failed };
        await awaitName(begun, options);
        if (item.type === "link") await writeLink(carried, options);
        else {
          if (carried.failed === null && item.offset === 0) writer = await begin(carried, options);
          const writing = writer !== null && carried.failed === null
            ? write(writer, item, options).finally(item.release)
            : item.release();
          if (writing !== undefined) await underway.add(writing);
          if (item.last) {
            await underway.all();
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
    await underway.all().catch(() => {/* what ends this lane is thrown already */});
    await writer?.abort();
  }
}

/** Writes a parcel; those of its files that take the ordinary way do it here, one by one. */
async function writeParcel(
  parcel: Parcel,
  begun: Begun,
  options: WriterOptions,
): Promise<void> {
  const { job, files, progress } = parcel;
  const { failed: jobError, made } = begun;
  if (jobError === null) {
    try {
      if (made?.directory.open === false) await awaitName(begun, options);
      const within = made?.directory.open ? made : null;
      const small = options.destination.small!;
      const directory = within?.directory.hold() ?? small.holdAtOnce?.(job.path) ??
        await small.hold(job.path);
      const writing = directory.write(parcel);
      if (writing !== undefined) await writing;
      parcel.duration = (options.clock.now() - parcel.began) / files.length;
      const bytes = files.reduce((sum, { size }, i) => sum + (isWritten(parcel, i) ? size : 0), 0);
      options.ended(bytes);
      begun.above = parcel.above;
      const staging = options.group.stageParcel(parcel, directory, within);
      if (staging !== undefined) await staging;
    } catch (error) {
      // writing them one by one finds the same error, for each file
      entryError(error);
    }
  }
  for (let i = 0, at = 0; i < files.length; i++) {
    const file = files[i]!;
    const end = at + file.size;
    if (progress[i] === PROGRESS.read) {
      await awaitName(begun, options);
      const carried: Carried = {
        job,
        file,
        path: join(job.path, file.name),
        entry: null,
        stamp: parcel.stamp(i),
        began: parcel.began,
        failed: jobError === null ? null : { side: "destination", error: jobError },
      };
      await writeAlone(carried, parcel.data.subarray(at, end), parcel.hashes[i]!, options);
    }
    at = end;
  }
  parcel.unload();
}

/** What becomes of one file of a parcel that got as far as its final name. */
export function outcomeInParcel(parcel: Parcel, index: number): Outcome {
  const { job, files, hashes, duration } = parcel;
  const file = files[index]!;
  return {
    directory: job.directory,
    name: file.name,
    path: join(job.path, file.name),
    kind: "file",
    action: actionFor(file.reason),
    reason: file.reason,
    status: "success",
    size: file.size,
    hash: hashes[index]!,
    stamp: parcel.stamp(index),
    expected: file.size,
    duration,
    error: null,
  };
}

function isWritten({ progress }: Parcel, index: number): boolean {
  return progress[index] === PROGRESS.written;
}

/** Writes a file whose bytes are all there. */
async function writeAlone(
  carried: Carried,
  data: Uint8Array,
  hash: string,
  options: WriterOptions,
): Promise<void> {
  const block: Block = { type: "block", carried, offset: 0, data, last: true, hash, release() {} };
  const writer = carried.failed === null ? await begin(carried, options) : null;
  try {
    if (carried.failed === null) await write(writer!, block, options);
  } catch (error) {
    await writer?.abort();
    throw error;
  }
  await end(writer, block, options);
}

/** What a job begins with. */
interface Begun {
  /** The error that fails all its files. */
  readonly failed: SyncError | null;
  /** Its directory, if it is one that is made with its files. */
  readonly made: StagedDirectory | null;
  /** What the source's directory was when the last parcel was read; null where that is not known. */
  above: Stamp | null;
  /** Files of the job that have not come in a parcel. */
  left: number;
}

/** Waits until the directory of a job can be reached by its path, or is known not to come. */
async function awaitName({ made }: Begun, { group }: WriterOptions): Promise<void> {
  if (made !== null) await group.reach(made);
}

/** So many files came in a parcel. A new directory is complete when all have; or see `awaitName`. */
function completed(
  begun: Begun,
  files: number,
  { group }: WriterOptions,
): Promise<void> | undefined {
  begun.left -= files;
  const { made, above, left } = begun;
  if (left > 0 || made === null) return;
  // no more names are given in it
  if (above !== null) made.directory.setTimes?.(above);
  return group.complete(made);
}

/** Makes the directories that the job's files need. */
async function beginJob(job: Job, options: WriterOptions): Promise<Begun> {
  const { destination, group, signal, parcels, known } = options;
  const missing = job.missing.filter(({ directory }) => !known.has(directory));
  group.begin(job, job.files.length + missing.length);
  let failed: SyncError | null = null;
  let made: StagedDirectory | null = null;
  for (const { directory, path } of missing) {
    const base = directoryMade(directory, path);
    if (failed !== null) {
      // the failure above is recorded; what could not be tried is tried again when that is
      group.failed(job, { ...base, action: "keep", status: "skipped", error: failed.toData() });
      continue;
    }
    try {
      const { small } = destination;
      const together = parcels && small?.make !== undefined;
      if (together && job.whole !== null && directory === job.directory) {
        const making = small.makeAtOnce?.(path) ?? await small.make!(path);
        made = group.stageDirectory(job, making, base);
      } else {
        await destination.makeDirectory(path, { signal });
        known.add(directory);
        group.made(job, base);
      }
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
      failed = error;
      group.failed(job, { ...base, status: "failure", error: error.toData() });
    }
  }
  return { failed, made, above: null, left: job.files.length };
}

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
    if (block.carried.sparse) await writeStretches(writer, block, options);
    else await writer.write(block.data, block.offset, options);
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
  let refusals: readonly Refusal[] = [];
  try {
    if (carried.failed === null) {
      if (carried.sparse) await writer!.extend(carried.entry!.size, options);
      await writer!.finish(carried.entry ?? timesOf(carried.stamp!), options);
      refusals = await keep(carried, writer!.temporary, options);
    }
  } catch (error) {
    // what stops the run (a full disk) must not leave its temporary behind
    if (!(error instanceof SyncError) || error.scope === "run") await writer?.abort();
    carried.failed = { side: "destination", error: entryError(error) };
  }
  options.progress(null, 0);
  if (carried.failed === null) {
    const outcome = { ...outcomeOf(carried, hash, options), refusals };
    options.ended(outcome.size);
    await options.group.stage(carried.job, writer!, outcome);
    return;
  }
  await writer?.abort();
  await fail(carried, options);
}

async function writeLink(carried: Carried, options: WriterOptions): Promise<void> {
  const { destination, group, signal } = options;
  let refusals: readonly Refusal[] = [];
  try {
    if (carried.failed === null) {
      await destination.createLink(carried.path, carried.entry!, { signal });
      refusals = await keep(carried, carried.path, options);
    }
  } catch (error) {
    carried.failed = { side: "destination", error: entryError(error) };
  }
  if (carried.failed === null) {
    group.made(carried.job, { ...outcomeOf(carried, null, options), refusals });
  } else await fail(carried, options);
}

/** Applies attributes, where the run was asked to keep any. */
async function keep(
  { path, entry, stamp, file }: Carried,
  to: string,
  { source, destination, preserve, signal }: WriterOptions,
): Promise<readonly Refusal[]> {
  if (preserve.length === 0) return [];
  const { uid, gid, mode } = entry ?? stamp!;
  const owned = { kind: file.kind, uid, gid, mode };
  return await keepAttributes(source, destination, path, owned, { preserve, signal, to });
}

/** Reports a file that failed, unless the failure turns out to be larger than the file. */
async function fail(carried: Carried, options: WriterOptions): Promise<void> {
  const { side, error } = carried.failed!;
  await options.checkRoot(side);
  const outcome = outcomeOf(carried, null, options);
  options.ended(outcome.size);
  if (side === "source" && mayBeGone(error)) {
    // the root is there and the file is not: it was removed after the scan, which is no failure
    if (await isGone(carried, options)) {
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

function outcomeOf(carried: Carried, hash: string | null, { clock }: WriterOptions): Outcome {
  const { job, file, path, entry, stamp, began } = carried;
  return {
    directory: job.directory,
    name: file.name,
    path,
    kind: file.kind,
    action: actionFor(file.reason),
    reason: file.reason,
    status: "success",
    size: stamp !== null ? file.size : entry?.kind === "file" ? entry.size : 0,
    hash,
    stamp: stamp ?? (entry === null ? null : stampOf(entry)),
    expected: file.size,
    duration: clock.now() - began,
    error: null,
  };
}

/** An error that fails the file; anything larger goes on to stop the run. */
function entryError(error: unknown): SyncError {
  if (error instanceof SyncError && error.scope === "entry") return error;
  throw error;
}
