/** The transfer's part of the database: pending files out as jobs, outcomes in. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { baseOf, parentOf } from "../entry.ts";
import type { Amount } from "../event.ts";
import type { JobFile, Outcome } from "../job.ts";
import { REASONS } from "../operation.ts";
import type { PackedFiles } from "../packed.ts";
import { EARLIEST_RECORDED, LATEST_RECORDED, recordedTime, type TimeRule } from "../times.ts";
import { FilesInRow } from "./files_in_row.ts";
import { ArrayRows, jobFile, jobFileColumns, mayJoin } from "./job_files.ts";
import type { JobLimits } from "./job_source.ts";
import { STATE, STATUS } from "./schema.ts";
import { inSteps } from "./steps.ts";
import { fromSql, toSql } from "./values.ts";

/** The SQL of `isSameTime` turned round, for the times of a directory. */
function timesDiffer({ window, earliest, latest, shifts }: TimeRule): string {
  let wanted = "source_mtime";
  if (latest !== null) wanted = `min(${wanted}, ${latest})`;
  if (earliest !== null) wanted = `max(${wanted}, ${earliest})`;
  return "(" + shifts.map((shift) => `abs(${wanted} + ${shift} - destination_mtime) >= ${window}`)
    .join(" AND ") +
    ")";
}

/** The way back, as `recordedTime` does it: parameters are bound as doubles, which are too coarse for their sum. */
const JOINED = `min(max(min(max(CAST(? AS INTEGER), -9223372036), 9223372035) * 1000000000 +
  CAST(? AS INTEGER), ${EARLIEST_RECORDED}), ${LATEST_RECORDED})`;

/** Names that wait to be linked are pending, and have no bytes of their own. */
const WAITING = "(SELECT count(*) FROM hard_link WHERE waits = 1)";

/** What directories have less of pending. */
type Shrunk = Map<number, { files: number; bytes: number }>;

/** Fewer files are settled one by one. */
const FEW = 4;

/** Reads pending files and settles outcomes; methods that write need a transaction. */
export class TransferStore {
  readonly #database: DatabaseSync;
  readonly #nextPending: StatementSync;
  readonly #ifPending: StatementSync;
  readonly #pendingFiles: ArrayRows;
  readonly #directory: StatementSync;
  readonly #listedAt: StatementSync;
  readonly #aboveLeaf: StatementSync;
  readonly #markInFlight: StatementSync;
  readonly #markGiven: StatementSync;
  readonly #synced: StatementSync;
  readonly #syncedAsScanned: StatementSync;
  readonly #rowSyncedAsScanned: StatementSync;
  readonly #failed: StatementSync;
  readonly #shrink: StatementSync;
  readonly #made: StatementSync;
  readonly #touchParent: StatementSync;
  readonly #landed: StatementSync;
  readonly #removed: StatementSync;
  readonly #forgetPrints: StatementSync;
  #remaining = { files: 0, bytes: 0 };
  /** What the statement that settles many files in a row is at. */
  #row = new FilesInRow([], "");

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#nextPending = database.prepare(`
      SELECT id, path FROM directory
      WHERE pending_files > 0 AND id > ?1 AND destination_state <> ${STATE.failed}
        AND pass <> ?2 AND (?3 IS NULL OR decided_scan = ?3)
      ORDER BY id LIMIT 1`);
    this.#ifPending = database.prepare(`
      SELECT id, path FROM directory
      WHERE id = ?1 AND pending_files > 0 AND destination_state <> ${STATE.failed} AND pass <> ?2`);
    this.#pendingFiles = new ArrayRows(database.prepare(`
      SELECT ${jobFileColumns("file")} FROM file
      WHERE directory = ? AND name > ? AND status = ${STATUS.pending} ORDER BY name LIMIT ?`));
    this.#directory = database.prepare(
      "SELECT parent, destination_state FROM directory WHERE id = ?",
    );
    this.#listedAt = database.prepare("SELECT source_listed_at FROM directory WHERE id = ?");
    this.#aboveLeaf = database.prepare(`
      SELECT parent FROM directory d
      WHERE id = ? AND NOT EXISTS (SELECT 1 FROM directory c WHERE c.parent = d.id)`);
    this.#markInFlight = database.prepare(
      "UPDATE directory SET in_flight = 1, touched = 1 WHERE id = ? AND in_flight = 0",
    );
    this.#markGiven = database.prepare(
      "UPDATE directory SET in_flight = 1, touched = 1, pass = ?2 WHERE id = ?1",
    );
    this.#synced = database.prepare(`
      UPDATE file SET status = ${STATUS.synced}, hash = unhex(?), hash_algorithm = ?, size = ?,
        mtime = ${JOINED}, ctime = ${JOINED}, birthtime = ${JOINED}, mode = ?, uid = ?, gid = ?,
        error = NULL, attempts = attempts + 1, reason = 0
      WHERE directory = ? AND name = ?`);
    const asScanned = (hash: string, which: string) =>
      database.prepare(`
        UPDATE file SET status = ${STATUS.synced}, hash = unhex(${hash}), hash_algorithm = ?1,
          error = NULL, attempts = attempts + 1, reason = 0
        WHERE directory = ?2 AND ${which}`);
    this.#syncedAsScanned = asScanned("?4", "name = ?3");
    database.function("hash_in_row", { directOnly: true }, (name) => this.#row.hashOf(name));
    this.#rowSyncedAsScanned = asScanned(
      "hash_in_row(name)",
      `name BETWEEN ?3 AND ?4 AND status = ${STATUS.pending}`,
    );
    this.#failed = database.prepare(`
      UPDATE file SET error = ?, attempts = attempts + 1 WHERE directory = ? AND name = ?`);
    this.#shrink = database.prepare(`
      UPDATE directory SET pending_files = pending_files - ?, pending_bytes = pending_bytes - ?
      WHERE id = ?`);
    this.#made = database.prepare(`
      UPDATE directory SET destination_state = ${STATE.listed}, touched = 1, conflict = 0
      WHERE id = ? AND destination_state = ${STATE.absent}`);
    this.#touchParent = database.prepare(
      "UPDATE directory SET touched = 1 WHERE id = (SELECT parent FROM directory WHERE id = ?)",
    );
    this.#removed = database.prepare("DELETE FROM file WHERE directory = ? AND name = ?");
    this.#forgetPrints = database.prepare(
      "UPDATE directory SET source_content = NULL, source_complete = NULL WHERE id = ?",
    );
    this.#landed = database.prepare("UPDATE directory SET in_flight = 0 WHERE id = ?");
  }

  /** What is pending in all. */
  pending(): Amount {
    const row = this.#database.prepare(
      `SELECT files + ${WAITING} AS files, bytes FROM pending_total`,
    ).get()!;
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

  /** Directories that the source has and the destination has not, after `after`, parents first. */
  missingDirectories(
    after: { depth: number; id: number },
    limit: number,
  ): { id: number; path: string; depth: number }[] {
    const step = (where: string, ...values: number[]) => (left: number) =>
      this.#atDepth(
        `destination_state = ${STATE.absent} AND ${where} ORDER BY depth, id`,
        ...values,
        left,
      );
    return inSteps(limit, [
      step("depth = ? AND id > ?", after.depth, after.id),
      step("depth > ?", after.depth),
    ]);
  }

  /** Directories of the source; the last value is how many at most. */
  #atDepth(where: string, ...values: number[]): { id: number; path: string; depth: number }[] {
    return this.#database.prepare(`
      SELECT id, path, depth FROM directory
      WHERE source_state = ${STATE.listed} AND ${where} LIMIT ?`)
      .all(...values)
      .map(({ id, path, depth }) => ({
        id: Number(id),
        path: fromSql(path as string | Uint8Array),
        depth: Number(depth),
      }));
  }

  /** The next directory with pending files that was not in this pass yet. */
  nextPending(
    after: number,
    pass: number,
    scan: number | null,
  ): { id: number; path: string } | undefined {
    const row = this.#nextPending.get(after, pass, scan);
    return row === undefined ? undefined : { id: Number(row.id), path: fromSql(row.path) };
  }

  /** A directory, if it has pending files and was not in this pass yet. */
  ifPending(directory: number, pass: number): { id: number; path: string } | undefined {
    const row = this.#ifPending.get(directory, pass);
    return row === undefined ? undefined : { id: Number(row.id), path: fromSql(row.path) };
  }

  /** Pending files of a directory; `after` is where to go on, null when there are no more. */
  pendingFiles(
    directory: number,
    after: string | Uint8Array,
    limits: JobLimits,
  ): { files: JobFile[]; after: string | Uint8Array | null } {
    const rows = this.#pendingFiles.all(directory, after, limits.files);
    const files: JobFile[] = [];
    let bytes = 0;
    for (const row of rows) {
      const file = jobFile(row);
      if (!mayJoin(files, file, { bytes, limits })) break;
      bytes += file.size;
      files.push(file);
    }
    const complete = rows.length < limits.files && files.length === rows.length;
    return { files, after: complete ? null : toSql(files.at(-1)!.name) };
  }

  /**
   * The directory, which has this path, and those above it that are not at the destination yet, the
   * topmost first.
   */
  missingAbove(id: number, path: string): { directory: number; path: string }[] {
    const missing: { directory: number; path: string }[] = [];
    for (let at: number | null = id; at !== null; path = parentOf(path)) {
      const row: Record<string, SQLOutputValue> = this.#directory.get(at)!;
      if (Number(row.destination_state) !== STATE.absent) break;
      missing.push({ directory: at, path });
      at = row.parent === null ? null : Number(row.parent);
    }
    return missing.reverse();
  }

  /** When the source's listing of a directory was recorded, in ms since the epoch. */
  listedAt(id: number): number | null {
    const at = this.#listedAt.get(id)?.source_listed_at;
    return at === undefined || at === null ? null : Number(at);
  }

  /** The number of the directory above one that has no directories in it; null for all others. */
  aboveLeaf(id: number): number | null {
    const row = this.#aboveLeaf.get(id);
    return row === undefined || row.parent === null ? null : Number(row.parent);
  }

  /** Before the first temporary can appear in a directory: a later run looks for it there. */
  markInFlight(id: number): void {
    this.#markInFlight.run(id);
  }

  /** The same, for a directory whose files are given out in a pass. */
  markGiven(id: number, pass: number): void {
    this.#markGiven.run(id, pass);
  }

  /** A directory is at the destination now. False when that was known before. */
  made(directory: number): boolean {
    if (this.#made.run(directory).changes === 0) return false;
    this.#touchParent.run(directory);
    return true;
  }

  /** Records files that travelled in a parcel. */
  settleFiles({ directory, files, bytes, names, hashes }: PackedFiles, algorithm: string): void {
    const row = new FilesInRow(names.split("\0", files), hashes);
    if (files < FEW || !this.#settleRow(row, directory, algorithm)) {
      for (const name of row.names) {
        this.#syncedAsScanned.run(algorithm, directory, name, row.hashOf(name));
      }
    }
    this.#shrinkAll(new Map([[directory, { files, bytes }]]));
  }

  /**
   * The same in one statement, which takes half the time, where no other file of the directory that
   * is pending lies between the names. False when one does, or one of the files has gone from the
   * record: then nothing was changed.
   */
  #settleRow(row: FilesInRow, directory: number, algorithm: string): boolean {
    const { names } = row;
    this.#row = row;
    this.#database.exec("SAVEPOINT files_in_row");
    const { changes } = this.#rowSyncedAsScanned.run(
      algorithm,
      directory,
      names[0]!,
      names.at(-1)!,
    );
    const settled = Number(changes) === names.length && row.inOrder;
    if (!settled) this.#database.exec("ROLLBACK TO files_in_row");
    this.#database.exec("RELEASE files_in_row");
    row.rewind();
    return settled;
  }

  /** Records what became of files; the destination has made them durable before. */
  settle(outcomes: readonly Outcome[], algorithm: string): void {
    const shrunk: Shrunk = new Map();
    for (const outcome of outcomes) {
      const { directory, name, status, stamp } = outcome;
      if (name === "") continue;
      if (status === "skipped") {
        // it is no longer at the source: there is nothing left to do for it
        this.#removed.run(directory, toSql(name));
        // but if it is there again one day, the listing must not pass for one that is recorded
        this.#forgetPrints.run(directory);
        this.#count(shrunk, directory, outcome.expected);
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
      this.#count(shrunk, directory, outcome.expected);
    }
    this.#shrinkAll(shrunk);
  }

  #shrinkAll(shrunk: Shrunk): void {
    for (const [directory, { files, bytes }] of shrunk) {
      this.#shrink.run(files, bytes, directory);
      this.#remaining.files -= files;
      this.#remaining.bytes -= bytes;
    }
  }

  #count(shrunk: Shrunk, directory: number, bytes: number): void {
    const sum = shrunk.get(directory);
    if (sum === undefined) shrunk.set(directory, { files: 1, bytes });
    else {
      sum.files += 1;
      sum.bytes += bytes;
    }
  }

  /** No job of these directories is under way any more. */
  landed(directories: Iterable<number>): void {
    for (const directory of directories) this.#landed.run(directory);
  }

  /**
   * No temporaries of a killed run are in these directories any more. Files may be complete there
   * without a record: what is pending stays pending until it was transferred with one.
   */
  cleared(directories: Iterable<number>): void {
    const note = this.#database.prepare("INSERT OR IGNORE INTO unrecorded VALUES (?)");
    for (const directory of directories) {
      note.run(directory);
      this.#landed.run(directory);
    }
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

  /**
   * Directories whose times must be set, deepest first: those whose content was touched, and those
   * whose times are not equal by the rule.
   */
  untimed(
    before: { depth: number; id: number },
    limit: number,
    { times }: { times: TimeRule },
  ): { id: number; path: string; depth: number }[] {
    const step = (where: string, ...values: number[]) => (left: number) =>
      this.#atDepth(
        `destination_state = ${STATE.listed} AND (touched = 1 OR ${timesDiffer(times)})
          AND ${where} ORDER BY depth DESC, id DESC`,
        ...values,
        left,
      );
    return inSteps(limit, [
      step("depth = ? AND id < ?", before.depth, before.id),
      step("depth < ?", before.depth),
    ]);
  }

  /** The times of a directory are those of the source now. */
  timed(id: number, mtime: bigint): void {
    this.#database.prepare(
      "UPDATE directory SET touched = 0, source_mtime = ?2, destination_mtime = ?2 WHERE id = ?1",
    ).run(id, recordedTime(mtime));
  }
}
