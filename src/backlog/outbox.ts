/** The outbox: audit lines that may not be in the log yet. */
import type { DatabaseSync } from "node:sqlite";

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
