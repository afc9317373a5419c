/** The codes: what the numbers in the database's columns mean. They are part of its schema. */

/** What is known of a directory on one side, for the scan whose number stands beside it. */
export const STATE = { unknown: 0, queued: 1, listed: 2, failed: 3, absent: 4 } as const;

/** The status of a file. */
export const STATUS = {
  pending: 0,
  synced: 1,
  skipped: 2,
  /** It is to be linked to another name of its file. */
  waiting: 3,
  /** Pending, but the destination takes its name for another one: it cannot be put there. */
  refused: 4,
} as const;

/** What is known of the files of a directory, in its column `unsettled`. */
export const UNSETTLED = {
  /** All are synced or skipped. */
  none: 0,
  /** They may have any status. */
  unknown: 1,
  /** Those that are neither synced nor skipped are pending: when nothing is, it is settled. */
  pending: 2,
} as const;

/** What the verification of a file can find; the database keeps the index. */
export const VERIFIED = ["as recorded", "different", "missing", "unreadable"] as const;

/** Why a directory cannot simply be made or removed. */
export const CONFLICT = {
  none: 0,
  /** The source has a directory here, the destination something else. */
  directoryBlocked: 1,
  /** The destination has a directory here, the source something else. */
  directoryInTheWay: 2,
  /** The destination takes its name, or that of a directory above it, for another one. */
  merged: 3,
} as const;
