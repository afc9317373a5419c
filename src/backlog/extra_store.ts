/** Extras in the database: what the destination has and the source has not. */
import type { DatabaseSync } from "node:sqlite";
import { join } from "../entry.ts";
import { KINDS } from "../listing.ts";
import type { Extra } from "./backlog.ts";
import { ArrayRows } from "./rows.ts";
import { provenBy } from "./missed_store.ts";
import { CONFLICT, STATE } from "./codes.ts";
import { inSteps } from "./steps.ts";
import { fromSql, toSql } from "./values.ts";

const DIRECTORY = KINDS.indexOf("directory");

/** Where a page of extras begins. */
export interface ExtraCursor {
  readonly depth: number;
  readonly directory: number;
  readonly name: string;
}

/**
 * Which extras: those that stand where the source has something of another kind (or below such a
 * place), the others, or all.
 */
export type ExtraKind = "conflicts" | "others" | "all";

const CONFLICTS = `(e.conflict = 1 OR d.conflict = ${CONFLICT.directoryInTheWay})`;
const WHICH: Readonly<Record<ExtraKind, string>> = {
  conflicts: CONFLICTS,
  others: `NOT ${CONFLICTS}`,
  all: "1",
};

/** What {@link ExtraStore.hold} is told. */
export interface HoldRules {
  /** The number of the last scan. */
  readonly scan: number;
  /** Complete scans in a row that must have missed an extra. */
  readonly scans: number;
  /** Milliseconds between the first and the last of several. */
  readonly minAge: number;
}

/** Why an extra is not due. */
export type Held = "waiting" | "doubted" | "unproven";

/** Extras by what is to become of them. */
export type HoldCounts = Readonly<Record<Held | "due", { files: number; directories: number }>>;

/** Direct files from which on a source directory that is empty now is doubted. */
const MANY_FILES = 10;

/** Pages through extras; writing methods need a transaction. */
export class ExtraStore {
  readonly #database: DatabaseSync;
  /** What must be true of an extra that the pages have. */
  #due = { files: "1", directories: "1" };

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** How many extras are known. */
  count(): { files: number; bytes: number; directories: number } {
    const row = this.#database.prepare(`
      SELECT count(*) AS entries, coalesce(sum(kind = ${DIRECTORY}), 0) AS directories,
        coalesce(sum(iif(kind = ${DIRECTORY}, 0, size)), 0) AS bytes FROM extra`).get()!;
    const directories = Number(row.directories);
    return { files: Number(row.entries) - directories, bytes: Number(row.bytes), directories };
  }

  /**
   * From now on the pages have only what is due. Held back is
   *
   * - `unproven`: what is in a directory that the last scan has not listed completely,
   * - `doubted`: what is below a source directory that had entries and lists none at all now, for
   *   the first time: so does one whose share is not mounted. Few files (9) and nothing else in it
   *   are no reason to doubt,
   * - `waiting`: what was not missed often or long enough,
   *
   * and directories that something of this is in.
   */
  hold({ scan, scans, minAge }: HoldRules): HoldCounts {
    const proven = provenBy(scan);
    this.#database.exec(`
      CREATE TEMP TABLE IF NOT EXISTS doubted (id INTEGER PRIMARY KEY);
      CREATE TEMP TABLE IF NOT EXISTS held_above (id INTEGER PRIMARY KEY);
      DELETE FROM temp.doubted;
      DELETE FROM temp.held_above;
      INSERT INTO temp.doubted
        WITH RECURSIVE below(id) AS (
          SELECT directory FROM emptied
          WHERE scan = ${scan} AND (directories > 0 OR files >= ${MANY_FILES})
          UNION
          SELECT d.id FROM below JOIN directory d ON d.parent = below.id
        ) SELECT id FROM below`);
    const doubted = "e.directory IN (SELECT id FROM temp.doubted)";
    const waiting = scans < 2 ? "0" : `NOT EXISTS (SELECT 1 FROM missed m
      WHERE m.directory = e.directory AND m.name = e.name AND m.kind = e.kind
        AND m.scans >= ${scans} AND m.last_at - m.first_at >= ${minAge})`;
    const files = `(${proven} AND NOT ${doubted} AND NOT ${waiting})`;
    this.#database.exec(`
      INSERT INTO temp.held_above
        WITH RECURSIVE up(id) AS (
          SELECT e.directory FROM extra e JOIN directory d ON d.id = e.directory WHERE NOT ${files}
          UNION
          SELECT d.parent FROM up JOIN directory d ON d.id = up.id WHERE d.parent IS NOT NULL
        ) SELECT id FROM up`);
    const inside = `EXISTS (SELECT 1 FROM directory c JOIN temp.held_above h ON h.id = c.id
      WHERE c.parent = e.directory AND c.name = e.name)`;
    this.#due = { files, directories: `(${files} AND NOT ${inside})` };
    const counts = {
      due: { files: 0, directories: 0 },
      waiting: { files: 0, directories: 0 },
      doubted: { files: 0, directories: 0 },
      unproven: { files: 0, directories: 0 },
    };
    const rows = this.#database.prepare(`
      SELECT CASE WHEN NOT ${proven} THEN 'unproven' WHEN ${doubted} THEN 'doubted'
          WHEN ${waiting} OR (e.kind = ${DIRECTORY} AND ${inside}) THEN 'waiting' ELSE 'due' END
        AS what, sum(e.kind = ${DIRECTORY}) AS directories, sum(e.kind <> ${DIRECTORY}) AS files
      FROM extra e JOIN directory d ON d.id = e.directory GROUP BY what`).all();
    for (const row of rows) {
      counts[row.what as keyof HoldCounts] = {
        files: Number(row.files),
        directories: Number(row.directories),
      };
    }
    return counts;
  }

  /** Source directories that {@link hold} doubts: how many, and the path of one. */
  doubtedDirectories(scan: number): { count: number; path: string } {
    const row = this.#database.prepare(`
      SELECT count(*) AS count, min(d.path) AS path FROM emptied m
      JOIN directory d ON d.id = m.directory
      WHERE m.scan = ? AND (m.directories > 0 OR m.files >= ${MANY_FILES})
        AND EXISTS (SELECT 1 FROM extra e WHERE e.directory = m.directory)`).get(scan)!;
    return { count: Number(row.count), path: row.path === null ? "" : fromSql(row.path) };
  }

  /** Files, links and special files, by directory. */
  files(
    after: Omit<ExtraCursor, "depth">,
    limit: number,
    which: ExtraKind,
  ): Extra[] {
    return this.#rows(
      `e.kind <> ${DIRECTORY} AND (e.directory, e.name) > (?, ?) AND ${WHICH[which]}
       AND ${this.#due.files} ORDER BY e.directory, e.name LIMIT ${limit}`,
      [after.directory, toSql(after.name)],
    );
  }

  /** Directories, deepest first. */
  directories(before: ExtraCursor, limit: number, which: ExtraKind): Extra[] {
    const { depth, directory, name } = before;
    const step = (where: string, ...values: (number | string | Uint8Array)[]) => (left: number) =>
      this.#rows(
        // the directories of the tree come first in the join: they have the order in an index. How
        // many are left is another number each time, and rows beyond it cost more than preparing
        // the statement anew (`rows.ts`)
        `e.kind = ${DIRECTORY} AND ${where} AND ${WHICH[which]} AND ${this.#due.directories}
         ORDER BY d.depth DESC, d.id DESC, e.name DESC LIMIT ?`,
        [...values, left],
        "directory d CROSS JOIN extra e INDEXED BY extra_directory ON e.directory = d.id",
      );
    return inSteps(limit, [
      step("d.id = ? AND e.name < ?", directory, toSql(name)),
      step("d.depth = ? AND d.id < ?", depth, directory),
      step("d.depth < ?", depth),
    ]);
  }

  /**
   * Extras whose removal began in a run that did not live to tell, the deepest first: one that is
   * dropped must not take its directory from those in it.
   */
  attempted(limit: number): Extra[] {
    return this.#rows(`e.attempted <> 0 ORDER BY d.depth DESC LIMIT ${limit}`, []);
  }

  /** The removal of these has come to an end that is known. */
  settled(extras: readonly Extra[]): void {
    this.#each(extras, (names) => `UPDATE extra SET attempted = 0 WHERE ${names}`);
  }

  #rows(
    where: string,
    values: (string | number | Uint8Array)[],
    from = "extra e JOIN directory d ON d.id = e.directory",
  ): Extra[] {
    const statement = this.#database.prepare(`
      SELECT e.directory, d.path, d.conflict, e.name, e.kind, e.size, e.mtime, e.conflict, d.depth,
        e.attempted, m.scans, m.first_at
      FROM ${from}
      LEFT JOIN missed m ON m.directory = e.directory AND m.name = e.name WHERE ${where}`);
    statement.setReadBigInts(true);
    return new ArrayRows(statement).all(...values).map((row) => {
      const [directory, parent, above, text, kind, size, mtime] = row as unknown as ExtraRow;
      const [, , , , , , , conflict, depth, attempted, scans, firstAt] = row as unknown as ExtraRow;
      const name = fromSql(text);
      return {
        directory: Number(directory),
        name,
        path: join(fromSql(parent), name),
        depth: Number(depth),
        kind: KINDS[Number(kind)]!,
        size: Number(size),
        mtime,
        conflict: conflict === 1n || Number(above) === CONFLICT.directoryInTheWay,
        attempted: Number(attempted),
        missedScans: Number(scans ?? 0),
        firstMissedAt: firstAt === null ? null : Number(firstAt),
      };
    });
  }

  /** The removal of these begins, in this run. */
  attempt(run: number, extras: readonly Extra[]): void {
    this.#each(extras, (names) => `UPDATE extra SET attempted = ${run} WHERE ${names}`);
  }

  /**
   * Extras that are no more: removed, or found to be none; a directory after those in it. The times
   * of the directories that they were in must be set again.
   */
  drop(extras: readonly Extra[]): void {
    const prepare = (sql: string) => this.#database.prepare(sql);
    this.#each(extras, (names) => `DELETE FROM extra WHERE ${names}`);
    this.#each(extras, (names) => `DELETE FROM missed WHERE ${names}`);
    const touch = prepare("UPDATE directory SET touched = 1 WHERE id = ?");
    const directory = prepare("DELETE FROM directory WHERE path = ?");
    // what blocked a directory of the source is gone, so it can be made now
    const unblock = prepare(`
      UPDATE directory SET conflict = ${CONFLICT.none}, destination_state = ${STATE.absent}
      WHERE parent = ? AND name = ? AND conflict = ${CONFLICT.directoryBlocked}`);
    let touched: number | null = null;
    for (const { directory: at, name: text, path, kind, conflict } of extras) {
      if (at !== touched) touch.run(touched = at);
      if (kind === "directory") directory.run(toSql(path));
      else if (conflict) unblock.run(at, toSql(text));
    }
  }

  /** Runs a statement for all of `extras`; in `sql`, the condition stands for some of one directory. */
  #each(extras: readonly Extra[], sql: (names: string) => string): void {
    for (let from = 0; from < extras.length;) {
      const { directory } = extras[from]!;
      let to = from + 1;
      while (to < extras.length && to - from < MOST && extras[to]!.directory === directory) to += 1;
      const names = extras.slice(from, to).map(({ name }) => toSql(name));
      const room = names.length === 1 ? 1 : names.length <= FEW ? FEW : MOST;
      // a name that is there twice is the same as one
      while (names.length < room) names.push(names.at(-1)!);
      const condition = `directory = ? AND name IN (${Array(room).fill("?")})`;
      this.#database.prepare(sql(condition)).run(directory, ...names);
      from = to;
    }
  }
}

/** Names of one statement: one for each of them would take three times as long. */
const FEW = 8, MOST = 32;

/** A row of a page. */
type ExtraRow = readonly [
  directory: bigint,
  parent: string | Uint8Array,
  above: bigint,
  name: string | Uint8Array,
  kind: bigint,
  size: bigint,
  mtime: bigint,
  conflict: bigint,
  depth: bigint,
  attempted: bigint,
  scans: bigint | null,
  firstAt: bigint | null,
];
