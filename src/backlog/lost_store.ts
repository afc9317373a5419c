/** Directories that may be gone from the destination since it was scanned; goes with the process. */
import type { DatabaseSync } from "node:sqlite";
import { REASONS } from "../operation.ts";
import { STATE, STATUS, UNSETTLED } from "./codes.ts";
import { PENDING_COUNTED } from "./pending_count.ts";
import type { RetryStore } from "./retry_store.ts";
import { fromSql } from "./values.ts";

/** A directory of the source, and whether the destination is known to have none here. */
export interface DoubtedDirectory {
  readonly id: number;
  readonly path: string;
  readonly isAbsent: boolean;
}

const NOT_THERE = REASONS.indexOf("not at the destination");

/** Keeps what failures have made doubtful until somebody looks; methods that write need a transaction. */
export class LostStore {
  readonly #database: DatabaseSync;
  readonly #retries: RetryStore;
  #made = false;

  constructor(database: DatabaseSync, retries: RetryStore) {
    this.#database = database;
    this.#retries = retries;
  }

  /** Something failed as if this directory, or one above it, were not at the destination. */
  suspect(directory: number): void {
    if (!this.#made) {
      this.#database.exec(`
        CREATE TEMP TABLE IF NOT EXISTS suspect (id INTEGER PRIMARY KEY);
        CREATE TEMP TABLE IF NOT EXISTS lost (id INTEGER PRIMARY KEY)`);
      this.#made = true;
    }
    this.#database.prepare("INSERT OR IGNORE INTO temp.suspect VALUES (?)").run(directory);
  }

  /** The one after `after` (0: the first) that nobody has looked at. */
  next(after: number): DoubtedDirectory | undefined {
    if (!this.#made) return undefined;
    return this.#directory(
      "temp.suspect s JOIN directory d ON d.id = s.id WHERE s.id > ? ORDER BY s.id LIMIT 1",
      after,
    );
  }

  /** The one above it; undefined for the root. */
  above({ id }: DoubtedDirectory): DoubtedDirectory | undefined {
    return this.#directory(
      "directory one JOIN directory d ON d.id = one.parent WHERE one.id = ?",
      id,
    );
  }

  /**
   * This directory is gone with all that was in it: that is pending again, and to be tried in a turn
   * of this run.
   */
  lost({ id }: DoubtedDirectory, turn: number): void {
    this.#database.exec("DELETE FROM temp.lost");
    this.#database.prepare(`
      INSERT INTO temp.lost
        WITH RECURSIVE below(id) AS (
          SELECT ? UNION SELECT d.id FROM below JOIN directory d ON d.parent = below.id
        ) SELECT id FROM below JOIN directory d USING (id) WHERE d.source_state = ${STATE.listed}`)
      .run(id);
    this.#database.exec(`
      UPDATE file SET status = ${STATUS.pending}, reason = ${NOT_THERE}
      WHERE directory IN (SELECT id FROM temp.lost) AND status = ${STATUS.synced};
      UPDATE directory SET destination_state = ${STATE.absent}, unsettled = ${UNSETTLED.unknown},
        ${PENDING_COUNTED}
      WHERE id IN (SELECT id FROM temp.lost)`);
    this.#retries.addAll("temp.lost", turn);
  }

  /** Nobody doubts any of them any more. */
  cleared(): void {
    if (this.#made) this.#database.exec("DELETE FROM temp.suspect");
  }

  /** The directory `d` that a number leads to. */
  #directory(from: string, number: number): DoubtedDirectory | undefined {
    const row = this.#database.prepare(`SELECT d.id, d.path, d.destination_state FROM ${from}`)
      .get(number);
    if (row === undefined) return undefined;
    const isAbsent = row.destination_state === STATE.absent;
    return { id: Number(row.id), path: fromSql(row.path), isAbsent };
  }
}
