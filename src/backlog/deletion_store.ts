/** Deletions in the database: each with what it rested on, for ever. */
import type { DatabaseSync } from "node:sqlite";
import { KINDS } from "../listing.ts";
import type { Removal } from "../removal.ts";
import type { Extra } from "./backlog.ts";
import { STATE } from "./schema.ts";
import { fromSql, toSql } from "./values.ts";

/** Keeps deletions; writing methods need a transaction. */
export class DeletionStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** An extra was removed in this run. */
  record(run: number, extra: Extra, { evidence, trash, at }: Removal): void {
    this.#database.prepare(`
      INSERT INTO deletion (run, path, kind, size, mtime, deleted_at, trash, scan, listed_at,
        missed_scans, first_missed_at, looked_at, answer)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(
        run,
        toSql(extra.path),
        KINDS.indexOf(extra.kind),
        extra.size,
        extra.mtime,
        at,
        trash === null ? null : toSql(trash),
        evidence.scan,
        evidence.listedAt,
        evidence.scans,
        evidence.firstMissedAt,
        evidence.lookedAt,
        evidence.answer,
      );
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

  /** When the directory at the source, or the nearest above it that there is, was listed. */
  listedAt(directory: number): number | null {
    const row = this.#database.prepare(`
      WITH RECURSIVE up(parent, state, at) AS (
        SELECT parent, source_state, source_listed_at FROM directory WHERE id = ?
        UNION ALL
        SELECT d.parent, d.source_state, d.source_listed_at FROM up
        JOIN directory d ON d.id = up.parent WHERE up.state <> ${STATE.listed}
      ) SELECT at FROM up WHERE state = ${STATE.listed}`).get(directory);
    return row === undefined || row.at === null ? null : Number(row.at);
  }
}
