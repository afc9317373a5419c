/**
 * Packed jobs and outcomes: how they travel between threads, in columns.
 *
 * There is a job for every directory and an outcome for every file, and an object for each would be
 * copied field by field, on both sides.
 */
import { parentOf } from "./entry.ts";
import { directoryMade, isDirectoryMade, type Job, type JobFile, type Outcome } from "./job.ts";
import { ColumnReader, type Columns, ColumnWriter } from "./lib/columns.ts";
import { KINDS } from "./listing.ts";
import { type Action, actionFor, REASONS } from "./operation.ts";
import { type Parcel, PROGRESS } from "./parcel.ts";

/** What is packed goes through these, which keep their memory. */
const writer = new ColumnWriter(),
  madeWriter = new ColumnWriter(),
  timedWriter = new ColumnWriter();

/** Packs jobs. */
export function packJobs(jobs: readonly Job[]): Columns {
  for (const { directory, path, missing, files, listed, last, whole } of jobs) {
    writer.number(directory);
    writer.text(path);
    writer.number(listed);
    writer.number(last ? 1 : 0);
    writer.number(whole);
    // the last of them has the path of the job, those before it lead there
    writer.number(missing.length);
    for (const { directory } of missing) writer.number(directory);
    writer.number(files.length);
    for (let i = 0; i < files.length; i++) packFile(files[i]!);
  }
  return writer.take();
}

function packFile({ name, kind, reason, size, scanned }: JobFile): void {
  writer.text(name);
  writer.number(KINDS.indexOf(kind));
  writer.number(REASONS.indexOf(reason));
  writer.number(size);
  writer.number(scanned.mtime);
  writer.number(scanned.mtimeNanos);
  writer.number(scanned.ctime);
  writer.number(scanned.ctimeNanos);
}

/** The jobs that {@link packJobs} packed. */
export function unpackJobs(packed: Columns): Job[] {
  const columns = new ColumnReader(packed);
  const jobs: Job[] = [];
  while (columns.more) {
    const directory = columns.number(), path = columns.text(), listed = columns.optional();
    const last = columns.number() === 1, whole = columns.optional();
    const missing = unpackMissing(numbers(columns), path);
    const files: JobFile[] = [];
    for (let left = columns.number(); left > 0; left--) files.push(unpackFile(columns));
    jobs.push({ directory, path, missing, files, listed, last, whole });
  }
  return jobs;
}

function unpackFile(columns: ColumnReader): JobFile {
  return {
    name: columns.text(),
    kind: KINDS[columns.number()]!,
    reason: REASONS[columns.number()]!,
    size: columns.number(),
    scanned: {
      mtime: columns.number(),
      mtimeNanos: columns.number(),
      ctime: columns.number(),
      ctimeNanos: columns.number(),
    },
  };
}

/** Numbers with their count before them. */
function numbers(columns: ColumnReader): number[] {
  return Array.from({ length: columns.number() }, () => columns.number());
}

function unpackMissing(directories: readonly number[], path: string): Job["missing"] {
  const missing: { directory: number; path: string }[] = [];
  for (const directory of directories.toReversed()) {
    missing.push({ directory, path });
    path = parentOf(path);
  }
  return missing.reverse();
}

/**
 * The files of a parcel that were copied: all that is new about them is their hash and their record.
 * They are the bulk of all outcomes.
 */
export interface PackedFiles {
  readonly directory: number;
  readonly action: Action;
  readonly files: number;
  readonly bytes: number;
  /** The names, each followed by a NUL. */
  readonly names: string;
  /** Hex, one after the other without a separator; all of one length. */
  readonly hashes: string;
}

/** A parcel, and how many of its files were copied. */
export interface CopiedParcel {
  readonly parcel: Parcel;
  readonly files: number;
  readonly bytes: number;
}

/** What became of a parcel. */
export function filesOf({ parcel, files, bytes }: CopiedParcel): PackedFiles {
  const { job: { directory }, progress } = parcel;
  const whole = files === progress.length;
  let names = whole ? parcel.names : "", hashes = "";
  for (let i = 0; i < progress.length; i++) {
    if (progress[i] !== PROGRESS.committed) continue;
    if (!whole) names += `${parcel.files[i]!.name}\0`;
    hashes += parcel.hashes[i]!;
  }
  const action = actionFor(parcel.files[0]!.reason);
  return { directory, action, files, bytes, names, hashes };
}

/** A directory that was made with its files, and that has the times of the source. */
export interface TimedDirectory {
  readonly directory: number;
  readonly mtime: number;
  readonly mtimeNanos: number;
}

/** The bulk of what was done, all of which went well, with its audit records. */
export interface Bulk {
  readonly timed: readonly TimedDirectory[];
  readonly parcels: readonly PackedFiles[];
  /** Those of the directories, then those of the files: the fields of each, on a line that is ended. */
  readonly records: Uint8Array<ArrayBuffer>;
}

/** What became of files and directories, together. */
export interface Outcomes extends Bulk {
  readonly outcomes: readonly Outcome[];
}

/** {@link Outcomes} in columns. */
export interface PackedOutcomes {
  readonly parcels: Columns;
  /** Directories that were made, which are many. */
  readonly made: Columns;
  readonly timed: Columns;
  /** To be transferred. */
  readonly records: Uint8Array<ArrayBuffer>;
  readonly others: readonly Outcome[];
}

/** Gathers audit records: see `report/copied_records.ts`. */
export interface Gathering {
  add(outcome: Outcome): void;
  addParcel(parcel: Parcel): void;
  take(): Uint8Array<ArrayBuffer>;
}

/** Packs what became of directories and files; `records` gathers their records. */
export function packOutcomes(
  { parcels, outcomes }: {
    readonly parcels: readonly CopiedParcel[];
    readonly outcomes: readonly Outcome[];
  },
  records: Gathering,
): PackedOutcomes {
  const others: Outcome[] = [];
  for (const outcome of outcomes) {
    const { directory, path, stamp } = outcome;
    if (!isDirectoryMade(outcome)) others.push(outcome);
    else if (stamp === null) {
      madeWriter.number(directory);
      madeWriter.text(path);
    } else {
      records.add(outcome);
      timedWriter.number(directory);
      timedWriter.number(stamp.mtime);
      timedWriter.number(stamp.mtimeNanos);
    }
  }
  for (const settled of parcels) {
    records.addParcel(settled.parcel);
    const { directory, action, files, bytes, names, hashes } = filesOf(settled);
    writer.number(directory);
    writer.number(files);
    writer.number(bytes);
    writer.text(action);
    writer.text(names);
    writer.text(hashes);
  }
  return {
    parcels: writer.take(),
    made: madeWriter.take(),
    timed: timedWriter.take(),
    records: records.take(),
    others,
  };
}

/** The outcomes that {@link packOutcomes} packed; directories that were made come first. */
export function unpackOutcomes(packed: PackedOutcomes): Outcomes {
  const columns = new ColumnReader(packed.parcels), made = new ColumnReader(packed.made);
  const parcels: PackedFiles[] = [];
  while (columns.more) {
    parcels.push({
      directory: columns.number(),
      files: columns.number(),
      bytes: columns.number(),
      action: columns.text() as Action,
      names: columns.text(),
      hashes: columns.text(),
    });
  }
  const outcomes: Outcome[] = [];
  while (made.more) outcomes.push(directoryMade(made.number(), made.text()));
  for (const outcome of packed.others) outcomes.push(outcome);
  const numbers = new ColumnReader(packed.timed), timed: TimedDirectory[] = [];
  while (numbers.more) {
    timed.push({
      directory: numbers.number(),
      mtime: numbers.number(),
      mtimeNanos: numbers.number(),
    });
  }
  return { timed, parcels, records: packed.records, outcomes };
}
