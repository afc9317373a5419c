/** What tells an error of SQLite from others, and what a person is told of a damaged database. */
import { SyncError } from "../errors.ts";
import { showPath } from "../name.ts";

/** What to do about a database that cannot be read any more. */
export const DAMAGED = "; move it away, or name another with --db: a new one begins with a scan, " +
  "which leaves alone what is equal, and knows nothing of the hashes in the old one";

/** SQLite's codes for "malformed" and "not a database". */
const SQLITE_DAMAGED = [11, 26];

/** Whether SQLite has thrown it. */
export function isDatabaseError(error: unknown): error is Error {
  return error instanceof Error &&
    ((error as { code?: string }).code === "ERR_SQLITE_ERROR" || "errcode" in error);
}

/** Whether it is SQLite that says that the file is damaged. */
export function isDamaged(error: unknown): boolean {
  if (!isDatabaseError(error)) return false;
  const { errcode } = error as { errcode?: number };
  // what `exec` throws has no code
  return errcode === undefined
    ? /malformed|not a database/.test(error.message)
    : SQLITE_DAMAGED.includes(errcode & 0xff);
}

/** The sentence about an error of SQLite that ends the work; `path` is that of the database. */
export function brokenOff(error: Error, path?: string): string {
  const which = path === undefined ? "" : ` ${showPath(path)}`;
  const advice = isDamaged(error) ? DAMAGED : "";
  return `the database${which} cannot be used any more: ${error.message}${advice}`;
}

/**
 * The error of a database that is not what it says of itself. SQLite has no checksums: where a page
 * is damaged inside, it finds nothing, and says nothing.
 */
export function damaged(path: string, what: string): SyncError {
  return new SyncError("EDB", `the database ${showPath(path)} is damaged: ${what}${DAMAGED}`, {
    scope: "run",
  });
}

/** How many rows a database has counted, and how many have been read so far. */
export interface Counted {
  readonly counted: number;
  readonly read: number;
  /** No more come. */
  readonly isLast: boolean;
}

/** Whether the rows are more or fewer than were counted. */
export function isMiscounted({ counted, read, isLast }: Counted): boolean {
  return isLast ? read !== counted : read > counted;
}

/** As {@link damaged}, of a database whose rows are so. */
export function miscounted(path: string, { counted, read }: Counted): SyncError {
  return damaged(path, `it counts ${counted} files, and ${read} of them can be read`);
}
