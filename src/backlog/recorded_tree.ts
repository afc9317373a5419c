/** The source's tree as the last complete scan has recorded it, read beside whatever else goes on. */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { Entry } from "../entry.ts";
import { UsageError } from "../errors.ts";
import type { Amount } from "../event.ts";
import { KINDS } from "../listing.ts";
import { openDatabase, type Pair, pairIn, refuseOtherPair } from "./open_database.ts";
import { STATE, STATUS } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

const PAGE = 2000;

/** A name with what a report on names needs. */
export type RecordedEntry = Pick<Entry, "name" | "kind" | "size">;

/** A database that is only read. */
export class RecordedTree implements Disposable {
  readonly #database: DatabaseSync;
  /** When the scan was begun, in ms since the epoch. */
  readonly scannedAt: number;

  /**
   * Opens an existing database; changes nothing.
   *
   * @throws UsageError when it is not there, not of this pair, or has no complete scan
   */
  static open(path: string, pair: Pair): RecordedTree {
    if (!existsSync(path)) {
      throw new UsageError(
        `there is no database ${path}; leave out --db to read the source itself`,
      );
    }
    refuseOtherPair(path, pair);
    const database = openDatabase(path, true);
    try {
      const scan = pairIn(database) === undefined ? undefined : database.prepare(
        "SELECT started_at, finished_at FROM scan ORDER BY id DESC LIMIT 1",
      ).get();
      if (scan !== undefined && scan.finished_at !== null) {
        return new RecordedTree(database, Number(scan.started_at));
      }
    } catch (error) {
      database.close();
      throw error;
    }
    database.close();
    throw new UsageError(
      `the database ${path} has no complete scan; leave out --db to read the source itself`,
    );
  }

  private constructor(database: DatabaseSync, scannedAt: number) {
    this.#database = database;
    this.scannedAt = scannedAt;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** The directories of the source. */
  *directories(): Generator<{ id: number; path: string; error: string | null }> {
    const page = this.#database.prepare(`
      SELECT id, path, source_error AS error FROM directory
      WHERE id > ? AND source_state IN (${STATE.listed}, ${STATE.failed}) ORDER BY id LIMIT ${PAGE}`);
    for (let after = 0;;) {
      const rows = page.all(after);
      for (const row of rows) {
        after = Number(row.id);
        const error = row.error === null ? null : String(row.error);
        yield { id: after, path: fromSql(row.path), error };
      }
      if (rows.length < PAGE) return;
    }
  }

  /** What is in a directory, a page at a time. */
  *entries(directory: number): Generator<RecordedEntry[]> {
    const files = this.#database.prepare(`
      SELECT name, kind, size FROM file WHERE directory = ? AND name > ? ORDER BY name LIMIT ${PAGE}`);
    const directories = this.#database.prepare(`
      SELECT name, ${KINDS.indexOf("directory")} AS kind, 0 AS size FROM directory
      WHERE parent = ? AND name > ? AND source_state IN (${STATE.listed}, ${STATE.failed})
      ORDER BY name LIMIT ${PAGE}`);
    for (const page of [directories, files]) {
      for (let after: string | Uint8Array = "";;) {
        const rows = page.all(directory, after);
        yield rows.map(({ name, kind, size }) => ({
          name: fromSql(name),
          kind: KINDS[Number(kind)]!,
          size: Number(size),
        }));
        if (rows.length < PAGE) break;
        after = toSql(fromSql(rows.at(-1)!.name));
      }
    }
  }

  /** What is not at the destination yet. */
  pending(): Amount {
    const row = this.#database.prepare(`
      SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM file
      WHERE status NOT IN (${STATUS.synced}, ${STATUS.skipped})`).get()!;
    return { files: Number(row.files), bytes: Number(row.bytes) };
  }
}
