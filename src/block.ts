/** Blocks: what travels from the reader to the writer. */
import type { Entry } from "./entry.ts";
import type { SyncError } from "./errors.ts";
import type { Side } from "./event.ts";
import type { Job, JobFile } from "./job.ts";
import type { Parcel } from "./parcel.ts";
import type { Stamp } from "./stamp.ts";

/** One file on its way; the reader makes it, the writer ends it. */
export interface Carried {
  readonly job: Job;
  readonly file: JobFile;
  /** Relative to the source's and to the destination's root. */
  readonly path: string;
  /** The source when it was opened; null when it could not be opened. */
  entry: Entry | null;
  /** Set instead of `entry` for a file of a parcel. */
  stamp: Stamp | null;
  /** It has holes, which stay holes. */
  sparse?: boolean;
  /** Milliseconds on the clock when work on it began. */
  readonly began: number;
  /** Set by either end when the file has failed: the other end stops working on it. */
  failed: { readonly side: Side; readonly error: SyncError } | null;
}

/** A stretch of a file. */
export interface Block {
  readonly type: "block";
  readonly carried: Carried;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** The bytes; empty for a file without content and for one that failed. */
  readonly data: Uint8Array;
  /** A hole: zeros that were not read and are not written. */
  readonly hole?: boolean;
  /** The last block of its file; every file has exactly one, also when it failed. */
  readonly last: boolean;
  /** Hex, of the whole file, on the last block. Filled in by the digest. */
  hash: string | null;
  /** Gives the memory of `data` back. */
  release(): void;
}

/** What a lane's stream carries besides blocks: parcels, the edges of a job, and symbolic links. */
export type Item =
  | Block
  | Parcel
  | { readonly type: "begin"; readonly job: Job }
  | { readonly type: "link"; readonly carried: Carried };
