/** Options of a run, and their defaults. */

/** The hash algorithms, by the names that `--checksum` takes. */
export const ALGORITHMS = ["md5", "sha1", "sha256", "blake2b"] as const;

/** One of {@link ALGORITHMS}. */
export type Algorithm = (typeof ALGORITHMS)[number];

/** What a run may be told. */
export interface SyncOptions {
  /** Full or relative path of the database, on a local disk. Default `sluice.db`. */
  readonly db: string;
  /** Path of the audit log. Default `sluice-audit.jsonl`. */
  readonly log: string;
  /** Bytes per second over all lanes; null (default) for no limit. */
  readonly bwlimit: number | null;
  /** Default `sha256`. */
  readonly checksum: Algorithm;
  /** Remove at the destination what the source does not have. Default false. */
  readonly deleteExtras: boolean;
  /** Scan although a backlog is pending. Default false. */
  readonly rescan: boolean;
  /** Bytes of a transfer block. Default 5 MiB. */
  readonly blockSize: number;
  /** Slots of the block queue. Default 20. */
  readonly queueCapacity: number;
  /**
   * The largest difference between two times that counts as none, in nanoseconds; null (default)
   * for what the coarser of the two sides can keep.
   */
  readonly modifyWindow: number | null;
  /** Plan and print, touch nothing at the destination. Default false. */
  readonly dryRun: boolean;
}

/** The defaults. */
export const DEFAULTS: SyncOptions = {
  db: "sluice.db",
  log: "sluice-audit.jsonl",
  bwlimit: null,
  checksum: "sha256",
  deleteExtras: false,
  rescan: false,
  blockSize: 5 * 2 ** 20,
  queueCapacity: 20,
  modifyWindow: null,
  dryRun: false,
};
