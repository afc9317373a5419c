/** The directories that the listings of one side name: each is put on record, to be listed as well. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { join } from "../entry.ts";
import type { Side } from "../event.ts";
import type { ListedEntry } from "../listing.ts";
import type { QueuedDirectory } from "./backlog.ts";
import { ManyRows } from "./many_rows.ts";
import { STATE } from "./codes.ts";
import { escapedOf, toSql } from "./values.ts";

/** Writes them for the scan with number `scan`; its methods need a transaction. */
export class ListedDirectories {
  readonly #one: StatementSync;
  /** The same of many, where what is on record is in the same directory as before. */
  readonly #inPlace: ManyRows;

  constructor(database: DatabaseSync, scan: number, side: Side) {
    const row = `(?, ?, ?, ?, ?, ${scan}, ${STATE.queued}, ?)`;
    const upsert = (rows: string, set: string, where: string) => `
      INSERT INTO directory (parent, name, path, escaped, depth, ${side}_scan, ${side}_state,
        ${side}_mtime)
      VALUES ${rows}
      ON CONFLICT (path) DO UPDATE SET ${set} ${side}_scan = ${scan},
        ${side}_state = ${STATE.queued}, ${side}_mtime = excluded.${side}_mtime,
        ${side}_error = NULL
        WHERE ${side}_scan <> ${scan} ${where}`;
    this.#one = database.prepare(upsert(row, "parent = excluded.parent,", ""));
    // to write what an index has, be it the same, is to take it out of there and to put it in again
    const inPlace = (rows: string) => upsert(rows, "", "AND parent IS excluded.parent");
    this.#inPlace = new ManyRows(database, 6, inPlace, row);
  }

  /** The root, which no listing names. */
  root(mtime: bigint): void {
    this.#one.run(null, "", "", null, 0, mtime);
  }

  /** The directories in one. Those that were put in this scan already stay as they are. */
  put({ id, path }: QueuedDirectory, entries: readonly ListedEntry[]): void {
    if (entries.length === 0) return;
    const depth = path === "" ? 1 : path.split("/").length + 1;
    const rows = entries.map(({ name, mtime }): SQLInputValue[] => {
      const at = join(path, name);
      return [id, toSql(name), toSql(at), escapedOf(at), depth, mtime];
    });
    if (this.#inPlace.write(rows.flat()) === rows.length) return;
    for (const row of rows) this.#one.run(...row);
  }
}
