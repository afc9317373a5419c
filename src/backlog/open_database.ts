/** Opening the database: whose it is, who has it open, and whether it is one of ours at all. */
import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { SyncError, UsageError } from "../errors.ts";
import { DAMAGED, isDamaged, isDatabaseError } from "./database_error.ts";
import { PreparedDatabase } from "./prepared_database.ts";
import { APPLICATION_ID, migrate } from "./migrate.ts";

/** The roots a database belongs to: full real paths. */
export interface Pair {
  readonly source: string;
  readonly destination: string;
}

export function openDatabase(path: string, readOnly = false): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // whoever opens a pipe waits for its other end, without an end
    if (existsSync(path) && !statSync(path).isFile()) throw new Error("it is not a regular file");
    database = readOnly ? openToRead(path) : new PreparedDatabase(path, { timeout: 5000 });
    // without it, a cell that reaches beyond its damaged page is a row like any other
    database.exec("PRAGMA cell_size_check = ON");
    const { application_id } = database.prepare("PRAGMA application_id").get() as {
      application_id: number;
    };
    const { tables } = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as {
      tables: number;
    };
    if (application_id !== APPLICATION_ID && (application_id !== 0 || tables !== 0)) {
      throw new Error("it is a database of another program");
    }
    if (!readOnly) {
      // a page of a new database; that of another stays as it is
      database.exec("PRAGMA page_size = 8192");
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      database.exec("PRAGMA temp_store = FILE; PRAGMA cache_size = -8192");
      migrate(database);
      // a file that may not be written is opened all the same: only a write is refused
      database.prepare("DELETE FROM pair WHERE FALSE").run();
    }
    return database;
  } catch (error) {
    database?.close();
    throw unusable(path, error);
  }
}

/** Opens for reading alone. */
function openToRead(path: string): DatabaseSync {
  return readBy(path, (url) => {
    const database = new PreparedDatabase(url, { timeout: 5000, readOnly: true });
    try {
      database.prepare("SELECT 1 FROM sqlite_schema").get();
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Attaches a database as `old`, for reading alone. */
export function attachToRead(database: DatabaseSync, path: string): void {
  readBy(path, ({ href }) => void database.prepare("ATTACH ? AS old").run(href));
}

/**
 * Reads a database by its URL. To read one with a write-ahead log, SQLite makes files beside it; where
 * it may not, the file is read as one that nobody changes. That holds if nothing is beside it that it
 * has content in: no process that may write there has it open.
 */
function readBy<T>(path: string, read: (url: URL) => T): T {
  const url = pathToFileURL(path);
  url.search = "?mode=ro";
  try {
    return read(url);
  } catch (error) {
    // which of them depends on who asks: on a mount that is read-only, root is told another one
    if (![SQLITE_CANTOPEN, SQLITE_READONLY].includes(codeOf(error))) throw error;
    const hasContent = (end: string) => existsSync(path + end) && statSync(path + end).size > 0;
    if (hasContent("-journal")) throw error;
    if (!hasContent("-wal")) {
      url.search = "?immutable=1";
      return read(url);
    }
    throw new Error(
      `${path}-wal has a part of it, and its directory may not be written, as SQLite must to read that; ` +
        "copy the database, and what is beside it, to a directory that may be written",
      { cause: error },
    );
  }
}

/** The error of a database that cannot be used, by what the opening of it failed with. */
export function unusable(path: string, error: unknown): SyncError | UsageError {
  if (isPassing(error)) return cannotUse(path, error);
  const why = error instanceof Error ? error.message : String(error);
  const advice = isDamaged(error) ? DAMAGED : needsWriting(error) ? unwritable(path) : "";
  return new UsageError(`cannot use ${path} as the database: ${why}${advice}`, { cause: error });
}

/** Whether it is the disk that fails; nothing is wrong with what was asked for then. */
function isPassing(error: unknown): error is Error {
  // what `exec` throws has no code
  return isDatabaseError(error) &&
    /^(database or disk is full|disk I\/O error)/.test(error.message);
}

function cannotUse(path: string, { message }: Error): SyncError {
  return new SyncError("EDB", `cannot use ${path} as the database: ${message}`, { scope: "run" });
}

function needsWriting(error: unknown): boolean {
  return codeOf(error) === SQLITE_READONLY;
}

/** SQLite's primary code of an error, 0 where it has none. */
function codeOf(error: unknown): number {
  const { errcode } = (error ?? {}) as { errcode?: number };
  return (errcode ?? 0) & 0xff;
}

/** Which of the files of a database it is: one beside it may stay closed when that is mended. */
function unwritable(path: string): string {
  const closed = [path, `${path}-wal`, `${path}-shm`].find((file) => {
    try {
      // the runtime's access looks at the mode alone
      closeSync(openSync(file, "r+"));
      return false;
    } catch (error) {
      return (error as { code?: string }).code !== "ENOENT";
    }
  });
  const what = closed === undefined ? "its directory" : closed;
  return `; ${what} may not be written: check the owner and mode`;
}

/**
 * Opens an existing database without changing it; undefined for one that was being made when its
 * process was killed. What is in it is known only once SQLite has rolled that back, for which it must
 * write.
 */
export function openUnchanged(path: string): DatabaseSync | undefined {
  try {
    return openDatabase(path, true);
  } catch (error) {
    if (needsWriting((error as Error).cause)) return undefined;
    throw error;
  }
}

/** SQLite's codes for "this needs writing" and "unable to open". */
const SQLITE_READONLY = 8, SQLITE_CANTOPEN = 14;

/** The lock is a transaction on a file of its own: the system drops it when the process dies. */
export function acquire(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(`${path}-lock`, { timeout: 200 });
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    const why = error instanceof Error ? error.message : String(error);
    if (isPassing(error)) throw cannotUse(path, error);
    if (!/locked|busy/i.test(why)) {
      const advice = existsSync(path) ? unwritable(path) : "";
      throw new UsageError(`cannot use ${path} as the database: ${why}${advice}`, { cause: error });
    }
    throw new UsageError(
      `the database ${path} is in use by ${holderOf(path)}; stop that one first, or name another ` +
        "database with --db",
    );
  }
}

function holderOf(path: string): string {
  const database = openDatabase(path, true);
  let row;
  try {
    const exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'run'").get();
    if (exists !== undefined) {
      row = database.prepare("SELECT pid, host, started_at FROM run ORDER BY id DESC LIMIT 1")
        .get();
    }
  } finally {
    database.close();
  }
  if (row === undefined) return "another sluice that is just starting";
  const since = new Date(Number(row.started_at)).toISOString();
  return `process ${row.pid} on ${row.host} since ${since}`;
}

export function pairIn(database: DatabaseSync): Pair | undefined {
  const exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'pair'").get();
  if (exists === undefined) return undefined;
  const row = database.prepare("SELECT source, destination FROM pair").get();
  if (row === undefined) return undefined;
  return { source: String(row.source), destination: String(row.destination) };
}

/** Before a lock or anything else is made next to a file that is not ours. */
export function refuseOtherPair(path: string, pair: Pair): void {
  if (!existsSync(path)) return;
  // the run that opens it for writing asks again
  const database = openUnchanged(path);
  if (database === undefined) return;
  try {
    const known = pairIn(database);
    if (known !== undefined) refuseIfOther(known, path, pair);
  } finally {
    database.close();
  }
}

export function bind(database: DatabaseSync, path: string, pair: Pair): void {
  const known = pairIn(database);
  if (known !== undefined) return refuseIfOther(known, path, pair);
  database.prepare("INSERT INTO pair (id, source, destination, created_at) VALUES (1, ?, ?, ?)")
    .run(pair.source, pair.destination, Date.now());
}

function refuseIfOther(known: Pair, path: string, pair: Pair): void {
  if (known.source === pair.source && known.destination === pair.destination) return;
  throw new UsageError(
    `the database ${path} belongs to ${known.source} -> ${known.destination}, not to ` +
      `${pair.source} -> ${pair.destination}; name another database with --db`,
  );
}

/**
 * Whether a new database at `path` can be locked as SQLite does it, with record locks; it is the
 * caller's to remove. Throws what SQLite says where it cannot even be made.
 */
export function canLockDatabase(path: string): boolean {
  const database = new DatabaseSync(path);
  try {
    database.exec(
      "PRAGMA locking_mode = NORMAL; BEGIN EXCLUSIVE; CREATE TABLE locked (id); COMMIT",
    );
    return true;
  } finally {
    database.close();
  }
}
