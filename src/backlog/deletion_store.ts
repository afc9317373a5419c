/** Deletions in the database: each with what it rested on, for ever. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { KINDS } from "../listing.ts";
import type { Removal } from "../removal.ts";
import type { Extra } from "./backlog.ts";
import { ManyRows } from "./many_rows.ts";
import { ArrayRows } from "./rows.ts";
import { STATE } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

/** Of a directory: that above it, whether it is listed at the source, and when that was. */
type ListedRow = readonly [parent: number | null, isListed: number, at: number | null];
const NOT_KNOWN: ListedRow = [null, 0, null];

/** Keeps deletions; writing methods need a transaction. */
export class DeletionStore {
  readonly #database: DatabaseSync;
  readonly #removals: ManyRows;
  readonly #listed: ArrayRows;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#removals = new ManyRows(database, 13, (rows) => `
      INSERT INTO deletion (run, path, kind, size, mtime, deleted_at, trash, scan, listed_at,
        missed_scans, first_missed_at, looked_at, answer) VALUES ${rows}`);
    this.#listed = new ArrayRows(database.prepare(`
      SELECT parent, source_state = ${STATE.listed}, source_listed_at FROM directory WHERE id = ?`));
  }

  /** Extras were removed in this run. */
  record(run: number, removals: readonly { extra: Extra; removal: Removal }[]): void {
    const values: SQLInputValue[] = [];
    for (const { extra, removal: { evidence, trash, at } } of removals) {
      values.push(run, toSql(extra.path), KINDS.indexOf(extra.kind), extra.size, extra.mtime, at);
      values.push(trash === null ? null : toSql(trash));
      values.push(evidence.scan, evidence.listedAt, evidence.scans, evidence.firstMissedAt);
      values.push(evidence.lookedAt, evidence.answer);
    }
    this.#removals.write(values);
  }

  /** An extra was to be removed in this run and was not. */
  refused(run: number, { directory, name }: Extra, why: string): void {
    this.#database.prepare(`
      UPDATE missed SET refused_run = ?, refused_at = ?, refused_why = ?
      WHERE directory = ? AND name = ?`)
      .run(run, Date.now(), why, directory, toSql(name));
  }

  /** This run moves extras into a directory: on record before the first of them is moved. */
  trashes(run: number, path: string): void {
    this.#database.prepare("INSERT OR REPLACE INTO trash (run, path) VALUES (?, ?)")
      .run(run, toSql(path));
  }

  /** The directory into which a run moved extras; null when it deleted them. */
  trashOf(run: number): string | null {
    const row = this.#database.prepare("SELECT path FROM trash WHERE run = ?").get(run);
    return row === undefined ? null : fromSql(row.path);
  }

  /**
   * A function that says when a directory at the source, or the nearest above it that there is, was
   * listed (ms since the epoch). It keeps what it has found: ask for another one after a while.
   */
  listingTimes(): (directory: number) => number | null {
    const known = new Map<number, number | null>();
    const row = this.#listed;
    return (directory) => {
      const way: number[] = [];
      let at: number | null = null;
      for (let next: number | null = directory; next !== null;) {
        const found = known.get(next);
        if (found !== undefined) {
          at = found;
          break;
        }
        way.push(next);
        const [parent, isListed, listedAt] = (row.get(next) ?? NOT_KNOWN) as ListedRow;
        at = isListed === 1 ? listedAt : null;
        next = isListed === 1 ? null : parent;
      }
      for (const id of way) known.set(id, at);
      return at;
    };
  }
}
