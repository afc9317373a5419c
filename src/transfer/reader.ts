/** The reader of a lane: jobs in, blocks of their files out, one file after the other. */
import type { Backend } from "../backend/backend.ts";
import { nameOf } from "../backend/failures.ts";
import type { Block, Carried, Item } from "../block.ts";
import { joinTime } from "../stamp.ts";
import { type Entry, join, type Kind } from "../entry.ts";
import { entryError, SyncError } from "../errors.ts";
import type { Job, JobFile } from "../job.ts";
import type { Clock } from "../lib/clock.ts";
import type { Gate } from "../lib/gate.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";
import { isPlain, Parcel, PARCEL_BYTES, parcelFrom, PROGRESS } from "../parcel.ts";
import type { Buffers } from "./buffers.ts";
import { holeBlocks } from "./holes.ts";
import { ReadAhead } from "./read_ahead.ts";
import type { Streams } from "./streams.ts";
import { costOf } from "./throttle.ts";

/** What a reader works with. */
export interface ReaderOptions {
  readonly source: Backend;
  /** Small files go in parcels: both sides have the short way. */
  readonly parcels: boolean;
  /** Files that a parcel should have at most. */
  readonly mostInParcel: () => number;
  readonly buffers: Buffers;
  readonly streams: Streams;
  /** Bytes, at least 1. */
  readonly blockSize: number;
  /** Paces the reads, so that a lane does not take in faster than it may send. */
  readonly bucket: TokenBucket;
  /** Closed while the run is paused. */
  readonly gate: Gate;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Gives other tasks of the thread a turn now and then. */
  readonly breathe: () => Promise<void> | undefined;
}

/** Blocks of files on a share that are being read at the same time, without and with a limit. */
const AHEAD = { each: 4, all: 8 }, AHEAD_LIMITED = { each: 2, all: Infinity };

const EMPTY = new Uint8Array(0);
const nothing = () => {};

/** Small items travel together: at most so many of them, and so many bytes. */
const BATCH_ITEMS = 16, BATCH_BYTES = PARCEL_BYTES;

/** All items of the jobs that `take` hands out, until it hands out undefined, in batches. */
export async function* readItems(
  take: () => Promise<Job | undefined>,
  options: ReaderOptions,
): AsyncGenerator<Item[]> {
  const { bucket, gate, clock, signal, breathe } = options;
  const waiting = options.source.capabilities.latency === "waiting";
  let batch: Item[] = [];
  let bytes = 0;
  const takeBatch = () => {
    const items = batch;
    batch = [];
    bytes = 0;
    return items;
  };
  for (let job = await take(); job !== undefined; job = await take()) {
    batch.push({ type: "begin", job });
    // its directory is made while its first files are read
    if (waiting) yield takeBatch();
    const parcels = options.parcels && isPlain(job.path);
    for (let next = 0; next < job.files.length;) {
      signal.throwIfAborted();
      const opening = gate.pass(options);
      if (opening !== undefined) await opening;
      const limit = bucket.slice(PARCEL_BYTES);
      const small = parcels ? parcelFrom(job.files, next, limit, options.mostInParcel()) : [];
      let alone: readonly JobFile[] = small.length > 0 ? [] : [job.files[next]!];
      next += small.length + alone.length;
      if (small.length > 0) {
        const size = small.reduce((sum, { size }) => sum + size, 0);
        if (bytes + size > bucket.slice(BATCH_BYTES) && batch.length > 0) yield takeBatch();
        const pacing = bucket.take(costOf({ files: small.length, bytes: size }, waiting), options);
        if (pacing !== undefined) {
          // should it reject while the batch is on its way, that is seen when it is awaited
          pacing.catch(() => {});
          if (batch.length > 0) yield takeBatch();
          await pacing;
        }
        const parcel = await readParcel(job, small, size, options);
        batch.push(parcel);
        bytes += size;
        alone = parcel.files.filter((_, i) => parcel.progress[i] === PROGRESS.taken);
      }
      for (const file of alone) {
        const carried: Carried = {
          job,
          file,
          path: join(job.path, file.name),
          entry: null,
          stamp: null,
          began: clock.now(),
          failed: null,
        };
        if (file.kind === "symlink") {
          await readLink(carried, options);
          batch.push({ type: "link", carried });
        } else {
          for await (const block of readBlocks(carried, options)) yield [...takeBatch(), block];
        }
      }
      // what was waited for is worth a turn of its own: the writer can begin to wait as well
      if (batch.length >= BATCH_ITEMS || waiting) yield takeBatch();
      const breath = breathe();
      if (breath !== undefined) await breath;
    }
    if (batch.length > 0) yield takeBatch();
  }
}

/** Reads small files; those that are not `read` afterwards must be read one by one. */
async function readParcel(
  job: Job,
  files: readonly JobFile[],
  size: number,
  { source, buffers, clock }: ReaderOptions,
): Promise<Parcel> {
  const { data, release } = buffers.borrowParcel(size);
  const parcel = new Parcel(job, files, { data, release, began: clock.now() });
  try {
    const small = source.small!;
    using directory = small.holdAtOnce?.(job.path) ?? await small.hold(job.path);
    const reading = directory.read(parcel);
    if (reading !== undefined) await reading;
  } catch (error) {
    // reading them one by one finds the same error, for each file
    entryError(error);
  }
  return parcel;
}

async function readLink(carried: Carried, { source, signal }: ReaderOptions): Promise<void> {
  try {
    const entry = await source.look(carried.path, { signal });
    if (entry === undefined) throw vanished(carried.path);
    if (entry.kind !== "symlink") throw notALink(entry.kind, carried.path);
    carried.entry = entry;
  } catch (error) {
    carried.failed = { side: "source", error: entryError(error) };
  }
}

async function* readBlocks(carried: Carried, options: ReaderOptions): AsyncGenerator<Block> {
  let ended = false;
  try {
    const { job: { listed }, file: { scanned } } = carried;
    const seen = listed === null ? undefined : {
      ctime: joinTime(scanned.ctime, scanned.ctimeNanos),
      at: listed,
    };
    const { signal } = options;
    await using reader = await options.source.open(carried.path, { signal, seen });
    carried.entry = reader.entry;
    carried.sparse = reader.sparse;
    const { size } = reader.entry;
    // where content begins must be known before it is read
    const inTurn = reader.sparse || options.source.capabilities.latency === "immediate";
    // what is asked for in advance would come at once after a stall
    const depth = () =>
      inTurn ? 1 : options.streams.blocks(options.bucket.rate === null ? AHEAD : AHEAD_LIMITED);
    using _stream = size > options.blockSize ? options.streams.begin() : null;
    await using ahead = new ReadAhead(reader, depth, options);
    let offset = 0;
    do {
      if (carried.failed !== null) break;
      const data = reader.sparse ? Math.min(size, await reader.dataFrom(offset, options)) : offset;
      for (const hole of holeBlocks(offset, data)) {
        options.signal.throwIfAborted();
        if (carried.failed !== null) break;
        const last = hole.offset + hole.data.length === size;
        if (last) checkUnchanged(carried, await reader.look(options));
        yield { ...block(carried, hole.offset, hole.data, last, nothing), hole: true };
        ended = last;
        // a hole is nothing to wait for, and may be a terabyte
        const breath = options.breathe();
        if (breath !== undefined) await breath;
      }
      offset = data;
      if (ended || carried.failed !== null) break;
      const { loan, read } = await ahead.next(offset);
      try {
        const { length } = loan.data;
        if (read < length) {
          throw changed(carried.path, `it ends at byte ${offset + read} of ${size}`);
        }
        const last = offset + length === size;
        if (last) checkUnchanged(carried, await reader.look(options));
        offset += length;
        yield block(carried, offset - length, loan.data, last, loan.release);
        ended = last;
      } catch (error) {
        loan.release();
        throw error;
      }
    } while (offset < size);
  } catch (error) {
    carried.failed ??= { side: "source", error: entryError(error) };
  }
  // the writer waits for a last block, whatever happened
  if (!ended) yield block(carried, 0, EMPTY, true, nothing);
}

function block(
  carried: Carried,
  offset: number,
  data: Uint8Array,
  last: boolean,
  release: () => void,
): Block {
  return { type: "block", carried, offset, data, last, hash: null, release };
}

/** The bytes are those of one state of the file only if it looks the same before and after. */
function checkUnchanged({ entry, path }: Carried, after: Entry | undefined): void {
  if (after === undefined) throw changed(path, "it was removed");
  const before = entry!;
  if (after.inode !== before.inode || after.device !== before.device) {
    throw changed(path, "it was replaced");
  }
  if (after.size !== before.size) {
    throw changed(path, `its size went from ${before.size} to ${after.size} bytes`);
  }
  if (after.mtime !== before.mtime || after.ctime !== before.ctime) {
    throw changed(path, "its times differ");
  }
}

function changed(path: string, how: string): SyncError {
  return new SyncError("ECHANGED", `changed while it was read: ${how}`, { path, retryable: true });
}

function notALink(kind: Kind, path: string): SyncError {
  return new SyncError("ECHANGED", `is no longer a symbolic link but ${nameOf(kind)}`, { path });
}

function vanished(path: string): SyncError {
  return new SyncError("ENOENT", "no longer at the source", { path });
}
