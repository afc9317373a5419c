/** Options of a run, and their defaults. */
import type { Bandwidth } from "./bandwidth.ts";
import type { Preservable } from "./preserve.ts";

/** The hash algorithms, by the names that `--checksum` takes. */
export const ALGORITHMS = ["md5", "sha1", "sha256", "blake2b"] as const;

/** One of {@link ALGORITHMS}. */
export type Algorithm = (typeof ALGORITHMS)[number];

/** The orders in which what is pending can be transferred; the first is the default. */
export const ORDERS = ["found", "path", "size", "largest", "oldest", "newest"] as const;

/** One of {@link ORDERS}. */
export type Order = (typeof ORDERS)[number];

/**
 * The most files, links and special files that one run may delete: a number, or a share of those
 * that the scan found at the destination, rounded down.
 */
export type DeletionLimit =
  | { readonly files: number }
  | {
    readonly percent: number;
    /** What may go however few there are. Default 0. */
    readonly atLeast?: number;
  };

/** What a run may be told. */
export interface SyncOptions {
  /** Full or relative path of the database, on a local disk. Default `sluice.db`. */
  readonly db: string;
  /** Path of the audit log. Default `sluice-audit.jsonl`. */
  readonly log: string;
  /**
   * Bytes per second over all lanes, of reading and of writing each; or two rates, or a timetable,
   * in local time. Null (default) for no limit.
   */
  readonly bwlimit: Bandwidth;
  /** Operations on names and attributes per second, on each side; null (default) for no limit. */
  readonly opsLimit: number | null;
  /** Give way while calls take well longer than in quiet, see `control/give_way.ts`. Default false. */
  readonly adaptive: boolean;
  /** Let every other process go first, for processor time and for the disks. Default false. */
  readonly idle: boolean;
  /** Milliseconds after which the run ends, with more pending; null (default) for never. */
  readonly stopAfter: number | null;
  /** Minutes since midnight, in local time, at which it ends; null (default) for never. */
  readonly stopAt: number | null;
  /** Bytes after which it ends; null (default) for no bound. */
  readonly maxTransfer: number | null;
  /** Default `sha256`. */
  readonly checksum: Algorithm;
  /** Remove at the destination what the source does not have. Default false. */
  readonly deleteExtras: boolean;
  /**
   * Delete although the scan of the source had errors, but only in directories that were listed
   * completely. Default false.
   */
  readonly deleteDespiteErrors: boolean;
  /** Default 25 % of the destination's files, and 5 files in any case. */
  readonly maxDelete: DeletionLimit;
  /** Path of a directory into which extras are moved instead; null (default): they are deleted. */
  readonly trash: string | null;
  /** Complete scans that must have missed what is deleted. Default 1. */
  readonly deleteAfterScans: number;
  /** Milliseconds between the first and the last of several such scans. Default 24 hours. */
  readonly deleteMinAge: number;
  /** Scan although a backlog is pending. Default false. */
  readonly rescan: boolean;
  /**
   * In which order files are transferred. Default `found`: directories as they were found, several
   * in turn. All others wait for the scan.
   */
  readonly order: Order;
  /** Bytes of a transfer block; null (default) for what suits the destination: 5 MiB, on NFS 1, on SMB 4. */
  readonly blockSize: number | null;
  /** Files that are carried at once; null (default) for what suits the kinds of file systems. */
  readonly lanes: number | null;
  /** Slots of the block queue. Default 20. */
  readonly queueCapacity: number;
  /**
   * The largest difference between two times that counts as none, in nanoseconds; null (default)
   * for what the coarser of the two sides can keep.
   */
  readonly modifyWindow: number | null;
  /** Names of one file at the source become names of one file. Default false. */
  readonly hardLinks: boolean;
  /**
   * Begin the transfer while the scan is under way. Default true; a run that deletes or links waits
   * for the scan all the same.
   */
  readonly overlap: boolean;
  /** Attributes that are applied beside the times. Default: none. */
  readonly preserve: readonly Preservable[];
  /** Plan and print, touch nothing at the destination. Default false. */
  readonly dryRun: boolean;
  /** Milliseconds to wait for a root that is gone; 0 stops the run. Default 10 minutes. */
  readonly waitForMount: number;
  /** Milliseconds to wait for room at the destination; 0 stops the run. Default 1 hour. */
  readonly waitForSpace: number;
  /**
   * How often what failed for a passing reason, or changed while it was read, is tried again.
   * Default 3.
   */
  readonly retries: number;
}

/** The defaults. */
export const DEFAULTS: SyncOptions = {
  db: "sluice.db",
  log: "sluice-audit.jsonl",
  bwlimit: null,
  opsLimit: null,
  adaptive: false,
  idle: false,
  stopAfter: null,
  stopAt: null,
  maxTransfer: null,
  checksum: "sha256",
  deleteExtras: false,
  deleteDespiteErrors: false,
  maxDelete: { percent: 25, atLeast: 5 },
  trash: null,
  deleteAfterScans: 1,
  deleteMinAge: 24 * 3600 * 1000,
  rescan: false,
  order: "found",
  blockSize: null,
  lanes: null,
  queueCapacity: 20,
  modifyWindow: null,
  hardLinks: false,
  overlap: true,
  preserve: [],
  dryRun: false,
  waitForMount: 10 * 60_000,
  waitForSpace: 60 * 60_000,
  retries: 3,
};
