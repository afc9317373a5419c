/** What the database knows about one path, read beside whatever else goes on. */
import { existsSync } from "node:fs";
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { baseOf, type Kind, parentOf } from "../entry.ts";
import { UsageError } from "../errors.ts";
import { SIDES } from "../event.ts";
import { KINDS } from "../listing.ts";
import { REASONS } from "../operation.ts";
import type { Removal } from "../removal.ts";
import { damaged } from "./database_error.ts";
import { openDatabase, type Pair, pairIn } from "./open_database.ts";
import { SCHEMA_VERSION } from "./migrate.ts";
import { STATE, STATUS } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

/** What is known of a directory on one side. */
export interface SideKnown {
  readonly state: "unknown" | "queued" | "listed" | "failed" | "absent";
  /** The scan that this is from. */
  readonly scan: number;
  /** Why its listing failed, or what of it is missing. */
  readonly error: string | null;
}

/** Everything about one path. Times are in ms since the epoch unless they say otherwise. */
export interface PathKnown {
  readonly path: string;
  readonly scan: {
    readonly id: number;
    readonly startedAt: number;
    readonly finishedAt: number | null;
    readonly sourceErrors: number;
    readonly sourceFiles: number;
    readonly destinationFiles: number;
  } | null;
  /** A file, link or special file that the source had. */
  readonly file: {
    readonly kind: Kind;
    readonly size: number;
    /** Nanoseconds since the epoch. */
    readonly mtime: bigint;
    readonly status: keyof typeof STATUS;
    readonly reason: string;
    readonly scan: number;
    readonly attempts: number;
    readonly error: string | null;
    readonly hash: string | null;
    readonly algorithm: string | null;
  } | null;
  readonly directory: {
    readonly source: SideKnown;
    readonly destination: SideKnown;
    readonly listedAt: number | null;
    readonly pending: { readonly files: number; readonly bytes: number };
    /** What is directly in it at the destination and not at the source. */
    readonly extras: number;
    readonly blocked: boolean;
  } | null;
  readonly extra: {
    readonly kind: Kind;
    readonly size: number;
    readonly mtime: bigint;
    /** The source has something of another kind in the way. */
    readonly conflict: boolean;
    /** A removal of it began in this run, whose end is not on record; 0 for none. */
    readonly attempted: number;
    /** The scans that missed it; null before one of them was complete. */
    readonly missed: {
      readonly firstScan: number;
      readonly firstAt: number;
      readonly lastAt: number;
      readonly scans: number;
    } | null;
    readonly refused: { readonly run: number; readonly at: number; readonly why: string } | null;
  } | null;
  /** The name in the same directory for which the destination takes it. */
  readonly collides: string | null;
  /** Every removal of this path, the last one first. */
  readonly deletions: readonly (Removal & { readonly run: number; readonly kind: Kind })[];
  /** The nearest directory at or above that could not be listed, or not completely. */
  readonly unlisted: {
    readonly path: string;
    readonly side: "source" | "destination";
    readonly error: string | null;
  } | null;
  /** The nearest source directory at or above that lost all its entries at once, in the last scan. */
  readonly emptied: { readonly path: string; readonly scan: number } | null;
  /** The nearest directory above that is known; null when not even the root is. */
  readonly above: { readonly path: string; readonly source: SideKnown } | null;
  /** All extras of files, and of directories. */
  readonly extras: { readonly files: number; readonly directories: number };
}

type Row = Record<string, SQLOutputValue>;

const DIRECTORY = KINDS.indexOf("directory");
const STATES = Object.keys(STATE) as (keyof typeof STATE)[];

/** A database that is only read: a run may use it at the same time. */
export class PathRecords implements Disposable {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly pair: Pair;

  /**
   * Opens an existing database; changes nothing.
   *
   * @throws UsageError when it is not there, is not one of this sluice, or has never had a run
   */
  static open(path: string): PathRecords {
    if (!existsSync(path)) {
      throw new UsageError(`there is no database ${path}; name the one of the migration with --db`);
    }
    const database = openDatabase(path, true);
    const version = Number(database.prepare("PRAGMA user_version").get()!.user_version);
    const pair = pairIn(database);
    if (pair !== undefined && version === SCHEMA_VERSION) {
      return new PathRecords(database, path, pair);
    }
    database.close();
    throw new UsageError(
      pair === undefined
        ? `the database ${path} has no record of any run yet`
        : `the database ${path} has a schema of version ${version}, this sluice reads version ` +
          `${SCHEMA_VERSION}; a run brings an older one up to date`,
    );
  }

  private constructor(database: DatabaseSync, path: string, pair: Pair) {
    this.#database = database;
    this.#path = path;
    this.pair = pair;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /**
   * What is known about a path relative to the roots, all as of one moment.
   *
   * @throws SyncError when what each database of sluice has is not in this one
   */
  find(path: string): PathKnown {
    this.#database.exec("BEGIN");
    try {
      const parent = this.#directoryRow(parentOf(path));
      const own = this.#directoryRow(path);
      const place = path === "" || parent === undefined ? null : Number(parent.id);
      const above = this.#chain(path), scan = this.#scan();
      if (scan !== null && above.every((row) => fromSql(row.path) !== "")) {
        throw damaged(this.#path, "not even the root is on record in it");
      }
      return {
        path,
        scan,
        file: place === null ? null : this.#file(place, baseOf(path)),
        directory: own === undefined ? null : this.#directory(own),
        extra: place === null ? null : this.#extra(place, baseOf(path)),
        collides: place === null ? null : this.#collision(place, baseOf(path)),
        deletions: this.#deletions(path),
        unlisted: unlistedOf(above),
        emptied: this.#emptied(above),
        above: aboveOf(above, path),
        extras: this.#extras(),
      };
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  #get(sql: string, ...values: (string | number | Uint8Array)[]): Row | undefined {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    return statement.get(...values);
  }

  #directoryRow(path: string): Row | undefined {
    return this.#get("SELECT * FROM directory WHERE path = ?", toSql(path));
  }

  /** The directories that are known from the path up to the root. */
  #chain(path: string): Row[] {
    const rows: Row[] = [];
    for (let at = path;; at = parentOf(at)) {
      const row = this.#directoryRow(at);
      if (row !== undefined) rows.push(row);
      if (at === "") return rows;
    }
  }

  #scan(): PathKnown["scan"] {
    const row = this.#get("SELECT * FROM scan ORDER BY id DESC LIMIT 1");
    if (row === undefined) return null;
    return {
      id: Number(row.id),
      startedAt: Number(row.started_at),
      finishedAt: numberOrNull(row.finished_at),
      sourceErrors: Number(row.source_errors),
      sourceFiles: Number(row.source_files),
      destinationFiles: Number(row.destination_files),
    };
  }

  #file(directory: number, name: string): PathKnown["file"] {
    const row = this.#get(
      "SELECT * FROM file WHERE directory = ? AND name = ?",
      directory,
      toSql(name),
    );
    if (row === undefined) return null;
    const status = Object.entries(STATUS).find(([, value]) => value === Number(row.status))!;
    return {
      kind: KINDS[Number(row.kind)]!,
      size: Number(row.size),
      mtime: row.mtime as bigint,
      status: status[0] as keyof typeof STATUS,
      reason: REASONS[Number(row.reason)]!,
      scan: Number(row.scan),
      attempts: Number(row.attempts),
      error: textOrNull(row.error),
      hash: row.hash instanceof Uint8Array ? hexOf(row.hash) : null,
      algorithm: textOrNull(row.hash_algorithm),
    };
  }

  #directory(row: Row): PathKnown["directory"] {
    const inside = this.#get("SELECT count(*) AS n FROM extra WHERE directory = ?", Number(row.id));
    return {
      source: sideOf(row, "source"),
      destination: sideOf(row, "destination"),
      listedAt: numberOrNull(row.source_listed_at),
      pending: { files: Number(row.pending_files), bytes: Number(row.pending_bytes) },
      extras: Number(inside!.n),
      blocked: Number(row.conflict) === 1,
    };
  }

  #extra(directory: number, name: string): PathKnown["extra"] {
    const row = this.#get(
      `SELECT e.kind, e.size, e.mtime, e.attempted,
        e.conflict = 1 OR d.conflict = 2 AS conflict, m.first_scan, m.first_at, m.last_at, m.scans,
        m.refused_run, m.refused_at, m.refused_why
      FROM extra e JOIN directory d ON d.id = e.directory
      LEFT JOIN missed m ON m.directory = e.directory AND m.name = e.name
      WHERE e.directory = ? AND e.name = ?`,
      directory,
      toSql(name),
    );
    if (row === undefined) return null;
    return {
      kind: KINDS[Number(row.kind)]!,
      size: Number(row.size),
      mtime: row.mtime as bigint,
      conflict: Number(row.conflict) === 1,
      attempted: Number(row.attempted),
      missed: row.scans === null ? null : {
        firstScan: Number(row.first_scan),
        firstAt: Number(row.first_at),
        lastAt: Number(row.last_at),
        scans: Number(row.scans),
      },
      refused: row.refused_run === null ? null : {
        run: Number(row.refused_run),
        at: Number(row.refused_at),
        why: String(row.refused_why),
      },
    };
  }

  #collision(directory: number, name: string): string | null {
    const row = this.#get(
      "SELECT other FROM collision WHERE directory = ? AND name = ?",
      directory,
      toSql(name),
    );
    return row === undefined ? null : fromSql(row.other);
  }

  #deletions(path: string): PathKnown["deletions"] {
    return this.#database.prepare(
      `SELECT run, kind, deleted_at, trash, scan, listed_at, missed_scans, first_missed_at, looked_at,
        answer FROM deletion WHERE path = ? ORDER BY id DESC`,
    ).all(toSql(path)).map((row) => ({
      run: Number(row.run),
      kind: KINDS[Number(row.kind)]!,
      at: Number(row.deleted_at),
      trash: row.trash === null ? null : fromSql(row.trash),
      evidence: {
        scan: Number(row.scan),
        listedAt: numberOrNull(row.listed_at),
        scans: Number(row.missed_scans),
        firstMissedAt: numberOrNull(row.first_missed_at),
        lookedAt: numberOrNull(row.looked_at),
        answer: textOrNull(row.answer),
      },
    }));
  }

  #emptied(chain: readonly Row[]): PathKnown["emptied"] {
    for (const row of chain) {
      const found = this.#get(
        `SELECT scan FROM emptied WHERE directory = ? AND (directories > 0 OR files >= 10)
          AND scan = (SELECT max(id) FROM scan)`,
        Number(row.id),
      );
      if (found !== undefined) return { path: fromSql(row.path), scan: Number(found.scan) };
    }
    return null;
  }

  #extras(): PathKnown["extras"] {
    const row = this.#get(
      `SELECT count(*) AS entries, coalesce(sum(kind = ${DIRECTORY}), 0) AS directories FROM extra`,
    )!;
    const directories = Number(row.directories);
    return { files: Number(row.entries) - directories, directories };
  }
}

function sideOf(row: Row, side: "source" | "destination"): SideKnown {
  return {
    state: STATES.find((name) => STATE[name] === Number(row[`${side}_state`]))!,
    scan: Number(row[`${side}_scan`]),
    error: textOrNull(row[`${side}_error`]),
  };
}

function unlistedOf(chain: readonly Row[]): PathKnown["unlisted"] {
  for (const side of SIDES) {
    // the one that failed itself has the error; those below it only say the same
    const failed = chain.filter((row) => {
      const { state, error } = sideOf(row, side);
      return state === "failed" || (state === "listed" && error !== null);
    });
    const row = failed.find((row) => row[`${side}_error`] !== null) ?? failed.at(-1);
    if (row !== undefined) {
      return { path: fromSql(row.path), side, error: textOrNull(row[`${side}_error`]) };
    }
  }
  return null;
}

function aboveOf(chain: readonly Row[], path: string): PathKnown["above"] {
  const row = chain.find((row) => fromSql(row.path) !== path);
  return row === undefined ? null : { path: fromSql(row.path), source: sideOf(row, "source") };
}

function numberOrNull(value: SQLOutputValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function textOrNull(value: SQLOutputValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
