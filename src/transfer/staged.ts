/** What is complete at the destination and has no final name yet, and how it gets one or goes. */
import type { FileWriter, HeldParcels, NewDirectory } from "../backend/backend.ts";
import { SyncError } from "../errors.ts";
import type { Job, Outcome } from "../job.ts";
import type { CopiedParcel } from "../packed.ts";
import type { Parcel } from "../parcel.ts";

/** A file that is complete under its temporary name. */
export interface Staged {
  readonly job: Job;
  readonly writer: FileWriter;
  readonly outcome: Outcome;
}

/** A parcel with the directory in which its files get their names. */
export interface StagedParcel {
  readonly parcel: Parcel;
  readonly directory: HeldParcels;
  /** The new directory that it is in, without a name so far. */
  readonly within: StagedDirectory | null;
}

/** A new directory that gets its name when what is in it is durable. */
export interface StagedDirectory {
  readonly job: Job;
  readonly directory: NewDirectory;
  readonly outcome: Outcome;
  /** What is in it, where it gets its name before the next flush. */
  readonly parcels: StagedParcel[];
  /** Why it could not be given its name. */
  failed: SyncError | null;
}

/** What is told of a new directory that has its name: with the times that it got with it, if any. */
export function namedDirectory({ directory, outcome }: StagedDirectory): Outcome {
  return { ...outcome, stamp: directory.times ?? null };
}

/** What leaves the group: outcomes that may be recorded, and jobs all of whose outcomes have left. */
export interface Settled {
  readonly outcomes: Outcome[];
  readonly parcels: CopiedParcel[];
  readonly jobs: Job[];
}

/** Removes the temporaries of parcels that will not be committed, and directories without a name. */
export async function discard(
  parcels: readonly StagedParcel[],
  directories: readonly StagedDirectory[],
): Promise<void> {
  for (const { parcel, directory } of parcels) {
    using held = directory;
    await held.discard(parcel);
  }
  for (const { directory } of directories) {
    await directory.discard();
    directory[Symbol.dispose]();
  }
}

/** A file gets its final name: what became of it. Rejects with what stops the run. */
export async function commit(writer: FileWriter, outcome: Outcome): Promise<Outcome> {
  try {
    await writer.commit();
    return outcome;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    await writer.abort();
    if (error.scope === "run") throw error;
    return { ...outcome, status: "failure", hash: null, error: error.toData() };
  }
}
