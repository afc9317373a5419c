/** Traits of the destination that a run has found out by trying, kept for the runs after it. */
import type { DatabaseSync } from "node:sqlite";
import type { LinkTimes, TimeKeeping } from "../times.ts";

/** Which place the traits are those of: another one of the same path must be tried anew. */
export interface Place {
  /** The inode number of the root. */
  readonly inode: bigint;
  /** The kind of its file system. */
  readonly kind: string;
}

/** What was found. */
export interface Traits {
  readonly times: TimeKeeping;
  /** A file can have more than one name. */
  readonly hardLinks: boolean;
}

/** Reads and writes the one row of `destination_trait`. */
export class TraitStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** What is kept of a place; undefined when nobody has tried. */
  of(place: Place): Traits | undefined {
    return readTraits(this.#database, place);
  }

  /** Keeps what was found; inside a transaction. */
  keep({ inode, kind }: Place, { times, hardLinks }: Traits): void {
    const { precision, earliest, latest, shifts, links } = times;
    this.#database.prepare(`
      INSERT OR REPLACE INTO destination_trait
        (id, root, kind, probed_at, time_precision, time_earliest, time_latest, time_shifts,
          hard_links, link_times)
      VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(
        String(inode),
        kind,
        Date.now(),
        precision,
        earliest,
        latest,
        shifts.join(","),
        hardLinks ? 1 : 0,
        links,
      );
  }
}

/** The traits of a place in a database that may be older than the table. */
export function readTraits(database: DatabaseSync, place: Place): Traits | undefined {
  const exists = database.prepare(
    "SELECT 1 FROM pragma_table_info('destination_trait') WHERE name = 'link_times'",
  ).get();
  if (exists === undefined) return undefined;
  const statement = database.prepare(`
    SELECT time_precision, time_earliest, time_latest, time_shifts, hard_links, link_times
    FROM destination_trait WHERE root = ? AND kind = ? AND link_times IS NOT NULL`);
  statement.setReadBigInts(true);
  const row = statement.get(String(place.inode), place.kind);
  if (row === undefined) return undefined;
  return {
    times: {
      precision: row.time_precision as bigint,
      earliest: row.time_earliest as bigint | null,
      latest: row.time_latest as bigint | null,
      shifts: String(row.time_shifts).split(",").map(BigInt),
      links: row.link_times as LinkTimes,
    },
    hardLinks: row.hard_links === 1n,
  };
}
