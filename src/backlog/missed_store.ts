/**
 * What complete scans have missed at the source: since when, and how often in a row. And which of the
 * source's directories lost all their entries at once, as one does whose share is no longer mounted.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { STATE } from "./codes.ts";

/** What must be true of an extra `e` in directory `d` for a scan to have proven its absence. */
export function provenBy(scan: number): string {
  return `(d.decided_scan = ${scan} AND d.source_scan = ${scan} AND d.destination_scan = ${scan}
    AND d.source_error IS NULL AND d.source_state IN (${STATE.listed}, ${STATE.absent})
    AND d.destination_state = ${STATE.listed})`;
}

/** Keeps the count for the scan with number `scan`. Its methods need a transaction. */
export class MissedStore {
  readonly #database: DatabaseSync;
  readonly #scan: number;
  readonly #emptied: StatementSync;

  constructor(database: DatabaseSync, scan: number) {
    this.#database = database;
    this.#scan = scan;
    this.#emptied = database.prepare(`
      INSERT INTO emptied (directory, scan, files, directories)
      SELECT ?1, ${scan}, files, directories FROM (SELECT
        (SELECT count(*) FROM file WHERE directory = ?1) AS files,
        (SELECT count(*) FROM directory WHERE parent = ?1 AND source_scan < ${scan}
          AND source_state IN (${STATE.listed}, ${STATE.failed})) AS directories)
      WHERE files + directories > 0
      ON CONFLICT (directory) DO UPDATE SET scan = excluded.scan, files = excluded.files,
        directories = excluded.directories`);
  }

  /** The source's directory has nothing in it: call it before what was known of it is dropped. */
  listedEmpty(directory: number): void {
    this.#emptied.run(directory);
  }

  /** The scan is complete: what it missed counts once more, and what it did not is forgotten. */
  count(): void {
    const scan = this.#scan;
    const { started_at } = this.#database.prepare("SELECT started_at FROM scan WHERE id = ?")
      .get(scan)!;
    const same = (column: string) => `iif(missed.kind = excluded.kind, missed.${column}, `;
    this.#database.prepare(`
      INSERT INTO missed (directory, name, kind, first_scan, first_at, last_scan, last_at, scans)
      SELECT e.directory, e.name, e.kind, ${scan}, ?1, ${scan}, ?2, 1
      FROM extra e JOIN directory d ON d.id = e.directory WHERE ${provenBy(scan)}
      ON CONFLICT (directory, name) DO UPDATE SET
        scans = ${same("scans + 1")} 1),
        first_scan = ${same("first_scan")} excluded.first_scan),
        first_at = ${same("first_at")} excluded.first_at),
        kind = excluded.kind, last_scan = excluded.last_scan, last_at = excluded.last_at`)
      .run(Date.now(), started_at!);
    this.#database.exec(`
      DELETE FROM missed WHERE last_scan <> ${scan};
      DELETE FROM emptied WHERE directory NOT IN (SELECT id FROM directory)
        OR EXISTS (SELECT 1 FROM file f WHERE f.directory = emptied.directory)
        OR EXISTS (SELECT 1 FROM directory c WHERE c.parent = emptied.directory
          AND c.source_scan = ${scan} AND c.source_state IN (${STATE.listed}, ${STATE.failed}))`);
  }
}
