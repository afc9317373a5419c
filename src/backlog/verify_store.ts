/** The verification's part of the database: what is to be read again, and what was found. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { join } from "../entry.ts";
import { KINDS } from "../listing.ts";
import { STATUS, VERIFIED } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

/** What the verification of a file found. */
export type VerifyResult = (typeof VERIFIED)[number];

/** Which files a verification is about. */
export interface Sample {
  /** Millionths of all files; 1,000,000 are all. */
  readonly millionths: number;
  readonly seed: number;
}

/** What a verification has found so far; `bytes` as recorded. */
export interface VerifyTotals {
  readonly files: number;
  readonly bytes: number;
  readonly different: number;
  readonly missing: number;
  readonly unreadable: number;
}

/** A file to be read again. */
export interface VerifyFile {
  readonly directory: number;
  readonly name: string;
  /** Relative to the roots. */
  readonly path: string;
  readonly size: number;
  readonly mtime: bigint;
  /** Null where sluice has not copied it. */
  readonly hash: string | null;
  readonly algorithm: string | null;
  /** The verification has looked at it already. */
  readonly done: boolean;
}

/** What was found about a file. */
export interface VerifyRow {
  readonly file: VerifyFile;
  readonly result: VerifyResult;
  readonly detail: string | null;
}

/** After which file a verification goes on. */
export type Position = Pick<VerifyFile, "directory" | "name">;

/** A verification that was interrupted, which began at `startedAt` (ms since the epoch). */
export interface Interrupted {
  readonly id: number;
  readonly startedAt: number;
  readonly after: Position;
  readonly totals: VerifyTotals;
}

const FILE = KINDS.indexOf("file");
const PAGE = 1000;

/** Reads and writes `verification` and `verified`; methods that write need a transaction. */
export class VerifyStore {
  readonly #database: DatabaseSync;
  readonly #next: StatementSync;
  readonly #put: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    // a directory that is missing is no reason to leave out its files: its path is null
    this.#next = database.prepare(`
      SELECT f.directory AS directory, f.name AS name, d.path AS parent, f.size AS size,
        f.mtime AS mtime, lower(hex(f.hash)) AS hash, f.hash IS NULL AS unhashed,
        f.hash_algorithm AS algorithm, v.verification IS NOT NULL AS done
      FROM file f LEFT JOIN directory d ON d.id = f.directory
        LEFT JOIN verified v ON v.directory = f.directory AND v.name = f.name
          AND v.verification = ?
      WHERE (f.directory, f.name) > (?, ?) AND f.kind = ${FILE} AND f.status = ${STATUS.synced}
      ORDER BY f.directory, f.name LIMIT ${PAGE}`);
    this.#next.setReadBigInts(true);
    this.#put = database.prepare(`
      INSERT OR REPLACE INTO verified
        (directory, name, verification, run, verified_at, result, detail)
      VALUES (?, ?, ?, ?, ?, ?, ?)`);
  }

  /** The last verification, if it is of this sample and was interrupted. */
  interrupted({ millionths, seed }: Sample): Interrupted | undefined {
    const row = this.#database.prepare("SELECT * FROM verification ORDER BY id DESC LIMIT 1").get();
    if (row === undefined || row.finished_at !== null) return undefined;
    if (Number(row.sample) !== millionths || Number(row.seed) !== seed) return undefined;
    return {
      id: Number(row.id),
      startedAt: Number(row.started_at),
      after: { directory: Number(row.after_directory), name: fromSql(row.after_name) },
      totals: {
        files: Number(row.files),
        bytes: Number(row.bytes),
        different: Number(row.different),
        missing: Number(row.missing),
        unreadable: Number(row.unreadable),
      },
    };
  }

  /** Begins a verification; returns its number. */
  begin({ millionths, seed }: Sample, run: number): number {
    const { lastInsertRowid } = this.#database.prepare(
      "INSERT INTO verification (run, started_at, sample, seed) VALUES (?, ?, ?, ?)",
    ).run(run, Date.now(), millionths, seed);
    return Number(lastInsertRowid);
  }

  /** Another run goes on with a verification. */
  resume(id: number, run: number): void {
    this.#database.prepare("UPDATE verification SET run = ? WHERE id = ?").run(run, id);
  }

  /** The files after `after`, in order, not all at once: none means that there are no more. */
  next(id: number, after: Position): VerifyFile[] {
    return this.#next.all(id, after.directory, toSql(after.name)).map((row) => {
      const name = fromSql(row.name);
      return {
        directory: Number(row.directory),
        name,
        path: join(fromSql(row.parent), name),
        size: Number(row.size),
        mtime: row.mtime as bigint,
        hash: row.unhashed === 1n ? null : String(row.hash),
        algorithm: row.algorithm === null ? null : String(row.algorithm),
        done: row.done === 1n,
      };
    });
  }

  /** Records what was found; every file up to `after` is done. */
  settle(
    { id, run }: { id: number; run: number },
    rows: readonly VerifyRow[],
    { after, totals }: { after: Position; totals: VerifyTotals },
  ): void {
    const now = Date.now();
    for (const { file: { directory, name }, result, detail } of rows) {
      this.#put.run(directory, toSql(name), id, run, now, VERIFIED.indexOf(result), detail);
    }
    const { files, bytes, different, missing, unreadable } = totals;
    this.#database.prepare(`
      UPDATE verification SET after_directory = ?, after_name = ?, files = ?, bytes = ?,
        different = ?, missing = ?, unreadable = ? WHERE id = ?`).run(
      after.directory,
      toSql(after.name),
      files,
      bytes,
      different,
      missing,
      unreadable,
      id,
    );
  }

  /** All files of the sample were looked at. */
  finish(id: number): void {
    this.#database.prepare("UPDATE verification SET finished_at = ? WHERE id = ?")
      .run(Date.now(), id);
  }

  /** What a verification has found so far that is not as recorded, a page at a time. */
  *bad(id: number): Iterable<{ path: string; result: VerifyResult; detail: string | null }> {
    const statement = this.#database.prepare(`
      SELECT v.directory AS directory, v.name AS name, d.path AS parent, v.result AS result,
        v.detail AS detail
      FROM verified v JOIN directory d ON d.id = v.directory
      WHERE v.verification = ? AND v.result > 0 AND (v.directory, v.name) > (?, ?)
      ORDER BY v.directory, v.name LIMIT ${PAGE}`);
    let after: Position = { directory: 0, name: "" };
    for (;;) {
      const rows = statement.all(id, after.directory, toSql(after.name));
      for (const { directory, name, parent, result, detail } of rows) {
        after = { directory: Number(directory), name: fromSql(name) };
        yield {
          path: join(fromSql(parent), after.name),
          result: VERIFIED[Number(result)]!,
          detail: detail === null ? null : String(detail),
        };
      }
      if (rows.length < PAGE) return;
    }
  }
}
