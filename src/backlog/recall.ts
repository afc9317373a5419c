/** What a dry run, which has a database of its own, takes over from the one of the real runs. */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { attachToRead } from "./open_database.ts";
import { SCHEMA_VERSION } from "./migrate.ts";
import { STATE } from "./codes.ts";

const SEEN = `(${STATE.listed}, ${STATE.failed})`;

/**
 * Adds to what the complete scan with number `scan` missed what earlier scans had missed, and finds
 * the source directories that have lost all their entries since, as a real scan would have. Reads the
 * database at `path` only; there may be none.
 */
export function recallMissed(database: DatabaseSync, path: string, scan: number): void {
  if (!existsSync(path)) return;
  attachToRead(database, path);
  try {
    const { user_version } = database.prepare("PRAGMA old.user_version").get()!;
    // an older one knows nothing of this
    if (Number(user_version) !== SCHEMA_VERSION) return;
    database.exec(`
      UPDATE missed SET scans = o.scans + missed.scans, first_scan = o.first_scan,
        first_at = o.first_at
      FROM directory d JOIN old.directory od ON od.path = d.path
        JOIN old.missed o ON o.directory = od.id
      WHERE d.id = missed.directory AND o.name = missed.name AND o.kind = missed.kind;
      INSERT OR REPLACE INTO emptied (directory, scan, files, directories)
        SELECT id, ${scan}, files, directories FROM (SELECT d.id AS id,
          (SELECT count(*) FROM old.file f WHERE f.directory = od.id) AS files,
          (SELECT count(*) FROM old.directory c WHERE c.parent = od.id
            AND c.source_state IN ${SEEN}) AS directories
          FROM directory d JOIN old.directory od ON od.path = d.path
          WHERE d.path <> '' AND d.source_state = ${STATE.listed} AND d.source_error IS NULL
            AND NOT EXISTS (SELECT 1 FROM file f WHERE f.directory = d.id)
            AND NOT EXISTS (SELECT 1 FROM directory c WHERE c.parent = d.id
              AND c.source_state IN ${SEEN}))
        WHERE files + directories > 0`);
  } finally {
    database.exec("DETACH old");
  }
}
