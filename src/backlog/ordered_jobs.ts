/**
 * Jobs in an order that the operator wants: by path, size or time over the whole backlog, instead of
 * by directories as they were found.
 *
 * By size and time there is an index over what is pending, which is made when an order is first asked
 * for and dropped when none is, so that nobody else pays for it. Nothing is sorted in memory: the
 * index is read in pages, and what of a page is in one directory travels together.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Job, JobFile } from "../job.ts";
import type { Order } from "../options.ts";
import { joinTime } from "../stamp.ts";
import { jobFile, jobFileColumns, mayJoin } from "./job_files.ts";
import type { JobLimits, Jobs } from "./job_source.ts";
import { ArrayRows } from "./rows.ts";
import { STATE, STATUS } from "./codes.ts";
import type { TransferStore } from "./transfer_store.ts";
import { fromSql, toSql } from "./values.ts";

/** The orders that need an index: the column, and whether the largest value comes first. */
const BY_VALUE = {
  size: { column: "size", descending: false },
  largest: { column: "size", descending: true },
  oldest: { column: "mtime", descending: false },
  newest: { column: "mtime", descending: true },
} as const;

const COLUMNS = ["size", "mtime"] as const;

/** Files that are looked at together; within them, a directory's files are in one job. */
const PAGE = 1024;

/** The largest integer that SQLite has, and the smallest. */
const LAST = 2n ** 63n - 1n, FIRST = -(2n ** 63n);

/** Makes the index that an order needs, and drops what it does not need. */
export function prepareOrder(database: DatabaseSync, order: Order): void {
  const wanted = isByValue(order) ? BY_VALUE[order].column : null;
  for (const column of COLUMNS) {
    database.exec(
      column === wanted
        ? `CREATE INDEX IF NOT EXISTS file_pending_by_${column} ON file(${column}, directory, name)
            WHERE status = ${STATUS.pending}`
        : `DROP INDEX IF EXISTS file_pending_by_${column}`,
    );
  }
}

function isByValue(order: Order): order is keyof typeof BY_VALUE {
  return order in BY_VALUE;
}

/** A pending file of a page. */
interface Found {
  readonly directory: number;
  readonly path: string;
  readonly file: JobFile;
}

/** What pages are read by: the value, the directory and the name of the last file. */
type Cursor = [value: bigint, directory: bigint, name: string | Uint8Array];

/** Gives out all that is pending in an order, each file once. */
export class OrderedJobs implements Jobs {
  readonly scattered = true;
  readonly #store: TransferStore;
  readonly #limits: JobLimits;
  readonly #page: ArrayRows;
  readonly #column: "size" | "mtime";
  #after: Cursor;
  /** Jobs of the page that was read last. */
  #ready: { readonly directory: number; readonly path: string; readonly files: JobFile[] }[] = [];

  constructor(
    database: DatabaseSync,
    store: TransferStore,
    { order, limits }: { readonly order: keyof typeof BY_VALUE; readonly limits: JobLimits },
  ) {
    this.#store = store;
    this.#limits = limits;
    const { column, descending } = BY_VALUE[order];
    this.#column = column;
    const [way, beyond] = descending ? ["DESC", "<"] : ["ASC", ">"];
    this.#after = descending ? [LAST, LAST, ""] : [FIRST, 0n, ""];
    // the directory is looked up for each file: read the other way round, all would be sorted
    this.#page = new ArrayRows(database.prepare(`
      SELECT f.directory, d.path, ${jobFileColumns("f")}
      FROM file f INDEXED BY file_pending_by_${column} CROSS JOIN directory d ON d.id = f.directory
      WHERE f.status = ${STATUS.pending} AND d.destination_state <> ${STATE.failed}
        AND (f.${column}, f.directory, f.name) ${beyond} (?, ?, ?)
      ORDER BY f.${column} ${way}, f.directory ${way}, f.name ${way} LIMIT ${PAGE}`));
  }

  news(): void {}

  complete(): void {}

  next(): Job | undefined {
    if (this.#ready.length === 0) this.#ready = this.#jobsOf(this.#read());
    const job = this.#ready.shift();
    if (job === undefined) return undefined;
    const { directory, path } = job;
    this.#store.markInFlight(directory);
    const listed = this.#store.listedAt(directory);
    return {
      ...job,
      missing: this.#store.missingAbove(directory, path),
      listed,
      last: true,
      whole: null,
    };
  }

  #read(): Found[] {
    const found = this.#page.all(...this.#after).map(([directory, path, ...file]): Found => ({
      directory: directory as number,
      path: fromSql(path as string | Uint8Array),
      file: jobFile(file),
    }));
    const last = found.at(-1);
    if (last !== undefined) {
      const { size, scanned: { mtime, mtimeNanos }, name } = last.file;
      const value = this.#column === "size" ? BigInt(size) : joinTime(mtime, mtimeNanos);
      this.#after = [value, BigInt(last.directory), toSql(name)];
    }
    return found;
  }

  /** The files of a page by their directories, in the order of the first of each. */
  #jobsOf(page: readonly Found[]) {
    const limits = this.#limits;
    return [...Map.groupBy(page, ({ directory }) => directory)].flatMap(([directory, all]) => {
      const jobs: { directory: number; path: string; files: JobFile[] }[] = [];
      let bytes = 0;
      for (const { path, file } of all) {
        const at = jobs.at(-1);
        const hasRoom = at !== undefined && at.files.length < limits.files;
        if (hasRoom && mayJoin(at.files, file, bytes, limits)) {
          at.files.push(file);
          bytes += file.size;
        } else {
          jobs.push({ directory, path, files: [file] });
          bytes = file.size;
        }
      }
      return jobs;
    });
  }
}

/** Gives out what is pending by the path of its directory, one directory after the other. */
export class JobsByPath implements Jobs {
  readonly #store: TransferStore;
  readonly #limits: JobLimits;
  readonly #nextDirectory: StatementSync;
  #path: string | Uint8Array = "";
  #begun = false;
  #open: { readonly id: number; readonly path: string; after: string | Uint8Array } | null = null;

  constructor(
    database: DatabaseSync,
    store: TransferStore,
    { limits }: { readonly limits: JobLimits },
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#nextDirectory = database.prepare(`
      SELECT id, path FROM directory
      WHERE pending_files > 0 AND destination_state <> ${STATE.failed} AND (path > ?1 OR ?2)
        AND path >= ?1
      ORDER BY path LIMIT 1`);
  }

  news(): void {}

  complete(): void {}

  next(): Job | undefined {
    this.#open ??= this.#take();
    if (this.#open === null) return undefined;
    const { id, path } = this.#open;
    const { files, after } = this.#store.pendingFiles(id, this.#open.after, this.#limits);
    if (after === null) this.#open = null;
    else this.#open.after = after;
    const missing = this.#store.missingAbove(id, path);
    const listed = this.#store.listedAt(id);
    return { directory: id, path, missing, files, listed, last: after === null, whole: null };
  }

  #take(): { id: number; path: string; after: string } | null {
    const row = this.#nextDirectory.get(this.#path, this.#begun ? 0 : 1);
    if (row === undefined) return null;
    this.#begun = true;
    this.#path = row.path as string | Uint8Array;
    const id = Number(row.id);
    this.#store.markInFlight(id);
    return { id, path: fromSql(this.#path), after: "" };
  }
}
