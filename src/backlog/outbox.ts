/** The outbox: audit lines that may not be in the log yet. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Audit lines that were put into the database together. */
export interface OutboxRow {
  /** The number of the last of them. */
  readonly sequence: number;
  readonly lines: string;
  /** Whether they are known to be in the log. */
  readonly written: boolean;
}

/** All rows, oldest first: what may not be in the log, and the last one that is. */
export function readOutbox(database: DatabaseSync): OutboxRow[] {
  return database.prepare(`
    SELECT sequence, lines, sequence <= (SELECT sequence FROM outbox_written) AS written
    FROM outbox ORDER BY sequence`).all().map((row) => ({
    sequence: Number(row.sequence),
    lines: new TextDecoder().decode(row.lines as Uint8Array),
    written: row.written === 1,
  }));
}

/** The outbox of an open database. */
export class OutboxStore {
  readonly #database: DatabaseSync;
  readonly #drop: StatementSync;
  readonly #put: StatementSync;
  readonly #written: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#drop = database.prepare(
      "DELETE FROM outbox WHERE sequence <= (SELECT sequence FROM outbox_written)",
    );
    this.#put = database.prepare("INSERT INTO outbox (sequence, lines) VALUES (?, ?)");
    this.#written = database.prepare("UPDATE outbox_written SET sequence = ?");
  }

  /** Audit lines that may not be in the log yet, oldest first. */
  rows(): OutboxRow[] {
    return readOutbox(this.#database);
  }

  /**
   * Keeps audit lines with what they tell of, in the caller's transaction. Lines of before that
   * are in the log by now are dropped, all but the last, which can mend a log that was cut.
   */
  put(rows: readonly { readonly sequence: number; readonly lines: Uint8Array }[]): void {
    this.#drop.run();
    for (const { sequence, lines } of rows) this.#put.run(sequence, lines);
  }

  /** Puts other lines in the place of those up to `sequence`. */
  replace(sequence: number, lines: Uint8Array): void {
    this.#database.prepare("UPDATE outbox SET lines = ? WHERE sequence = ?").run(lines, sequence);
  }

  /** The lines up to `sequence` are in the log, durably. */
  written(sequence: number): void {
    this.#written.run(sequence);
  }
}
