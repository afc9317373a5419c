/** Values between JavaScript and SQLite: names that may not be UTF-8, and large integers. */
import type { SQLOutputValue } from "node:sqlite";
import { SyncError } from "../errors.ts";
import { decodeName, encodeName, showPath } from "../name.ts";
import { DAMAGED } from "./database_error.ts";

/** A name or path as SQLite keeps it: TEXT where it is UTF-8, else BLOB. */
export function toSql(name: string): string | Uint8Array {
  return name.isWellFormed() ? name : encodeName(name);
}

/**
 * The name or path of a column that {@link toSql} filled.
 *
 * @throws SyncError that stops the run when it is neither: nobody but a damaged disk puts it there
 */
export function fromSql(value: SQLOutputValue | undefined): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return decodeName(value);
  const what = value === null ? "nothing" : `a ${typeof value}`;
  throw new SyncError("EDB", `the database is damaged: it has ${what} for a name${DAMAGED}`, {
    scope: "run",
  });
}

/** The inner part of a path's `$'...'` notation where it has bytes that are not UTF-8, else null. */
export function escapedOf(path: string): string | null {
  return path.isWellFormed() ? null : showPath(path).slice(2, -1);
}
