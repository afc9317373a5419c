/**
 * The backlog: what is known of both trees and what is pending. Its one implementation is embedded,
 * so its calls are synchronous: each is a short transaction on a local file.
 */
import type { ErrorData } from "../errors.ts";
import type { Fingerprints } from "../listing.ts";

/** A directory that is to be listed. */
export interface QueuedDirectory {
  readonly id: number;
  /** Relative to the root. */
  readonly path: string;
}

/** The same, for a walker. */
export interface DirectoryToList extends QueuedDirectory {
  /** Its last listing is on record as a whole: the next one is wanted as a whole too. */
  readonly known?: boolean;
}

/** An entry that is in a directory but could not be looked at. */
export interface Problem {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

/** A part of a directory's listing. */
export interface ListedChunk extends QueuedDirectory {
  /** 0, 1, ... within the directory. */
  readonly index: number;
  /** The listing is complete with this chunk. */
  readonly last: boolean;
  /** Packed entries, see `listing.ts`. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Of the whole listing, with its last chunk; null where that is not known. */
  readonly fingerprints: Fingerprints | null;
  readonly problems: readonly Problem[];
  /** Names of temporaries of sluice that are in the directory. */
  readonly temporaries: readonly string[];
}

/** A directory whose listing failed. */
export interface FailedListing extends QueuedDirectory {
  readonly error: ErrorData;
}

/** Something at the destination that the source does not have. */
export interface Extra {
  readonly directory: number;
  readonly name: string;
  /** Relative to the roots. */
  readonly path: string;
  /** Of its directory below the root. */
  readonly depth: number;
  readonly kind: "file" | "directory" | "symlink" | "special";
  readonly size: number;
  readonly mtime: bigint;
  /** The source has something of another kind at this path or at one above it. */
  readonly conflict: boolean;
  /** The run that began to remove it and did not live to tell; 0 for none. */
  readonly attempted: number;
  /** Complete scans in a row that missed it at the source, and when the first of them ended (ms). */
  readonly missedScans: number;
  readonly firstMissedAt: number | null;
}
