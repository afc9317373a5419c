/** What a job begins with: the directories that its files need, and how far its parcels are. */
import { SyncError } from "../errors.ts";
import { directoryMade, type Job } from "../job.ts";
import type { Stamp } from "../stamp.ts";
import type { WriterOptions } from "./one_file.ts";
import type { StagedDirectory } from "./staged.ts";

/** What a job begins with. */
export interface Begun {
  /** The error that fails all its files. */
  readonly failed: SyncError | null;
  /** Its directory, if it is one that is made with its files. */
  readonly made: StagedDirectory | null;
  /** What the source's directory was when the last parcel was read; null where that is not known. */
  above: Stamp | null;
  /** Files of the job that have not come in a parcel. */
  left: number;
  /** Parcels that are being written. */
  readonly underway: Set<Promise<void>>;
  /** Resolves when files of parcels that are tried alone have been, up to now. */
  alone: Promise<void>;
}

/** A job of so many files that begins, in a directory that is there unless more is said. */
export function beginning(left: number): Begun {
  return {
    failed: null,
    made: null,
    above: null,
    left,
    underway: new Set(),
    alone: Promise.resolve(),
  };
}

/** Waits until the directory of a job can be reached by its path, or is known not to come. */
export async function awaitName({ made }: Begun, { group }: WriterOptions): Promise<void> {
  if (made !== null) await group.reach(made);
}

/** So many files came in a parcel. A new directory is complete when all have; or see `awaitName`. */
export function completed(
  begun: Begun,
  files: number,
  { group, busy }: WriterOptions,
): Promise<void> | undefined {
  begun.left -= files;
  const { made, above, left } = begun;
  if (left > 0) return;
  busy(false);
  if (made === null) return;
  // no more names are given in it
  if (above !== null) made.directory.setTimes?.(above);
  return group.complete(made);
}

/** Makes the directories that the job's files need. */
export async function beginJob(job: Job, options: WriterOptions): Promise<Begun> {
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
  return { ...beginning(job.files.length), failed, made };
}
