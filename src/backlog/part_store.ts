/**
 * Parts: what has been listed of a directory that is not listed to its end yet.
 *
 * Where the destination has nothing in the place of a directory, each name that the source lists is
 * to be copied, whatever else it lists later. So a directory of a million files is carried while it
 * is listed. Only copies come from a part: what is extra, or gone, is decided with the whole.
 *
 * The names wait in a temporary table, in the order of the listing, and each is given out once.
 */
import type { DatabaseSync } from "node:sqlite";
import type { JobFile } from "../job.ts";
import { fingerprint } from "../listing.ts";
import { ListingPacker } from "../listing_packer.ts";
import { jobFileColumns, jobFiles } from "./job_files.ts";
import type { JobLimits } from "./job_source.ts";
import { PENDING_COUNTED } from "./pending_count.ts";
import { LimitedRows } from "./rows.ts";
import { STATE, STATUS } from "./codes.ts";

/** The fingerprint of a listing without entries. */
const EMPTY = fingerprint(new ListingPacker().take().data, { specials: false }).content!;

/** Files of a part; none when there are no more (yet). */
export interface PartFiles {
  readonly files: readonly JobFile[];
  /** Where to go on. */
  readonly after: number;
  /** When the last of them was listed, in ms since the epoch. */
  readonly listed: number | null;
}

/** What a chunk has brought that is to be copied. */
export interface PartNames {
  /** As the database keeps them. */
  readonly names: readonly (string | Uint8Array)[];
  readonly bytes: number;
}

/** The directories that are carried while they are listed. */
export class PartStore {
  readonly #database: DatabaseSync;
  /** The scan that is under way; null where nothing is carried beside it. */
  #scan: number | null = null;
  /**
   * Directories that are being listed, of which nothing was on record: how many names are, or were,
   * in the table; null as long as it is not known that the destination has nothing.
   */
  readonly #growing = new Map<number, number | null>();
  #prepared: Statements | null = null;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * A scan begins, or goes on after an interruption. A directory that was carried in parts before it
   * is listed anew on both sides, and decided as a whole. In a transaction, as all that writes.
   *
   * @param early whether what is decided is carried beside the scan
   */
  begin(scan: number, { early }: { early: boolean }): void {
    this.#scan = early ? scan : null;
    this.#growing.clear();
    if (this.#prepared !== null) this.#database.exec("DELETE FROM temp.part");
    this.#database.exec(`
      DELETE FROM listing WHERE directory IN (SELECT directory FROM parted);
      UPDATE directory SET destination_state = ${STATE.queued}, destination_content = NULL
        WHERE id IN (SELECT directory FROM parted) AND destination_scan = ${scan}
          AND +destination_state = ${STATE.listed};
      DELETE FROM parted`);
  }

  /** The first chunk of a listing that has several is about to be recorded. */
  first(directory: number): void {
    if (this.#scan === null) return;
    this.#growing.delete(directory);
    if (this.#statements.known.get(directory) === undefined) this.#growing.set(directory, null);
  }

  /** Whether what comes of this directory is given out at once. */
  isGrowing(directory: number): boolean {
    return typeof this.#growing.get(directory) === "number";
  }

  /** A chunk of a directory was recorded. Returns whether there is something to give out. */
  add(directory: number, { names, bytes }: PartNames): boolean {
    const soFar = this.#growing.get(directory);
    if (soFar === undefined || this.#scan === null) return false;
    const { isAlone, note, put, putAll, grow, count, leaveOutAll } = this.#statements;
    const now = Date.now();
    if (soFar !== null) {
      let number = soFar;
      for (const name of names) put.run(directory, ++number, name, now);
      this.#growing.set(directory, number);
      grow.run(names.length, bytes, directory);
      return names.length > 0;
    }
    if (isAlone.get(directory, this.#scan, EMPTY) === undefined) return false;
    note.run(directory);
    const { changes } = putAll.run(directory, now);
    this.#growing.set(directory, Number(changes));
    count.run(directory);
    leaveOutAll.run(this.#scan, directory);
    return true;
  }

  /** The destination has nothing at a path, which is in a directory that grows. */
  leaveOut(path: string | Uint8Array): void {
    this.#statements.leaveOut.run(this.#scan, path);
  }

  /** A directory is decided. Returns whether it was carried in parts. */
  end(directory: number): boolean {
    const inParts = this.isGrowing(directory);
    this.#growing.delete(directory);
    if (inParts) this.#statements.forget.run(directory);
    return inParts;
  }

  /** The next files of a directory; what came before `after` is not needed any more. */
  next(directory: number, after: number, limits: JobLimits): PartFiles {
    const { given, files: rowsOf } = this.#statements;
    given.run(directory, after);
    const rows = rowsOf.all(limits.files, directory, after);
    const files = jobFiles(rows, limits);
    let at = after, listed: number | null = null;
    for (let i = 0; i < files.length; i++) {
      const row = rows[i]!;
      at = Number(row.at(-2));
      listed = Math.max(listed ?? 0, Number(row.at(-1)));
    }
    return { files, after: at, listed };
  }

  get #statements(): Statements {
    return this.#prepared ??= prepare(this.#database);
  }
}

function prepare(database: DatabaseSync) {
  database.exec(`CREATE TEMP TABLE IF NOT EXISTS part
    (directory INTEGER, number INTEGER, name, listed INTEGER, PRIMARY KEY (directory, number))
    WITHOUT ROWID`);
  const leftOut = `UPDATE directory SET destination_scan = ?1, destination_error = NULL,
    destination_state = ${STATE.absent}`;
  return {
    known: database.prepare("SELECT 1 FROM file WHERE directory = ? LIMIT 1"),
    /** Nothing is at the destination in its place. */
    isAlone: database.prepare(`
      SELECT 1 FROM directory WHERE id = ?1 AND destination_scan = ?2 AND conflict = 0
        AND destination_error IS NULL AND (destination_state = ${STATE.absent}
        OR (destination_state = ${STATE.listed} AND destination_content = unhex(?3)))`),
    note: database.prepare("INSERT OR IGNORE INTO parted VALUES (?)"),
    forget: database.prepare("DELETE FROM parted WHERE directory = ?"),
    put: database.prepare("INSERT INTO temp.part VALUES (?, ?, ?, ?)"),
    putAll: database.prepare(`
      INSERT INTO temp.part
        SELECT directory, row_number() OVER (), name, ?2 FROM file
        WHERE directory = ?1 AND status = ${STATUS.pending}`),
    grow: database.prepare(`
      UPDATE directory SET pending_files = pending_files + ?, pending_bytes = pending_bytes + ?
      WHERE id = ?`),
    count: database.prepare(`UPDATE directory SET ${PENDING_COUNTED} WHERE id = ?`),
    leaveOut: database.prepare(`${leftOut} WHERE path = ?2 AND destination_scan <> ?1`),
    leaveOutAll: database.prepare(
      `${leftOut} WHERE parent = ?2 AND source_scan = ?1 AND destination_scan <> ?1`,
    ),
    given: database.prepare("DELETE FROM temp.part WHERE directory = ? AND number <= ?"),
    files: new LimitedRows(
      database,
      `
      SELECT ${jobFileColumns("f")}, p.number, p.listed
      FROM temp.part p JOIN file f ON f.directory = p.directory AND f.name = p.name
      WHERE p.directory = ? AND p.number > ? AND f.status = ${STATUS.pending}
      ORDER BY p.number`,
    ),
  };
}

type Statements = ReturnType<typeof prepare>;
