/** Extras in the database: what the destination has and the source has not. */
import type { DatabaseSync } from "node:sqlite";
import { join } from "../entry.ts";
import { KINDS } from "../listing.ts";
import type { Extra } from "./backlog.ts";
import { CONFLICT, STATE } from "./schema.ts";
import { fromSql, toSql } from "./values.ts";

const DIRECTORY = KINDS.indexOf("directory");

/** Where a page of extras begins. */
export interface ExtraCursor {
  readonly depth: number;
  readonly directory: number;
  readonly name: string;
}

/**
 * Which extras: those that stand where the source has something of another kind (or below such a
 * place), the others, or all.
 */
export type ExtraKind = "conflicts" | "others" | "all";

const CONFLICTS = `(e.conflict = 1 OR d.conflict = ${CONFLICT.directoryInTheWay})`;
const WHICH: Readonly<Record<ExtraKind, string>> = {
  conflicts: CONFLICTS,
  others: `NOT ${CONFLICTS}`,
  all: "1",
};

/** Pages through extras; writing methods need a transaction. */
export class ExtraStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** How many extras are known. */
  count(): { files: number; bytes: number; directories: number } {
    const row = this.#database.prepare(`
      SELECT count(*) AS entries, coalesce(sum(kind = ${DIRECTORY}), 0) AS directories,
        coalesce(sum(iif(kind = ${DIRECTORY}, 0, size)), 0) AS bytes FROM extra`).get()!;
    const directories = Number(row.directories);
    return { files: Number(row.entries) - directories, bytes: Number(row.bytes), directories };
  }

  /** Files, links and special files, by directory. */
  files(
    after: Omit<ExtraCursor, "depth">,
    limit: number,
    which: ExtraKind,
  ): Extra[] {
    return this.#rows(
      `e.kind <> ${DIRECTORY} AND (e.directory, e.name) > (?1, ?2) AND ${WHICH[which]}
       ORDER BY e.directory, e.name LIMIT ?3`,
      [after.directory, toSql(after.name), limit],
    );
  }

  /** Directories, deepest first. */
  directories(before: ExtraCursor, limit: number, which: ExtraKind): Extra[] {
    return this.#rows(
      `e.kind = ${DIRECTORY} AND (d.depth, e.directory, e.name) < (?1, ?2, ?3)
       AND ${WHICH[which]}
       ORDER BY d.depth DESC, e.directory DESC, e.name DESC LIMIT ?4`,
      [before.depth, before.directory, toSql(before.name), limit],
    );
  }

  /** Extras whose removal began in a run that did not live to tell. */
  attempted(limit: number): Extra[] {
    return this.#rows("e.attempted = 1 LIMIT ?1", [limit]);
  }

  /** The removal of these has come to an end that is known. */
  settled(extras: readonly Extra[]): void {
    const statement = this.#database.prepare(
      "UPDATE extra SET attempted = 0 WHERE directory = ? AND name = ?",
    );
    for (const { directory, name } of extras) statement.run(directory, toSql(name));
  }

  #rows(where: string, values: (string | number | Uint8Array)[]): Extra[] {
    const statement = this.#database.prepare(`
      SELECT e.directory AS directory, d.path AS parent, d.conflict AS above, e.name AS name,
        e.kind AS kind, e.size AS size, e.mtime AS mtime, e.conflict AS conflict,
        d.depth AS depth
      FROM extra e JOIN directory d ON d.id = e.directory WHERE ${where}`);
    statement.setReadBigInts(true);
    return statement.all(...values).map((row) => {
      const name = fromSql(row.name);
      return {
        directory: Number(row.directory),
        name,
        path: join(fromSql(row.parent), name),
        depth: Number(row.depth),
        kind: KINDS[Number(row.kind)]!,
        size: Number(row.size),
        mtime: row.mtime as bigint,
        conflict: Number(row.conflict) === 1 ||
          Number(row.above) === CONFLICT.directoryInTheWay,
      };
    });
  }

  /** The removal of these begins. */
  attempt(extras: readonly Extra[]): void {
    const statement = this.#database.prepare(
      "UPDATE extra SET attempted = 1 WHERE directory = ? AND name = ?",
    );
    for (const { directory, name } of extras) statement.run(directory, toSql(name));
  }

  /** An extra is no more: removed, or found to be none. Its directory's times must be set again. */
  drop(extra: Extra): void {
    this.#database.prepare("DELETE FROM extra WHERE directory = ? AND name = ?")
      .run(extra.directory, toSql(extra.name));
    this.#database.prepare("UPDATE directory SET touched = 1 WHERE id = ?").run(extra.directory);
    if (extra.kind === "directory") {
      this.#database.prepare("DELETE FROM directory WHERE path = ?").run(toSql(extra.path));
    } else {
      // what blocked a directory of the source is gone, so it can be made now
      this.#database.prepare(`
        UPDATE directory SET conflict = ${CONFLICT.none}, destination_state = ${STATE.absent}
        WHERE parent = ? AND name = ? AND conflict = ${CONFLICT.directoryBlocked}`)
        .run(extra.directory, toSql(extra.name));
    }
  }
}
