/** Traits of the destination that a run has found out by trying, kept for the runs after it. */
import type { DatabaseSync } from "node:sqlite";
import type { TimeKeeping } from "../times.ts";

/** Which place the traits are those of: another one of the same path must be tried anew. */
export interface Place {
  /** The inode number of the root. */
  readonly inode: bigint;
  /** The kind of its file system. */
  readonly kind: string;
}

/** Reads and writes the one row of `destination_trait`. */
export class TraitStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** What is kept of the times there; undefined when nobody has tried. */
  times(place: Place): TimeKeeping | undefined {
    return readTimes(this.#database, place);
  }

  /** Keeps what was found; inside a transaction. */
  keepTimes({ inode, kind }: Place, { precision, earliest, latest, shifts }: TimeKeeping): void {
    this.#database.prepare(`
      INSERT OR REPLACE INTO destination_trait
        (id, root, kind, probed_at, time_precision, time_earliest, time_latest, time_shifts)
      VALUES (1, ?, ?, ?, ?, ?, ?, ?)`)
      .run(String(inode), kind, Date.now(), precision, earliest, latest, shifts.join(","));
  }

  /** A temporary is about to appear in the root, or has gone again; inside a transaction. */
  probing(underway: boolean): void {
    this.#database.prepare("UPDATE directory SET in_flight = ? WHERE path = ''")
      .run(underway ? 1 : 0);
  }
}

/** The times of a place in a database that may be older than the table. */
export function readTimes(database: DatabaseSync, place: Place): TimeKeeping | undefined {
  const exists = database.prepare(
    "SELECT 1 FROM sqlite_schema WHERE name = 'destination_trait'",
  ).get();
  if (exists === undefined) return undefined;
  const statement = database.prepare(`
    SELECT time_precision, time_earliest, time_latest, time_shifts FROM destination_trait
    WHERE root = ? AND kind = ?`);
  statement.setReadBigInts(true);
  const row = statement.get(String(place.inode), place.kind);
  if (row === undefined) return undefined;
  return {
    precision: row.time_precision as bigint,
    earliest: row.time_earliest as bigint | null,
    latest: row.time_latest as bigint | null,
    shifts: String(row.time_shifts).split(",").map(BigInt),
  };
}
