/** What tells an error of SQLite from others. */

/** Whether SQLite has thrown it. */
export function isDatabaseError(error: unknown): error is Error {
  return error instanceof Error &&
    ((error as { code?: string }).code === "ERR_SQLITE_ERROR" || "errcode" in error);
}
