/**
 * Hard links: which names of the source are one file, which names of the destination are, and which
 * names wait to be linked. The map is in the database, so it works across runs and threads.
 *
 * Only files with more than one name have rows here. Methods that write need a transaction.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { join } from "../entry.ts";
import type { Side } from "../event.ts";
import { KINDS, type ListedEntry } from "../listing.ts";
import { REASONS } from "../operation.ts";
import { STATUS, UNSETTLED } from "./codes.ts";
import { PENDING_COUNTED } from "./pending_count.ts";
import { fromSql, toSql } from "./values.ts";

const FILE = KINDS.indexOf("file");
const NOT_LINKED = REASONS.indexOf("not a hard link at the destination");
const IN_SYNC = REASONS.indexOf("in sync");

/** A name by its directory's number. */
export interface NameKey {
  readonly directory: number;
  readonly name: string;
}

/** A name of a file that has several. */
export interface LinkedName extends NameKey {
  /** Relative to the roots. */
  readonly path: string;
}

/** A name that waits, and the one that it is to be another name of. */
export interface WaitingName extends LinkedName {
  /** Its content is at the destination already, as a file of its own. */
  readonly copied: boolean;
  /** Null when no name of the file is synced yet. */
  readonly first: (LinkedName & { readonly size: number; readonly mtime: bigint }) | null;
}

/** What a plan does with a name of a file that has several. */
export interface PlannedName extends LinkedName {
  readonly size: number;
  readonly waits: boolean;
  readonly reason: string;
}

/** Reads and writes what is known of hard links. */
export class LinkStore {
  readonly #database: DatabaseSync;
  readonly #clear: Record<Side, StatementSync>;
  readonly #put: Record<Side, StatementSync>;
  readonly #first: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const both = (sql: (table: string) => string) => ({
      source: database.prepare(sql("hard_link")),
      destination: database.prepare(sql("hard_link_there")),
    });
    this.#clear = both((table) => `DELETE FROM ${table} WHERE directory = ?`);
    this.#put = both((table) =>
      `INSERT OR REPLACE INTO ${table} (directory, name, device, inode) VALUES (?, ?, ?, ?)`
    );
    this.#first = database.prepare(`
      SELECT h.directory AS directory, h.name AS name, d.path AS parent, f.size AS size,
        f.mtime AS mtime
      FROM hard_link h JOIN file f ON f.directory = h.directory AND f.name = h.name
      JOIN directory d ON d.id = h.directory
      WHERE h.device = ? AND h.inode = ? AND f.status = ${STATUS.synced} AND f.kind = ${FILE}
      ORDER BY h.directory, h.name LIMIT 1`);
    this.#first.setReadBigInts(true);
  }

  /** A directory is being listed anew: what was known of it is void. */
  clear(side: Side, directory: number): void {
    this.#clear[side].run(directory);
  }

  /** A file with more than one name. */
  put(side: Side, directory: number, { name, device, inode }: ListedEntry): void {
    const signed = [BigInt.asIntN(64, device), BigInt.asIntN(64, inode)] as const;
    this.#put[side].run(directory, toSql(name), ...signed);
  }

  /**
   * After a scan: of each file's names one is transferred, the others wait to be linked to it, but
   * for those that the destination has linked already.
   */
  assign(): void {
    this.release();
    this.#database.exec(`
      CREATE TEMP TABLE IF NOT EXISTS first_name (device INTEGER, inode INTEGER,
        directory INTEGER, name, there_device INTEGER, there_inode INTEGER,
        PRIMARY KEY (device, inode)) WITHOUT ROWID;
      DELETE FROM temp.first_name;
      INSERT INTO temp.first_name
        SELECT device, inode, directory, name, there_device, there_inode FROM (
          SELECT h.device AS device, h.inode AS inode, h.directory AS directory, h.name AS name,
            t.device AS there_device, t.inode AS there_inode,
            row_number() OVER (PARTITION BY h.device, h.inode
              ORDER BY f.status <> ${STATUS.synced}, h.directory, h.name) AS nth,
            count(*) OVER (PARTITION BY h.device, h.inode) AS names
          FROM hard_link h JOIN file f ON f.directory = h.directory AND f.name = h.name
          LEFT JOIN hard_link_there t ON t.directory = h.directory AND t.name = h.name
          WHERE f.kind = ${FILE} AND f.status <> ${STATUS.refused})
        WHERE nth = 1 AND names > 1;
      UPDATE hard_link SET waits = 1 WHERE EXISTS (
        SELECT 1 FROM temp.first_name n
        JOIN file f ON f.directory = hard_link.directory AND f.name = hard_link.name
        LEFT JOIN hard_link_there t ON t.directory = f.directory AND t.name = f.name
        WHERE n.device = hard_link.device AND n.inode = hard_link.inode
          AND NOT (n.directory = f.directory AND n.name = f.name)
          AND f.status <> ${STATUS.refused}
          AND NOT (f.status = ${STATUS.synced} AND t.inode IS NOT NULL
            AND t.inode IS n.there_inode AND t.device IS n.there_device));
      DELETE FROM temp.first_name;
      UPDATE file SET reason = iif(status = ${STATUS.synced}, ${NOT_LINKED}, reason),
        status = ${STATUS.waiting}
      WHERE (directory, name) IN (SELECT directory, name FROM hard_link WHERE waits = 1);
    `);
    this.#recount("SELECT directory FROM hard_link WHERE waits = 1");
  }

  /** Nothing waits any more: names are files of their own again. */
  release(): void {
    this.#database.exec(`
      CREATE TEMP TABLE IF NOT EXISTS released (directory INTEGER PRIMARY KEY);
      INSERT OR IGNORE INTO temp.released SELECT directory FROM hard_link WHERE waits = 1;
      UPDATE file SET status = iif(reason = ${NOT_LINKED}, ${STATUS.synced}, ${STATUS.pending}),
        reason = iif(reason = ${NOT_LINKED}, ${IN_SYNC}, reason)
      WHERE status = ${STATUS.waiting}
        AND (directory, name) IN (SELECT directory, name FROM hard_link WHERE waits = 1);
      UPDATE hard_link SET waits = 0 WHERE waits = 1;
    `);
    this.#recount("SELECT directory FROM temp.released");
    this.#database.exec("DELETE FROM temp.released");
  }

  #recount(directories: string): void {
    this.#database.exec(`
      UPDATE directory SET unsettled = ${UNSETTLED.unknown}, ${PENDING_COUNTED}
      WHERE id IN (${directories})`);
  }

  /** How many names wait. */
  count(): number {
    const row = this.#database.prepare("SELECT count(*) AS names FROM hard_link WHERE waits = 1")
      .get()!;
    return Number(row.names);
  }

  /** How many names belong to files that have several in the source's tree. */
  names(): number {
    const row = this.#database.prepare(`
      SELECT coalesce(sum(names), 0) AS names FROM (
        SELECT count(*) AS names FROM hard_link GROUP BY device, inode HAVING names > 1)`).get()!;
    return Number(row.names);
  }

  /** Names that wait, after `after`. */
  waiting(after: NameKey, limit: number): WaitingName[] {
    const waiting = this.#database.prepare(`
      SELECT h.directory AS directory, h.name AS name, d.path AS parent, h.device AS device,
        h.inode AS inode, f.reason AS reason
      FROM hard_link h JOIN file f ON f.directory = h.directory AND f.name = h.name
      JOIN directory d ON d.id = h.directory
      WHERE h.waits = 1 AND (h.directory, h.name) > (?, ?)
      ORDER BY h.directory, h.name LIMIT ${limit}`);
    waiting.setReadBigInts(true);
    return waiting.all(after.directory, toSql(after.name)).map((row) => {
      const first = this.#first.get(row.device!, row.inode!);
      return {
        ...named(row),
        copied: Number(row.reason) === NOT_LINKED,
        first: first === undefined
          ? null
          : { ...named(first), size: Number(first.size), mtime: first.mtime as bigint },
      };
    });
  }

  /** Whether another name of the file is to be transferred, so that waiting makes sense. */
  hasPending({ directory, name }: NameKey): boolean {
    return this.#database.prepare(`
      SELECT 1 FROM hard_link mine JOIN hard_link h
        ON h.device = mine.device AND h.inode = mine.inode
      JOIN file f ON f.directory = h.directory AND f.name = h.name
      WHERE mine.directory = ? AND mine.name = ? AND f.status = ${STATUS.pending} LIMIT 1`)
      .get(directory, toSql(name)) !== undefined;
  }

  /** A name is linked: it has the row of the first one; `there` is what both are now. */
  linked(
    name: NameKey,
    first: NameKey,
    there: Pick<ListedEntry, "device" | "inode">,
  ): void {
    this.#database.prepare(`
      UPDATE file SET (hash, hash_algorithm, size, mtime, ctime, birthtime, mode, uid, gid) = (
          SELECT hash, hash_algorithm, size, mtime, ctime, birthtime, mode, uid, gid FROM file
          WHERE directory = ?3 AND name = ?4),
        status = ${STATUS.synced}, reason = ${IN_SYNC}, error = NULL, attempts = attempts + 1
      WHERE directory = ?1 AND name = ?2`)
      .run(name.directory, toSql(name.name), first.directory, toSql(first.name));
    for (const key of [name, first]) {
      this.put("destination", key.directory, { ...there, name: key.name } as ListedEntry);
    }
    this.#stop(name);
  }

  /** A name does not wait any more: it is what it was, or a file to be transferred. */
  releaseOne(name: NameKey, { copied }: Pick<WaitingName, "copied">): void {
    this.#database.prepare(
      "UPDATE file SET status = ?, reason = iif(?, reason, ?) WHERE directory = ? AND name = ?",
    ).run(
      copied ? STATUS.synced : STATUS.pending,
      copied ? 0 : 1,
      IN_SYNC,
      name.directory,
      toSql(name.name),
    );
    this.#stop(name);
    this.#recount(String(name.directory));
  }

  /** A name is no longer at the source. */
  gone({ directory, name }: NameKey): void {
    this.#database.prepare("DELETE FROM file WHERE directory = ? AND name = ?")
      .run(directory, toSql(name));
    this.#database.prepare("DELETE FROM hard_link WHERE directory = ? AND name = ?")
      .run(directory, toSql(name));
    // should it be there again one day, the listing must not pass for one that is recorded
    this.#database.prepare(
      "UPDATE directory SET source_content = NULL, source_complete = NULL WHERE id = ?",
    ).run(directory);
  }

  /** A name could not be linked; it goes on waiting. */
  failed({ directory, name }: NameKey, message: string): void {
    this.#database.prepare(
      "UPDATE file SET error = ?, attempts = attempts + 1 WHERE directory = ? AND name = ?",
    ).run(message, directory, toSql(name));
  }

  /** For a plan: names of files that have several and that are not in sync, after `after`. */
  planned(after: NameKey, limit: number): PlannedName[] {
    return this.#database.prepare(`
      SELECT h.directory AS directory, h.name AS name, d.path AS parent, f.size AS size,
        h.waits AS waits, f.reason AS reason
      FROM hard_link h JOIN file f ON f.directory = h.directory AND f.name = h.name
      JOIN directory d ON d.id = h.directory
      WHERE f.status IN (${STATUS.pending}, ${STATUS.waiting})
        AND (h.directory, h.name) > (?, ?) ORDER BY h.directory, h.name LIMIT ${limit}`)
      .all(after.directory, toSql(after.name)).map((row) => ({
        ...named(row),
        size: Number(row.size),
        waits: row.waits === 1,
        reason: REASONS[Number(row.reason)]!,
      }));
  }

  /** Whether a file has several names, so that a plan tells of it when all are known. */
  has({ directory, name }: NameKey): boolean {
    return this.#database.prepare("SELECT 1 FROM hard_link WHERE directory = ? AND name = ?")
      .get(directory, toSql(name)) !== undefined;
  }

  #stop({ directory, name }: NameKey): void {
    this.#database.prepare("UPDATE hard_link SET waits = 0 WHERE directory = ? AND name = ?")
      .run(directory, toSql(name));
  }
}

function named(row: Record<string, unknown>): LinkedName {
  const name = fromSql(row.name as string | Uint8Array);
  return {
    directory: Number(row.directory),
    name,
    path: join(fromSql(row.parent as string | Uint8Array), name),
  };
}
