/** The transfer's part of the database: pending files out as jobs, outcomes in. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { baseOf, parentOf } from "../entry.ts";
import type { Amount } from "../event.ts";
import type { Job, JobFile, Outcome } from "../job.ts";
import { KINDS } from "../listing.ts";
import { REASONS } from "../operation.ts";
import type { PackedFiles, TimedDirectory } from "../packed.ts";
import { joinTime } from "../stamp.ts";
import { EARLIEST_RECORDED, LATEST_RECORDED, recordedTime } from "../times.ts";
import { jobFileColumns, jobFiles } from "./job_files.ts";
import type { JobLimits } from "./job_source.ts";
import { ParcelRecords } from "./parcel_records.ts";
import { UPDATE_DIRECTORY } from "./pending_count.ts";
import { PENDING_DIRECTORY, type PendingDirectory, pendingDirectory } from "./pending_directory.ts";
import { ArrayRows, LimitedRows } from "./rows.ts";
import { STATE, STATUS, UNSETTLED } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

/** The way back, as `recordedTime` does it: parameters are bound as doubles, which are too coarse for their sum. */
const JOINED = `min(max(min(max(CAST(? AS INTEGER), -9223372036), 9223372035) * 1000000000 +
  CAST(? AS INTEGER), ${EARLIEST_RECORDED}), ${LATEST_RECORDED})`;

/** Names that wait to be linked are pending, and have no bytes of their own. */
const WAITING = "(SELECT count(*) FROM hard_link WHERE waits = 1)";

/**
 * Files whose names the destination takes for others, as the last scan has found: pending, though no
 * transfer carries them; and all that is below directories of such a name. Looks at no other
 * file: a CROSS JOIN keeps its order, and SQLite would begin with all files.
 */
const REFUSED = `
  WITH RECURSIVE merged(id) AS (
    SELECT d.id FROM collision c CROSS JOIN directory d ON d.parent = c.directory AND d.name = c.name
      WHERE c.kind = ${KINDS.indexOf("directory")}
    UNION SELECT d.id FROM merged CROSS JOIN directory d ON d.parent = merged.id
  ) SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM (
    SELECT f.size FROM collision c CROSS JOIN file f ON f.directory = c.directory AND f.name = c.name
      WHERE f.status = ${STATUS.refused} AND c.directory NOT IN (SELECT id FROM merged)
    UNION ALL SELECT f.size FROM merged m CROSS JOIN file f ON f.directory = m.id
      WHERE f.status = ${STATUS.refused})`;

/** What was carried. */
export interface SettledWork {
  readonly outcomes: readonly Outcome[];
  readonly parcels?: readonly PackedFiles[];
  /** Directories of which no job is under way any more. */
  readonly landed?: readonly number[];
  /** Directories that were made with their files, and in which one each of them is. */
  readonly wholes?: ReadonlyMap<number, number>;
  /** Those of them that have the times of the source. */
  readonly timed?: readonly TimedDirectory[];
}

const NONE: ReadonlyMap<number, number> = new Map();

/** What directories have less of pending. */
type Shrunk = Map<number, { files: number; bytes: number }>;

/** Reads pending files and settles outcomes; methods that write need a transaction. */
export class TransferStore {
  readonly #database: DatabaseSync;
  readonly #nextPending: ArrayRows;
  readonly #ifPending: ArrayRows;
  readonly #pendingFiles: LimitedRows;
  readonly #directory: ArrayRows;
  readonly #listedAt: StatementSync;
  readonly #markInFlight: StatementSync;
  readonly #markGiven: StatementSync;
  readonly #parcels: ParcelRecords;
  readonly #synced: StatementSync;
  readonly #failed: StatementSync;
  readonly #shrink: StatementSync;
  readonly #shrinkAndLand: StatementSync;
  readonly #makeShrinkAndLand: StatementSync;
  readonly #makeTimedShrinkAndLand: StatementSync;
  readonly #make: StatementSync;
  readonly #made: ArrayRows;
  readonly #touch: StatementSync;
  readonly #landed: StatementSync;
  readonly #removed: StatementSync;
  readonly #forgetPrints: StatementSync;
  #remaining = { files: 0, bytes: 0 };
  /** Directories that are marked as in flight, as far as this run has marked them. */
  readonly #inFlight = new Set<number>();
  /** The last answer, until a directory is made: many that are asked for are in the same one. */
  #above: { readonly id: number | null; readonly missing: Job["missing"] } | null = null;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const pending = `
      SELECT ${PENDING_DIRECTORY} FROM directory
      WHERE pending_files > 0 AND destination_state <> ${STATE.failed} AND pass <> ?2`;
    this.#nextPending = new ArrayRows(database.prepare(
      `${pending} AND id > ?1 AND (?3 IS NULL OR decided_scan = ?3) ORDER BY id LIMIT 1`,
    ));
    this.#ifPending = new ArrayRows(database.prepare(`${pending} AND id = ?1`));
    this.#pendingFiles = new LimitedRows(
      database,
      `SELECT ${jobFileColumns("file")} FROM file
      WHERE directory = ? AND name > ? AND status = ${STATUS.pending} ORDER BY name`,
    );
    this.#directory = new ArrayRows(database.prepare(
      `SELECT parent, destination_state = ${STATE.absent} FROM directory WHERE id = ?`,
    ));
    this.#listedAt = database.prepare("SELECT source_listed_at FROM directory WHERE id = ?");
    this.#markInFlight = database.prepare(
      "UPDATE directory SET in_flight = 1, touched = 1 WHERE id = ? AND in_flight = 0",
    );
    this.#markGiven = database.prepare(
      "UPDATE directory SET in_flight = 1, touched = 1, pass = ?2 WHERE id = ?1",
    );
    this.#parcels = new ParcelRecords(database);
    this.#synced = database.prepare(`
      UPDATE file SET status = ${STATUS.synced}, hash = unhex(?), hash_algorithm = ?, size = ?,
        mtime = ${JOINED}, ctime = ${JOINED}, birthtime = ${JOINED}, mode = ?, uid = ?, gid = ?,
        error = NULL, attempts = attempts + 1, reason = 0
      WHERE directory = ? AND name = ?`);
    this.#failed = database.prepare(`
      UPDATE file SET error = ?, attempts = attempts + 1 WHERE directory = ? AND name = ?`);
    const shrink = (more: string) =>
      database.prepare(`
        ${UPDATE_DIRECTORY} pending_files = pending_files - ?1, pending_bytes = pending_bytes - ?2,
          unsettled = iif(unsettled = ${UNSETTLED.pending} AND pending_files = ?1,
            ${UNSETTLED.none}, unsettled) ${more} WHERE id = ?3`);
    this.#shrink = shrink("");
    this.#shrinkAndLand = shrink(", in_flight = 0");
    const there = `destination_state = ${STATE.listed}, conflict = 0`;
    const made = `${there}, touched = 1`;
    this.#makeShrinkAndLand = shrink(`, in_flight = 0, ${made}`);
    this.#makeTimedShrinkAndLand = shrink(
      `, in_flight = 0, ${there}, touched = 0, source_mtime = ?4, destination_mtime = ?4`,
    );
    this.#make = database.prepare(`${UPDATE_DIRECTORY} ${made} WHERE id = ?`);
    this.#made = new ArrayRows(database.prepare(`
      ${UPDATE_DIRECTORY} ${made}
      WHERE id = ? AND destination_state = ${STATE.absent} RETURNING parent`));
    this.#touch = database.prepare("UPDATE directory SET touched = 1 WHERE id = ?");
    this.#removed = database.prepare("DELETE FROM file WHERE directory = ? AND name = ?");
    this.#forgetPrints = database.prepare(
      "UPDATE directory SET source_content = NULL, source_complete = NULL WHERE id = ?",
    );
    this.#landed = database.prepare("UPDATE directory SET in_flight = 0 WHERE id = ?");
  }

  /** What is pending in all. */
  pending(): Amount {
    const row = this.#database.prepare(`
      SELECT p.files + ${WAITING} + r.files AS files, p.bytes + r.bytes AS bytes
      FROM pending_total p, (${REFUSED}) r`).get()!;
    this.#remaining = { files: Number(row.files), bytes: Number(row.bytes) };
    return { ...this.#remaining };
  }

  /**
   * What of it can be transferred: where the destination could not be listed, nobody knows what is
   * there already, and only another scan can tell.
   */
  transferable(): Amount {
    const row = this.#database.prepare(`
      SELECT files - blocked_files + ${WAITING} AS files, bytes - blocked_bytes AS bytes
      FROM pending_total`).get()!;
    return { files: Number(row.files), bytes: Number(row.bytes) };
  }

  /** What is pending and not at the destination yet. Looks at every file. */
  newlyPending(): Amount & { readonly directories: number } {
    const { files, bytes } = this.#database.prepare(`
      SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM file
      WHERE status = ${STATUS.pending} AND reason = ?`)
      .get(REASONS.indexOf("not at the destination"))!;
    const { directories } = this.#database.prepare(`
      SELECT count(*) AS directories FROM directory
      WHERE source_state = ${STATE.listed} AND destination_state = ${STATE.absent}`).get()!;
    return {
      files: Number(files),
      bytes: Number(bytes),
      directories: Number(directories),
    };
  }

  /** What is pending, from the last {@link pending} and what was settled since; costs nothing. */
  remaining(): Amount {
    return { ...this.#remaining };
  }

  /** The size of the pending file at a path; undefined when there is none. */
  pendingSize(path: string): number | undefined {
    const row = this.#database.prepare(`
      SELECT f.size AS size FROM directory d JOIN file f ON f.directory = d.id AND f.name = ?
      WHERE d.path = ? AND f.status = ${STATUS.pending}`)
      .get(toSql(baseOf(path)), toSql(parentOf(path)));
    return row === undefined ? undefined : Number(row.size);
  }

  /** The next directory with pending files that was not in this pass yet. */
  nextPending(
    after: number,
    pass: number,
    scan: number | null,
  ): PendingDirectory | undefined {
    return pendingDirectory(this.#nextPending.get(after, pass, scan));
  }

  /** A directory, if it has pending files and was not in this pass yet. */
  ifPending(directory: number, pass: number): PendingDirectory | undefined {
    return pendingDirectory(this.#ifPending.get(directory, pass));
  }

  /** Pending files of a directory; `after` is where to go on, null when there are no more. */
  pendingFiles(
    directory: number,
    after: string | Uint8Array,
    limits: JobLimits,
  ): { files: JobFile[]; after: string | Uint8Array | null } {
    const rows = this.#pendingFiles.all(limits.files, directory, after);
    const files = jobFiles(rows, limits);
    const complete = rows.length < limits.files && files.length === rows.length;
    return { files, after: complete ? null : toSql(files.at(-1)!.name) };
  }

  /**
   * The directory, which has this path, and those above it that are not at the destination yet, the
   * topmost first. Null: there is no directory.
   */
  missingAbove(id: number | null, path: string): Job["missing"] {
    if (this.#above !== null && this.#above.id === id) return this.#above.missing;
    const missing: { directory: number; path: string }[] = [];
    for (let at = id; at !== null; path = parentOf(path)) {
      const [above, isAbsent] = this.#directory.get(at) as [number | null, 0 | 1];
      if (isAbsent === 0) break;
      missing.push({ directory: at, path });
      at = above;
    }
    missing.reverse();
    this.#above = { id, missing };
    return missing;
  }

  /** When the source's listing of a directory was recorded, in ms since the epoch. */
  listedAt(id: number): number | null {
    const at = this.#listedAt.get(id)?.source_listed_at;
    return at === undefined || at === null ? null : Number(at);
  }

  /** Before the first temporary can appear in a directory: a later run looks for it there. */
  markInFlight(id: number): void {
    if (this.#inFlight.has(id)) return;
    this.#markInFlight.run(id);
    this.#inFlight.add(id);
  }

  /** The same, for a directory whose files are given out in a pass. */
  markGiven(id: number, pass: number): void {
    this.#markGiven.run(id, pass);
    this.#inFlight.add(id);
  }

  /** A directory is at the destination now. False when that was known before. */
  made(directory: number): boolean {
    this.#above = null;
    const row = this.#made.get(directory);
    if (row === undefined) return false;
    const [parent] = row as [number | null];
    if (parent !== null) this.#touchAbove(parent);
    return true;
  }

  /** Directories that were there are missing now, which others have recorded. */
  forgetAbove(): void {
    this.#above = null;
  }

  /** Something was made in a directory. */
  #touchAbove(directory: number): void {
    // what is in flight is touched already
    if (!this.#inFlight.has(directory)) this.#touch.run(directory);
  }

  /** Records what became of files; the destination has made them durable before. */
  settle(
    { outcomes, parcels = [], landed = [], wholes = NONE, timed = [] }: SettledWork,
    algorithm: string,
  ): void {
    const shrunk: Shrunk = new Map();
    for (const parcel of parcels) {
      this.#parcels.settle(parcel, algorithm);
      this.#count(shrunk, parcel.directory, parcel.files, parcel.bytes);
    }
    for (const outcome of outcomes) {
      const { directory, name, status, stamp } = outcome;
      if (name === "") continue;
      if (status === "skipped") {
        // it is no longer at the source: there is nothing left to do for it
        this.#removed.run(directory, toSql(name));
        // but if it is there again one day, the listing must not pass for one that is recorded
        this.#forgetPrints.run(directory);
        this.#count(shrunk, directory, 1, outcome.expected);
        continue;
      }
      if (status !== "success") {
        this.#failed.run(outcome.error?.message ?? "unknown", directory, toSql(name));
        continue;
      }
      this.#synced.run(
        outcome.hash,
        outcome.hash === null ? null : algorithm,
        outcome.size,
        stamp!.mtime,
        stamp!.mtimeNanos,
        stamp!.ctime,
        stamp!.ctimeNanos,
        stamp!.birthtime,
        stamp!.birthtimeNanos,
        stamp!.mode,
        stamp!.uid,
        stamp!.gid,
        directory,
        toSql(name),
      );
      this.#count(shrunk, directory, 1, outcome.expected);
    }
    if (wholes.size > 0) this.#above = null;
    for (const parent of wholes.values()) this.#touchAbove(parent);
    // most directories land with their last files, and many are made with them: one statement for all
    const landing = new Set(landed), making = new Set(wholes.keys());
    const mtimes = new Map<number, bigint>();
    for (const { directory, mtime, mtimeNanos } of timed) {
      mtimes.set(directory, recordedTime(joinTime(mtime, mtimeNanos)));
    }
    for (const [directory, { files, bytes }] of shrunk) {
      if (landing.delete(directory)) {
        const isMade = making.delete(directory), mtime = mtimes.get(directory);
        if (!isMade) this.#shrinkAndLand.run(files, bytes, directory);
        else if (mtime === undefined) this.#makeShrinkAndLand.run(files, bytes, directory);
        else this.#makeTimedShrinkAndLand.run(files, bytes, directory, mtime);
        this.#inFlight.delete(directory);
      } else this.#shrink.run(files, bytes, directory);
      this.#remaining.files -= files;
      this.#remaining.bytes -= bytes;
    }
    for (const directory of making) this.#make.run(directory);
    this.landed(landing);
  }

  #count(shrunk: Shrunk, directory: number, files: number, bytes: number): void {
    const sum = shrunk.get(directory);
    if (sum === undefined) shrunk.set(directory, { files, bytes });
    else {
      sum.files += files;
      sum.bytes += bytes;
    }
  }

  /** No job of these directories is under way any more. */
  landed(directories: Iterable<number>): void {
    for (const directory of directories) {
      this.#landed.run(directory);
      this.#inFlight.delete(directory);
    }
  }

  /** What was written since the transaction began is not there any more. */
  rolledBack(): void {
    this.#inFlight.clear();
    this.#above = null;
  }

  /**
   * No temporaries of a killed run are in these directories any more. Files may be complete there
   * without a record: what is pending stays pending until it was transferred with one.
   */
  cleared(directories: readonly number[]): void {
    const note = this.#database.prepare("INSERT OR IGNORE INTO unrecorded VALUES (?)");
    for (const directory of directories) note.run(directory);
    this.landed(directories);
  }

  /** The transfer is over: where nothing is pending, everything has its record. */
  recorded(): void {
    this.#database.exec(`DELETE FROM unrecorded WHERE directory NOT IN
      (SELECT id FROM directory WHERE pending_files > 0)`);
  }

  /** Directories in which a killed run may have left temporaries. */
  inFlight(): { id: number; path: string }[] {
    const rows = this.#database.prepare("SELECT id, path FROM directory WHERE in_flight = 1").all();
    return rows.map((row) => ({ id: Number(row.id), path: fromSql(row.path) }));
  }
}
