/** The embedded backlog: one SQLite file, opened by one process at a time. */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type Entry, join, type Times } from "../entry.ts";
import { type Side, type SideCounts, SIDES } from "../event.ts";
import type { DecideOptions } from "./decide_store.ts";
import { ExtraStore } from "./extra_store.ts";
import { type LastScan, readLastScan } from "./last_scan.ts";
import { LinkStore } from "./link_store.ts";
import { LostStore } from "./lost_store.ts";
import { NameStore } from "./name_store.ts";
import { recallMissed } from "./recall.ts";
import { PartStore } from "./part_store.ts";
import { RetryStore } from "./retry_store.ts";
import { demandSameFile } from "./same_file.ts";
import { RunStore } from "./run_store.ts";
import { ScanStore } from "./scan_store.ts";
import { OutboxStore } from "./outbox.ts";
import { isDatabaseError } from "./database_error.ts";
import {
  acquire,
  bind,
  openDatabase,
  openUnchanged,
  type Pair,
  refuseOtherPair,
  unusable,
} from "./open_database.ts";
import { DeletionStore } from "./deletion_store.ts";
import { DirectoryStore } from "./directory_store.ts";
import { MissedStore } from "./missed_store.ts";
import { recordedTime } from "../times.ts";
import { PreparedDatabase } from "./prepared_database.ts";
import { migrate } from "./migrate.ts";
import { CONFLICT, STATE, STATUS } from "./codes.ts";
import { type Place, readTraits, type Traits, TraitStore } from "./trait_store.ts";
import { type JobOptions, type Jobs, JobSource } from "./job_source.ts";
import { JobsByPath, OrderedJobs, prepareOrder } from "./ordered_jobs.ts";
import { TransferStore } from "./transfer_store.ts";
import { fromSql, toSql } from "./values.ts";
import { VerifyStore } from "./verify_store.ts";

/** An open database. Dispose of it to let another process in. */
export class SqliteBacklog implements Disposable {
  readonly #database: DatabaseSync;
  readonly #lock: DatabaseSync | null;
  /** Throws a SyncError that stops the run once the file is not at its path any more. */
  readonly demandHere: () => void;
  readonly runs: RunStore;
  readonly outbox: OutboxStore;
  readonly directories: DirectoryStore;
  readonly transfer: TransferStore;
  readonly extras: ExtraStore;
  readonly traits: TraitStore;
  readonly deletions: DeletionStore;
  readonly links: LinkStore;
  readonly names: NameStore;
  readonly verify: VerifyStore;
  readonly retries: RetryStore;
  readonly lost: LostStore;
  readonly #parts: PartStore;
  #scanning: ScanStore | null = null;

  /**
   * Opens, or makes, the database at `path`.
   *
   * @throws UsageError when it cannot be opened, is not a database of sluice, belongs to another
   * pair of roots, or is in use by another process.
   */
  static open(path: string, pair: Pair): SqliteBacklog {
    refuseOtherPair(path, pair);
    const lock = acquire(path);
    let database;
    try {
      database = openDatabase(path);
      bind(database, path, pair);
      return new SqliteBacklog(database, { lock, demandHere: demandSameFile(path) });
    } catch (error) {
      database?.close();
      lock.close();
      throw isDatabaseError(error) ? unusable(path, error) : error;
    }
  }

  /** A database of its own that goes with the process, for a dry run. */
  static temporary(pair: Pair): SqliteBacklog {
    // an empty name: SQLite keeps it in memory and spills what is too large to a nameless file
    const database = new PreparedDatabase("");
    migrate(database);
    bind(database, "", pair);
    return new SqliteBacklog(database, { lock: null, demandHere: () => {} });
  }

  /**
   * Checks an existing database without making or changing anything.
   *
   * @throws UsageError when it is not a database of sluice or belongs to another pair of roots
   */
  static check(path: string, pair: Pair): void {
    refuseOtherPair(path, pair);
  }

  /** What a database that may not exist has kept of the destination; changes nothing. */
  static keptTraits(path: string, place: Place): Traits | undefined {
    return readUnchanged(path, (database) => readTraits(database, place));
  }

  /** The last scan that a database has on record that may not exist; changes nothing. */
  static keptScan(path: string): LastScan | undefined {
    return readUnchanged(path, readLastScan);
  }

  /**
   * Checks that an existing database may be used by this run; makes nothing beside it.
   *
   * @throws UsageError when it is none of sluice's, belongs to another pair of roots, or is in use,
   * then with the process that has it
   */
  static demandFree(path: string, pair: Pair): void {
    refuseOtherPair(path, pair);
    if (existsSync(`${path}-lock`)) acquire(path).close();
  }

  private constructor(
    database: DatabaseSync,
    { lock, demandHere }: { lock: DatabaseSync | null; demandHere: () => void },
  ) {
    this.#database = database;
    this.#lock = lock;
    this.demandHere = demandHere;
    this.runs = new RunStore(database);
    this.outbox = new OutboxStore(database);
    this.directories = new DirectoryStore(database);
    this.transfer = new TransferStore(database);
    this.retries = new RetryStore(database, this.transfer);
    this.lost = new LostStore(database, this.retries);
    this.#parts = new PartStore(database);
    this.extras = new ExtraStore(database);
    this.traits = new TraitStore(database);
    this.deletions = new DeletionStore(database);
    this.links = new LinkStore(database);
    this.names = new NameStore(database);
    this.verify = new VerifyStore(database);
  }

  [Symbol.dispose](): void {
    this.#database.close();
    this.#lock?.close();
  }

  /** Runs `body` in one transaction; when it throws, nothing of it stays. */
  transaction<T>(body: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = body();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.transfer.rolledBack();
      throw error;
    }
  }

  /** The last scan that was begun. */
  lastScan(): LastScan | undefined {
    return readLastScan(this.#database);
  }

  /** Begins a new scan, which takes the place of one that was interrupted. */
  beginScan(
    roots: Readonly<Record<Side, LastScan["roots"][Side] & Pick<Entry, "mtime">>>,
    options: Omit<DecideOptions, "parts">,
  ): ScanStore {
    this.#scanning = this.transaction(() => {
      this.#database.exec("DELETE FROM listing; DELETE FROM collision");
      for (const side of SIDES) {
        this.#database.exec(
          `UPDATE directory SET ${side}_state = ${STATE.unknown}
           WHERE ${side}_state = ${STATE.queued}`,
        );
      }
      const { lastInsertRowid } = this.#database.prepare(
        "INSERT INTO scan (started_at, source_root, destination_root) VALUES (?, ?, ?)",
      ).run(Date.now(), String(roots.source.inode), String(roots.destination.inode));
      const put = this.#database.prepare("INSERT INTO scan_root VALUES (?, ?, ?, ?, ?)");
      for (const side of SIDES) {
        const { type, fsid, source } = roots[side];
        put.run(lastInsertRowid, side, type ?? null, fsid ?? null, source ?? null);
      }
      const store = new ScanStore(this.#database, Number(lastInsertRowid), {
        ...options,
        parts: this.#parts,
      });
      store.begin({
        source: recordedTime(roots.source.mtime),
        destination: recordedTime(roots.destination.mtime),
      });
      return store;
    });
    return this.#scanning;
  }

  /** Goes on with a scan that was interrupted. */
  resumeScan(id: number, options: Omit<DecideOptions, "parts">): ScanStore {
    this.#scanning = new ScanStore(this.#database, id, { ...options, parts: this.#parts });
    return this.#scanning;
  }

  /** What a scan has counted on one side so far. */
  scanCounts(id: number, side: Side): SideCounts {
    const row = this.#database.prepare(`
      SELECT ${side}_directories AS directories, ${side}_files AS files, ${side}_bytes AS bytes,
        ${side}_errors AS errors, finished_at FROM scan WHERE id = ?`).get(id)!;
    const partial = this.#scanning?.scan === id
      ? this.#scanning.partial(side)
      : { directories: 0, files: 0, bytes: 0, errors: 0 };
    return {
      directories: Number(row.directories) + partial.directories,
      files: Number(row.files) + partial.files,
      bytes: Number(row.bytes) + partial.bytes,
      errors: Number(row.errors) + partial.errors,
      done: row.finished_at !== null,
    };
  }

  /** Ends a scan: drops what it proved to be gone from the source, and marks it complete. */
  finishScan(id: number): void {
    this.transaction(() => {
      this.#database.exec(`
        CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY);
        DELETE FROM temp.gone;
        INSERT INTO temp.gone
          WITH RECURSIVE gone(id) AS (
            SELECT child.id FROM directory child JOIN directory parent ON parent.id = child.parent
            WHERE child.source_scan < ${id} AND parent.source_scan = ${id}
              AND parent.source_state IN (${STATE.listed}, ${STATE.absent})
              AND parent.source_error IS NULL
            UNION
            SELECT child.id FROM directory child JOIN gone ON gone.id = child.parent
          ) SELECT id FROM gone;
        INSERT OR IGNORE INTO temp.gone
          SELECT id FROM directory WHERE source_scan = ${id} AND source_state = ${STATE.absent};
        DELETE FROM file WHERE directory IN (SELECT id FROM temp.gone);
        DELETE FROM hard_link WHERE directory IN (SELECT id FROM temp.gone);
        DELETE FROM hard_link_there WHERE directory IN (SELECT id FROM temp.gone);
        UPDATE directory SET pending_files = 0, pending_bytes = 0, source_content = NULL,
          source_complete = NULL, source_state = ${STATE.absent}
          WHERE id IN (SELECT id FROM temp.gone);
        DELETE FROM extra WHERE directory IN
          (SELECT id FROM directory WHERE id IN (SELECT id FROM temp.gone)
            AND destination_scan < ${id});
        DELETE FROM directory WHERE id IN (SELECT id FROM temp.gone) AND destination_scan < ${id};
        DELETE FROM temp.gone;
      `);
      this.#database.prepare("UPDATE scan SET finished_at = ? WHERE id = ?").run(Date.now(), id);
      new MissedStore(this.#database, id).count();
    });
  }

  /** A dry run's: what the scan with this number missed, together with earlier ones of a real run. */
  recallMissed(path: string, scan: number): void {
    recallMissed(this.#database, path, scan);
  }

  /** The jobs of one pass over what is pending. */
  jobs(options: JobOptions): Jobs {
    const { order = "found", limits } = options;
    prepareOrder(this.#database, order);
    if (order === "found") return new JobSource(this.transfer, this.#parts, options);
    if (order === "path") return new JobsByPath(this.#database, this.transfer, { limits });
    return new OrderedJobs(this.#database, this.transfer, { order, limits });
  }

  /** The path of a directory, and whether a plan must make it at the destination. */
  plannedDirectory(id: number): { path: string; missing: boolean; blocked: boolean } {
    const row = this.#database.prepare(`
      SELECT path, source_state, destination_state, conflict FROM directory WHERE id = ?`).get(id)!;
    const missing = row.source_state === STATE.listed && row.destination_state === STATE.absent;
    return {
      path: fromSql(row.path),
      missing,
      blocked: missing && row.conflict === CONFLICT.directoryBlocked,
    };
  }

  /** Special files that a scan found, by directory and name, for the audit log. */
  skipped(
    scan: number,
    after: { directory: number; name: string },
    limit: number,
  ): { directory: number; name: string; path: string; times: Omit<Times, "atime"> }[] {
    const statement = this.#database.prepare(`
      SELECT f.directory AS directory, d.path AS parent, f.name AS name, f.mtime AS mtime,
        f.ctime AS ctime FROM file f JOIN directory d ON d.id = f.directory
      WHERE f.status = ${STATUS.skipped} AND d.source_scan = ?
        AND d.source_state = ${STATE.listed} AND (f.directory, f.name) > (?, ?)
      ORDER BY f.directory, f.name LIMIT ${limit}`);
    statement.setReadBigInts(true);
    return statement.all(scan, after.directory, toSql(after.name)).map((row) => {
      const name = fromSql(row.name);
      return {
        directory: Number(row.directory),
        name,
        path: join(fromSql(row.parent), name),
        times: { mtime: row.mtime as bigint, ctime: row.ctime as bigint },
      };
    });
  }
}

/** What `read` finds in a database; undefined where there is none, or nothing can be read of it yet. */
function readUnchanged<T>(
  path: string,
  read: (database: DatabaseSync) => T | undefined,
): T | undefined {
  if (!existsSync(path)) return undefined;
  const database = openUnchanged(path);
  if (database === undefined) return undefined;
  try {
    return read(database);
  } finally {
    database.close();
  }
}
