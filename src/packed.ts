/**
 * Packed jobs and outcomes: how they travel between threads.
 *
 * An object for each file would be copied field by field, on both sides, twice for every file.
 * Columns of numbers and a few long strings are copied as memory.
 */
import { parentOf } from "./entry.ts";
import type { Job, JobFile } from "./job.ts";
import { KINDS } from "./listing.ts";
import { type Action, actionFor, REASONS } from "./operation.ts";
import { type Parcel, PROGRESS } from "./parcel.ts";

/** Numbers of a file in {@link PackedJob.numbers}. */
const NUMBERS = 7;

/** A {@link Job} in columns. */
export interface PackedJob extends Omit<Job, "files" | "missing"> {
  /** The numbers of the directories; the last has the path of the job, those before it lead there. */
  readonly missing: readonly number[];
  readonly names: readonly string[];
  /** Kind, reason, size, then mtime and ctime in two parts each, file after file. */
  readonly numbers: Float64Array;
}

/** Packs a job. */
export function packJob({ files, missing, ...job }: Job): PackedJob {
  const numbers = new Float64Array(files.length * NUMBERS);
  let at = 0;
  for (const { kind, reason, size, scanned } of files) {
    numbers[at] = KINDS.indexOf(kind);
    numbers[at + 1] = REASONS.indexOf(reason);
    numbers[at + 2] = size;
    numbers[at + 3] = scanned.mtime;
    numbers[at + 4] = scanned.mtimeNanos;
    numbers[at + 5] = scanned.ctime;
    numbers[at + 6] = scanned.ctimeNanos;
    at += NUMBERS;
  }
  return {
    ...job,
    missing: missing.map(({ directory }) => directory),
    names: files.map(({ name }) => name),
    numbers,
  };
}

/** The job that {@link packJob} packed. */
export function unpackJob({ names, numbers, missing, ...job }: PackedJob): Job {
  const files = names.map((name, i): JobFile => {
    const at = i * NUMBERS;
    return {
      name,
      kind: KINDS[numbers[at]!]!,
      reason: REASONS[numbers[at + 1]!]!,
      size: numbers[at + 2]!,
      scanned: {
        mtime: numbers[at + 3]!,
        mtimeNanos: numbers[at + 4]!,
        ctime: numbers[at + 5]!,
        ctimeNanos: numbers[at + 6]!,
      },
    };
  });
  return { ...job, missing: unpackMissing(missing, job.path), files };
}

function unpackMissing(numbers: readonly number[], path: string): Job["missing"] {
  const missing: { directory: number; path: string }[] = [];
  for (const directory of numbers.toReversed()) {
    missing.push({ directory, path });
    path = parentOf(path);
  }
  return missing.reverse();
}

/**
 * The files of a parcel that were copied, in columns: all that is new about them is their hash and
 * their record. They are the bulk of all outcomes.
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
  /** The fields of the audit records, one a line. */
  readonly records: string;
}

/** Packs what became of a parcel. `record` makes the fields of an audit record. */
export function packParcel(
  { parcel, files, bytes }: { parcel: Parcel; files: number; bytes: number },
  record: (parcel: Parcel, index: number) => string,
): PackedFiles {
  const { job, progress } = parcel;
  const whole = files === progress.length;
  let names = whole ? parcel.names : "", hashes = "", records = "";
  for (let i = 0; i < progress.length; i++) {
    if (progress[i] !== PROGRESS.committed) continue;
    if (!whole) names += `${parcel.files[i]!.name}\0`;
    hashes += parcel.hashes[i]!;
    records += `${record(parcel, i)}\n`;
  }
  const action = actionFor(parcel.files[0]!.reason);
  return { directory: job.directory, action, files, bytes, names, hashes, records };
}
