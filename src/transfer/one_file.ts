/** One file at the destination: it is begun, written and ended, and what has failed is told of. */
import type { Backend, FileWriter } from "../backend/backend.ts";
import type { Block, Carried } from "../block.ts";
import { entryError, SyncError } from "../errors.ts";
import type { Side } from "../event.ts";
import type { Outcome } from "../job.ts";
import type { Clock } from "../lib/clock.ts";
import { actionFor } from "../operation.ts";
import type { Preservable, Refusal } from "../preserve.ts";
import { stampOf, timesOf } from "../stamp.ts";
import type { LinkTimes } from "../times.ts";
import { keepAttributes } from "./attributes.ts";
import { demandRoom } from "./full.ts";
import { isGone, mayBeGone } from "./gone.ts";
import type { Group } from "./group.ts";
import { writeStretches } from "./holes.ts";
import type { KnownDirectories } from "./known_directories.ts";
import type { Streams } from "./streams.ts";

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
  /** What the destination does with what its symbolic links are given. */
  readonly links: LinkTimes;
  /** Small files come in parcels: directories can be made with them. */
  readonly parcels: boolean;
  readonly signal: AbortSignal;
  /** Throws a run's error when the root of a side is not what it was; a file failed there. */
  readonly checkRoot: (side: Side) => Promise<void>;
  /** Bytes of a file have been handed to the destination; null when no file is under way. */
  readonly progress: (carried: Carried | null, done: number) => void;
  /** Parcels of a job that may be written at the same time, at least 1. Asked for each. */
  readonly width: () => number;
  /** Whether there is a job to write. */
  readonly busy: (busy: boolean) => void;
  /** Bytes of files that have reached their end, one way or the other, and will be settled. */
  readonly ended: (bytes: number) => void;
}

/** Writes a file whose bytes are all there. */
export async function writeAlone(
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

/** A writer for a file, or null when it has failed. */
export async function begin(
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

/** Writes a block of a file. */
export async function write(
  writer: FileWriter,
  block: Block,
  options: WriterOptions,
): Promise<void> {
  if (block.data.length === 0) return;
  try {
    if (block.carried.sparse) await writeStretches(writer, block, options);
    else await writer.write(block.data, block.offset, options);
    options.progress(block.carried, block.offset + block.data.length);
  } catch (error) {
    block.carried.failed = { side: "destination", error: entryError(error) };
  }
}

/** A file has come to its end, or has failed: stages it, or reports the failure. */
export async function end(
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

/** Makes a symbolic link. */
export async function writeLink(carried: Carried, options: WriterOptions): Promise<void> {
  const { destination, group, links, signal } = options;
  let refusals: readonly Refusal[] = [];
  try {
    if (carried.failed === null) {
      const { target, mtime, atime } = carried.entry!;
      const link = links === "kept" ? { target, times: { mtime, atime } } : { target };
      await destination.createLink(carried.path, link, { signal });
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
  { source, destination, preserve, links, signal }: WriterOptions,
): Promise<readonly Refusal[]> {
  if (preserve.length === 0) return [];
  const { uid, gid, mode } = entry ?? stamp!;
  const owned = { kind: file.kind, uid, gid, mode };
  return await keepAttributes(source, destination, path, owned, { preserve, links, signal, to });
}

/** Reports a file that failed, unless the failure turns out to be larger than the file. */
async function fail(carried: Carried, options: WriterOptions): Promise<void> {
  const { side, error } = carried.failed!;
  await options.checkRoot(side);
  const { path, file: { size } } = carried;
  if (side === "destination") {
    await demandRoom(options.destination, { path, size, error }, options.signal);
  }
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
