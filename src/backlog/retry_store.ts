/** What is to be tried again in this run; it goes with the process, since what failed is pending. */
import type { DatabaseSync } from "node:sqlite";
import type { Job } from "../job.ts";
import { jobFile, jobFileColumns } from "./job_files.ts";
import type { Jobs } from "./job_source.ts";
import { ArrayRows } from "./rows.ts";
import { STATE, STATUS } from "./codes.ts";
import type { TransferStore } from "./transfer_store.ts";
import { fromSql, toSql } from "./values.ts";

/** Files of one job. */
const MOST_FILES = 64;

/** Files and directories by the turn in which they are tried again; 0 is the first try. */
export class RetryStore {
  readonly #database: DatabaseSync;
  readonly #transfer: TransferStore;
  #made = false;

  constructor(database: DatabaseSync, transfer: TransferStore) {
    this.#database = database;
    this.#transfer = transfer;
  }

  /** A file is to be tried again in a turn; a directory, with the name "". In a transaction. */
  add(directory: number, name: string, turn: number): void {
    this.#make();
    this.#database.prepare("INSERT OR REPLACE INTO retry VALUES (?, ?, ?)")
      .run(directory, toSql(name), turn);
  }

  /** The directories whose numbers a table has, and their pending files. In a transaction. */
  addAll(table: string, turn: number): void {
    this.#make();
    this.#database.exec(`
      INSERT OR REPLACE INTO retry SELECT id, '', ${turn} FROM ${table};
      INSERT OR REPLACE INTO retry SELECT directory, name, ${turn} FROM file
        WHERE directory IN (SELECT id FROM ${table}) AND status = ${STATUS.pending}`);
  }

  /** How many are due in a turn. */
  due(turn: number): number {
    if (!this.#made) return 0;
    const row = this.#database.prepare("SELECT count(*) AS n FROM retry WHERE turn = ?").get(turn);
    return Number(row!.n);
  }

  /** The turn is over; what failed again is due in another one. */
  done(turn: number): void {
    if (this.#made) this.#database.prepare("DELETE FROM retry WHERE turn = ?").run(turn);
  }

  /** What is due in a turn and still pending, as jobs. */
  jobs(turn: number): Jobs {
    this.#make();
    const next = this.#database.prepare(`
      SELECT r.directory AS directory, r.name AS name, d.path AS path FROM retry r
      JOIN directory d ON d.id = r.directory
      WHERE r.turn = ? AND (r.directory, r.name) > (?, ?)
        AND d.destination_state <> ${STATE.failed}
      ORDER BY r.directory, r.name LIMIT ${MOST_FILES + 1}`);
    const file = new ArrayRows(this.#database.prepare(`
      SELECT ${jobFileColumns("file")} FROM file
      WHERE directory = ? AND name = ? AND status = ${STATUS.pending}`));
    let after: [number, string | Uint8Array] = [0, ""];
    return {
      news() {},
      complete() {},
      next: (): Job | undefined => {
        for (;;) {
          const rows = next.all(turn, ...after);
          const first = rows[0];
          if (first === undefined) return undefined;
          const directory = Number(first.directory);
          const here = rows.filter((row) => Number(row.directory) === directory)
            .slice(0, MOST_FILES);
          after = [directory, here.at(-1)!.name as string | Uint8Array];
          const last = rows.length === here.length ||
            Number(rows[here.length]!.directory) !== directory;
          const files = here.flatMap(({ name }) => file.all(directory, name!).map(jobFile));
          const path = fromSql(first.path);
          const missing = this.#transfer.missingAbove(directory, path);
          if (files.length === 0 && missing.length === 0) continue;
          this.#transfer.markInFlight(directory);
          const listed = this.#transfer.listedAt(directory);
          return {
            directory,
            path,
            missing,
            files,
            listed,
            last,
            whole: null,
          };
        }
      },
    };
  }

  #make(): void {
    if (this.#made) return;
    this.#database.exec(`CREATE TEMP TABLE IF NOT EXISTS retry
      (directory INTEGER, name, turn INTEGER, PRIMARY KEY (directory, name)) WITHOUT ROWID`);
    this.#made = true;
  }
}
