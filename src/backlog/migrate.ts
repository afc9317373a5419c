/** Migrating: a database is brought to the current version of the schema, in one transaction. */
import type { DatabaseSync } from "node:sqlite";
import { MIGRATIONS } from "./schema.ts";

/** "sluc": marks a database file as one of sluice. */
export const APPLICATION_ID = 0x736c7563;

/** The version that a migrated database has. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings a database to the current version.
 *
 * @throws RangeError when the database was made by a newer version of sluice.
 */
export function migrate(database: DatabaseSync): void {
  const { user_version } = database.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  if (user_version > SCHEMA_VERSION) {
    throw new RangeError(
      `its schema has version ${user_version}, this sluice knows up to ${SCHEMA_VERSION}; ` +
        "use the newer sluice that made it",
    );
  }
  if (user_version === SCHEMA_VERSION) return;
  // all in one transaction: each would wait for the disk
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const migration of MIGRATIONS.slice(user_version)) database.exec(migration);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec("COMMIT");
  } catch (error) {
    // a disk that fails has often rolled back already
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
