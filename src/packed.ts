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
const writer = new ColumnWriter(), madeWriter = new ColumnWriter();

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
  /** The fields of the audit records, one a line that is ended: UTF-8. */
  readonly records: Uint8Array<ArrayBuffer>;
}

/** What became of a parcel. `recordsOf` makes {@link PackedFiles.records}. */
export function filesOf(
  { parcel, files, bytes }: { parcel: Parcel; files: number; bytes: number },
  recordsOf: (parcel: Parcel) => Uint8Array<ArrayBuffer>,
): PackedFiles {
  const { job: { directory }, progress } = parcel;
  const whole = files === progress.length;
  let names = whole ? parcel.names : "", hashes = "";
  for (let i = 0; i < progress.length; i++) {
    if (progress[i] !== PROGRESS.committed) continue;
    if (!whole) names += `${parcel.files[i]!.name}\0`;
    hashes += parcel.hashes[i]!;
  }
  const action = actionFor(parcel.files[0]!.reason);
  return { directory, action, files, bytes, names, hashes, records: recordsOf(parcel) };
}

/** What became of files and directories, together. */
export interface Outcomes {
  readonly parcels: readonly PackedFiles[];
  readonly outcomes: readonly Outcome[];
}

/** {@link Outcomes} in columns. */
export interface PackedOutcomes {
  readonly parcels: Columns;
  /** The records of each parcel, to be transferred. */
  readonly records: readonly Uint8Array<ArrayBuffer>[];
  /** Directories that were made, which are many. */
  readonly made: Columns;
  readonly others: readonly Outcome[];
}

/** Packs outcomes. */
export function packOutcomes({ parcels, outcomes }: Outcomes): PackedOutcomes {
  for (const { directory, action, files, bytes, names, hashes } of parcels) {
    writer.number(directory);
    writer.number(files);
    writer.number(bytes);
    writer.text(action);
    writer.text(names);
    writer.text(hashes);
  }
  const others: Outcome[] = [];
  for (const outcome of outcomes) {
    if (isDirectoryMade(outcome)) {
      madeWriter.number(outcome.directory);
      madeWriter.text(outcome.path);
    } else others.push(outcome);
  }
  const records = parcels.map(({ records }) => records);
  return { parcels: writer.take(), records, made: madeWriter.take(), others };
}

/** The outcomes that {@link packOutcomes} packed; directories that were made come first. */
export function unpackOutcomes(packed: PackedOutcomes): Outcomes {
  const columns = new ColumnReader(packed.parcels), made = new ColumnReader(packed.made);
  const parcels: PackedFiles[] = [];
  for (const records of packed.records) {
    parcels.push({
      directory: columns.number(),
      files: columns.number(),
      bytes: columns.number(),
      action: columns.text() as Action,
      names: columns.text(),
      hashes: columns.text(),
      records,
    });
  }
  const outcomes: Outcome[] = [];
  while (made.more) outcomes.push(directoryMade(made.number(), made.text()));
  for (const outcome of packed.others) outcomes.push(outcome);
  return { parcels, outcomes };
}
