/** What the database has on record of files, read beside whatever else goes on. */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { join } from "../entry.ts";
import { UsageError } from "../errors.ts";
import { turn } from "../lib/turn.ts";
import { KINDS } from "../listing.ts";
import { openDatabase, type Pair, pairIn } from "./open_database.ts";
import { readOutbox } from "./outbox.ts";
import { STATUS } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

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
}

const FILE = KINDS.indexOf("file");
const PAGE = 2000;
/** Directories counted at a time. */
const STEP = 2000;

/** A database that is only read: a run may use it at the same time. */
export class RecordedFiles implements Disposable {
  readonly #database: DatabaseSync;
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
    if (pair !== undefined) return new RecordedFiles(database, pair);
    database.close();
    throw new UsageError(`the database ${path} has no record of any run yet`);
  }

  private constructor(database: DatabaseSync, pair: Pair) {
    this.#database = database;
    this.pair = pair;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Audit lines that the database still has, the last that it wrote among them, oldest first. */
  outbox(): { lines: string; written: boolean }[] {
    return readOutbox(this.#database);
  }

  /** Counts all files. Reads the whole record, and lets others have a turn now and then. */
  async tally({ signal }: { signal?: AbortSignal } = {}): Promise<Tally> {
    const statement = this.#database.prepare(`
      SELECT iif(status <> ${STATUS.synced}, 'pending', iif(hash IS NULL, 'unhashed', 'hashed'))
        AS what, hash_algorithm AS algorithm, count(*) AS files,
        sum(size) AS bytes
      FROM file WHERE kind = ${FILE} AND directory > ? AND directory <= ? GROUP BY 1, 2`);
    const { last } = this.#database.prepare(
      "SELECT coalesce(max(directory), 0) AS last FROM file",
    ).get() as { last: number };
    const tally: Tally = { hashed: new Map(), unhashed: 0, pending: 0, bytes: 0 };
    for (let after = 0; after < last; after += STEP) {
      for (const { what, algorithm, files, bytes } of statement.all(after, after + STEP)) {
        if (what !== "pending") tally.bytes += Number(bytes);
        if (what === "pending") tally.pending += Number(files);
        else if (what === "unhashed") tally.unhashed += Number(files);
        else {
          const name = String(algorithm);
          tally.hashed.set(name, (tally.hashed.get(name) ?? 0) + Number(files));
        }
      }
      await turn(signal);
    }
    return tally;
  }

  /** Synced files with a hash of `algorithm`, in pages, directory by directory. */
  *hashed(algorithm: string): Iterable<RecordedFile[]> {
    const statement = this.#database.prepare(`
      SELECT f.directory AS directory, f.name AS name, d.path AS parent, lower(hex(f.hash)) AS hash
      FROM file f JOIN directory d ON d.id = f.directory
      WHERE (f.directory, f.name) > (?, ?) AND f.kind = ${FILE} AND f.status = ${STATUS.synced}
        AND f.hash IS NOT NULL AND f.hash_algorithm = ?
      ORDER BY f.directory, f.name LIMIT ${PAGE}`);
    let after: [directory: number, name: string | Uint8Array] = [0, ""];
    for (;;) {
      const rows = statement.all(...after, algorithm);
      if (rows.length > 0) {
        yield rows.map(({ name, parent, hash }) => ({
          path: join(fromSql(parent), fromSql(name)),
          hash: String(hash),
          algorithm,
        }));
      }
      if (rows.length < PAGE) return;
      const last = rows.at(-1)!;
      after = [Number(last.directory), toSql(fromSql(last.name))];
    }
  }
}
