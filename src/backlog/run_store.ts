/** The runs: when each began and ended, what it copied, and the token of its temporaries. */
import type { DatabaseSync } from "node:sqlite";
import type { Amount } from "../event.ts";

/** What is recorded of a run when it begins. */
export interface RunStart {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  readonly version: string;
  readonly resumed: boolean;
}

/** The counters of a run. */
export interface RunTotals {
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  readonly failed: number;
  readonly deleted: number;
}

/** The runs of a database, of which only the last can be under way. */
export class RunStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Records that a run begins; returns its number. */
  begin(run: RunStart): number {
    const { lastInsertRowid } = this.#database.prepare(`
      INSERT INTO run (token, pid, host, version, started_at, resumed) VALUES (?, ?, ?, ?, ?, ?)`)
      .run(run.token, run.pid, run.host, run.version, Date.now(), run.resumed ? 1 : 0);
    return Number(lastInsertRowid);
  }

  /** Keeps the counters of a run; called with each group that is settled. */
  count(id: number, totals: RunTotals): void {
    this.#database.prepare(`
      UPDATE run SET copied_files = ?, copied_bytes = ?, failed = ?, deleted = ? WHERE id = ?`)
      .run(totals.copiedFiles, totals.copiedBytes, totals.failed, totals.deleted, id);
  }

  /** Records that a run has ended. */
  end(id: number, exitCode: number): void {
    this.#database.prepare("UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?")
      .run(Date.now(), exitCode, id);
  }

  /** The tokens of all earlier runs: none of them can be alive, since this process has the lock. */
  earlierTokens(): string[] {
    return this.#database.prepare("SELECT DISTINCT token FROM run").all()
      .map((row) => String(row.token));
  }

  /** What was copied by all runs so far. */
  copiedEver(): Amount {
    const row = this.#database.prepare(`
      SELECT coalesce(sum(copied_files), 0) AS files, coalesce(sum(copied_bytes), 0) AS bytes
      FROM run`).get()!;
    return { files: Number(row.files), bytes: Number(row.bytes) };
  }
}
