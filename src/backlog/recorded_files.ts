/** What the database has on record of files, read beside whatever else goes on. */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { join } from "../entry.ts";
import { UsageError } from "../errors.ts";
import { turn } from "../lib/turn.ts";
import { KINDS } from "../listing.ts";
import { damaged, isMiscounted, miscounted } from "./database_error.ts";
import { openDatabase, type Pair, pairIn } from "./open_database.ts";
import { readOutbox } from "./outbox.ts";
import { STATUS } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";
import type { Position } from "./verify_store.ts";

/** The record of a file that sluice has copied. */
export interface RecordedFile {
  /** Relative to the roots. */
  readonly path: string;
  /** In lower-case hexadecimal digits. */
  readonly hash: string;
  readonly algorithm: string;
}

/** How many files there are, by what is known of them. */
export interface Tally {
  /** Synced, with a hash, by the algorithm. */
  readonly hashed: Map<string, number>;
  /** Synced, but not copied by sluice: they were there already. */
  unhashed: number;
  pending: number;
  /** Bytes of all that are synced. */
  bytes: number;
  /** How many of those that are synced come after the position that was asked for. */
  ahead: number;
  /** SQLite's number for what others had written when the counting began. */
  readonly version: number;
}

/** How to count. */
export interface TallyOptions {
  readonly signal?: AbortSignal;
  /** After which file {@link Tally.ahead} begins. Default: at the first. */
  readonly after?: Position;
}

const FILE = KINDS.indexOf("file");
const PAGE = 2000;
/** Directories counted at a time. */
const STEP = 2000;

/** What is true of each row that sluice has written, by the values of its columns. */
const IS_WHOLE = `kind BETWEEN 0 AND ${KINDS.length - 1}
  AND status BETWEEN 0 AND ${Math.max(...Object.values(STATUS))}
  AND typeof(size) = 'integer' AND typeof(mtime) = 'integer'`;

/** A database that is only read: a run may use it at the same time. */
export class RecordedFiles implements Disposable {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly pair: Pair;

  /**
   * Opens an existing database; changes nothing.
   *
   * @throws UsageError when it is not there, is not one of sluice, or has never had a run
   */
  static open(path: string): RecordedFiles {
    if (!existsSync(path)) {
      throw new UsageError(`there is no database ${path}; name the one of the migration`);
    }
    const database = openDatabase(path, true);
    const pair = pairIn(database);
    if (pair !== undefined) return new RecordedFiles(database, path, pair);
    database.close();
    throw new UsageError(`the database ${path} has no record of any run yet`);
  }

  /** The pair of roots of an existing database; throws as {@link open} does. */
  static pairOf(path: string): Pair {
    using recorded = RecordedFiles.open(path);
    return recorded.pair;
  }

  private constructor(database: DatabaseSync, path: string, pair: Pair) {
    this.#database = database;
    this.#path = path;
    this.pair = pair;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Audit lines that the database still has, the last that it wrote among them, oldest first. */
  outbox(): { lines: string; written: boolean }[] {
    return readOutbox(this.#database);
  }

  /**
   * Counts all files. Reads the whole record, and lets others have a turn now and then.
   *
   * @throws SyncError when a row is none that sluice has written
   */
  async tally({ signal, after }: TallyOptions = {}): Promise<Tally> {
    const ahead = after === undefined ? "count(*)" : "sum((directory, name) > (?3, ?4))";
    const statement = this.#database.prepare(`
      SELECT CASE WHEN (${IS_WHOLE}) IS NOT TRUE THEN 'damaged' WHEN kind <> ${FILE} THEN 'other'
          WHEN status <> ${STATUS.synced} THEN 'pending' WHEN hash IS NULL THEN 'unhashed'
          ELSE 'hashed' END AS what,
        hash_algorithm AS algorithm, count(*) AS files, sum(size) AS bytes,
        ${ahead} AS ahead
      FROM file WHERE directory > ?1 AND directory <= ?2 GROUP BY 1, 2`);
    const [hashed, version] = [new Map<string, number>(), this.#version()];
    const tally: Tally = { hashed, unhashed: 0, pending: 0, bytes: 0, ahead: 0, version };
    const position = after === undefined ? [] : [after.directory, toSql(after.name)];
    const last = this.#last();
    for (let from = 0; from < last; from += STEP) {
      for (const row of statement.all(from, from + STEP, ...position)) {
        const { what, algorithm } = row, files = Number(row.files);
        if (what === "damaged") throw damaged(this.#path, `${files} of its rows cannot be read`);
        if (what === "pending") tally.pending += files;
        if (what === "unhashed") tally.unhashed += files;
        if (what === "hashed") {
          hashed.set(String(algorithm), (hashed.get(String(algorithm)) ?? 0) + files);
        }
        if (what !== "hashed" && what !== "unhashed") continue;
        tally.bytes += Number(row.bytes);
        tally.ahead += Number(row.ahead);
      }
      await turn(signal);
    }
    return tally;
  }

  /**
   * Synced files with a hash of `algorithm`, in pages, directory by directory: as many as `tally` has
   * counted, where nobody has written to the database since.
   *
   * @throws SyncError when they are more or fewer
   */
  *hashed(algorithm: string, tally: Tally): Iterable<RecordedFile[]> {
    const counted = tally.hashed.get(algorithm) ?? 0;
    // a directory that is missing is no reason to leave out its files: its path is null
    const statement = this.#database.prepare(`
      SELECT f.directory AS directory, f.name AS name, d.path AS parent, lower(hex(f.hash)) AS hash
      FROM file f LEFT JOIN directory d ON d.id = f.directory
      WHERE (f.directory, f.name) > (?, ?) AND f.kind = ${FILE} AND f.status = ${STATUS.synced}
        AND f.hash IS NOT NULL AND f.hash_algorithm = ?
      ORDER BY f.directory, f.name LIMIT ${PAGE}`);
    let after: [directory: number, name: string | Uint8Array] = [0, ""];
    for (let read = 0;;) {
      const rows = statement.all(...after, algorithm), isLast = rows.length < PAGE;
      read += rows.length;
      const count = { counted, read, isLast };
      if (isMiscounted(count) && this.#version() === tally.version) {
        throw miscounted(this.#path, count);
      }
      if (rows.length > 0) {
        yield rows.map(({ name, parent, hash }) => ({
          path: join(fromSql(parent), fromSql(name)),
          hash: String(hash),
          algorithm,
        }));
      }
      if (isLast) return;
      const last = rows.at(-1)!;
      after = [Number(last.directory), toSql(fromSql(last.name))];
    }
  }

  /** The highest number of a directory that has files. */
  #last(): number {
    const row = this.#database.prepare(`
      SELECT coalesce(max(directory), 0) AS last, coalesce(min(directory), 1) AS first,
        coalesce((SELECT max(id) FROM directory), 0) AS known FROM file`).get()!;
    const { last, first, known } = row;
    if (Number(last) <= Number(known) && Number(first) > 0) return Number(last);
    throw damaged(this.#path, "it has files of a directory that it does not have");
  }

  #version(): number {
    return Number(this.#database.prepare("PRAGMA data_version").get()!.data_version);
  }
}
