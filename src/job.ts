/** Jobs: what the thread that owns the database hands to the lanes, and what comes back. */
import type { Kind } from "./entry.ts";
import type { ErrorData } from "./errors.ts";
import type { Action, Reason, Status } from "./operation.ts";
import type { Removal } from "./removal.ts";
import type { Refusal } from "./preserve.ts";
import type { ChangeTimes, Stamp } from "./stamp.ts";

/** One pending file or symbolic link. */
export interface JobFile {
  readonly name: string;
  readonly kind: Kind;
  /** Bytes, as the scan saw it. */
  readonly size: number;
  readonly reason: Reason;
  /** As the scan saw them: while they are the same, the file is. */
  readonly scanned: ChangeTimes;
}

/** Some pending files of one directory: what a lane carries before it asks for more. */
export interface Job {
  /** The directory's number in the database. */
  readonly directory: number;
  /** Its path relative to the roots. */
  readonly path: string;
  /** Directories that are not at the destination yet, the topmost first. */
  readonly missing: readonly { readonly directory: number; readonly path: string }[];
  readonly files: readonly JobFile[];
  /**
   * When the listing that told of the files was recorded, in ms since the epoch; null where unknown.
   * A file that still has its ctime of then needs not be waited for, see `backend/settling.ts`.
   */
  readonly listed: number | null;
  /** No more jobs of this directory will come in this pass. */
  readonly last: boolean;
  /**
   * The number of the directory above it, if all there is to do for this directory is in the job: it
   * is missing, its files are few and small, and nothing is below it. It can be made with its files.
   */
  readonly whole: number | null;
}

/** What became of one file, link or directory of a job. */
export interface Outcome {
  readonly directory: number;
  /** Its name; "" for a directory of {@link Job.missing}. */
  readonly name: string;
  /** Relative to the roots. */
  readonly path: string;
  readonly kind: Kind;
  readonly action: Action;
  readonly reason: Reason;
  readonly status: Status;
  /** Bytes that were sent. */
  readonly size: number;
  /** Hex, of exactly the bytes that were written; null for anything but a file that succeeded. */
  readonly hash: string | null;
  /** Of the source, as it was read; null when it could not be. */
  readonly stamp: Stamp | null;
  /** Bytes the scan saw: what the backlog shrinks by. */
  readonly expected: number;
  /** Milliseconds from opening the source to the last byte written. */
  readonly duration: number;
  readonly error: ErrorData | null;
  /** What the reason leaves out: the evidence of a deletion or refusal. */
  readonly detail?: string;
  /** Attributes that were to be kept and that the destination refused. */
  readonly refusals?: readonly Refusal[];
  /** Of a deletion that was carried out. */
  readonly removal?: Removal;
}

/** What an outcome says of bytes where none were sent and nothing went wrong. */
export const NOTHING_SENT = {
  size: 0,
  hash: null,
  stamp: null,
  expected: 0,
  duration: 0,
  error: null,
} as const;

/**
 * Whether an outcome is all that {@link directoryMade} says; it may have a stamp, if the directory has
 * got its times with its name.
 */
export function isDirectoryMade({ name, action, status, detail, refusals }: Outcome): boolean {
  return name === "" && action === "mkdir" && status === "success" && detail === undefined &&
    refusals === undefined;
}

/** The outcome of a directory of {@link Job.missing} that is there now. */
export function directoryMade(directory: number, path: string): Outcome {
  return {
    ...NOTHING_SENT,
    directory,
    name: "",
    path,
    kind: "directory",
    action: "mkdir",
    reason: "not at the destination",
    status: "success",
  };
}
