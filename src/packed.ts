/**
 * Packed jobs and outcomes: how they travel between threads.
 *
 * An object for each file would be copied field by field, on both sides, twice for every file.
 * Columns of numbers and a few long strings are copied as memory.
 */
import type { Job, JobFile, Outcome } from "./job.ts";
import { KINDS } from "./listing.ts";
import { type Action, REASONS } from "./operation.ts";

/** Numbers of a file in {@link PackedJob.numbers}. */
const NUMBERS = 7;

/** A {@link Job} in columns. */
export interface PackedJob extends Omit<Job, "files"> {
  readonly names: readonly string[];
  /** Kind, reason, size, then mtime and ctime in two parts each, file after file. */
  readonly numbers: Float64Array;
}

/** Packs a job. */
export function packJob({ files, ...job }: Job): PackedJob {
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
  return { ...job, names: files.map(({ name }) => name), numbers };
}

/** The job that {@link packJob} packed. */
export function unpackJob({ names, numbers, ...job }: PackedJob): Job {
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
  return { ...job, files };
}

/**
 * Files that were copied as the scan saw them, in columns: all that is new about them is their hash
 * and their record. They are the bulk of all outcomes.
 */
export interface PackedFiles {
  readonly directories: readonly number[];
  readonly names: readonly string[];
  readonly sizes: readonly number[];
  readonly actions: readonly Action[];
  /** Hex, one after the other without a separator; all of one length. */
  readonly hashes: string;
  /** The fields of the audit records, one a line. */
  readonly records: string;
}

/** Takes what can be packed out of `outcomes`. `record` makes the fields of an audit record. */
export function packOutcomes(
  outcomes: readonly Outcome[],
  record: (outcome: Outcome) => string,
): { files: PackedFiles; others: Outcome[] } {
  const directories: number[] = [], names: string[] = [], sizes: number[] = [];
  const actions: Action[] = [], hashes: string[] = [], records: string[] = [];
  const others: Outcome[] = [];
  for (const outcome of outcomes) {
    if (!outcome.asScanned || outcome.status !== "success") {
      others.push(outcome);
      continue;
    }
    directories.push(outcome.directory);
    names.push(outcome.name);
    sizes.push(outcome.size);
    actions.push(outcome.action);
    hashes.push(outcome.hash!);
    records.push(record(outcome));
  }
  const files = {
    directories,
    names,
    sizes,
    actions,
    hashes: hashes.join(""),
    records: records.join("\n"),
  };
  return { files, others };
}
