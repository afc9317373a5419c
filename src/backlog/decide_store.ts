/**
 * Deciding: once both sides of a directory are known, which of its files are pending and what is
 * extra at the destination. A directory at a time, in the transaction that made it known.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { compare, type Compared } from "../plan/compare.ts";
import type { Side } from "../event.ts";
import { KINDS, unpackListing } from "../listing.ts";
import { ALL_APART, isExact, type NameRules } from "../name_rules.ts";
import { REASONS } from "../operation.ts";
import { MergeStore, type Respelled } from "./merge_store.ts";
import type { TimeRule } from "../times.ts";
import type { PartStore } from "./part_store.ts";
import { PENDING_COUNTED } from "./pending_count.ts";
import { ArrayRows } from "./rows.ts";
import { CONFLICT, STATE, STATUS, UNSETTLED } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

const DIRECTORY = KINDS.indexOf("directory");
const PAGE = 1000;
const ABSENT = REASONS.indexOf("not at the destination");
const IN_SYNC = REASONS.indexOf("in sync");
const HAS_CHILDREN = "EXISTS (SELECT 1 FROM directory child WHERE child.parent = ?1)";
const HAS_EXTRAS = "EXISTS (SELECT 1 FROM extra WHERE directory = ?1)";
const HAS_CHUNKS = "EXISTS (SELECT 1 FROM listing WHERE directory = ?1)";
/** Nothing in it is pending, and nobody needs to look at its files to know. */
const IS_SETTLED = `(unsettled = ${UNSETTLED.none} AND pending_files = 0)`;
/** It is known of a side what it has; a list of three would make SQLite fill a table each time. */
export const isKnown = (side: Side): string =>
  `(${side}_state <> ${STATE.unknown} AND ${side}_state <> ${STATE.queued})`;

/**
 * The SQL of a directory with number ?1 in which there is nothing to decide, should its listings
 * agree: nothing was pending, extra or in the way, and nothing is below it.
 */
export const atRest = (scan: number): string =>
  `(decided_scan <> ${scan} AND ${IS_SETTLED} AND source_error IS NULL
    AND conflict = ${CONFLICT.none} AND NOT ${HAS_CHILDREN} AND NOT ${HAS_EXTRAS})`;

/**
 * The SQL of a directory with number ?1 of which the destination has nothing, and in which all that
 * is to be decided is that its files are to be copied, if it has no directories.
 */
export const isAlone = (scan: number): string =>
  `(decided_scan <> ${scan} AND destination_scan = ${scan} AND destination_state = ${STATE.absent}
    AND conflict = ${CONFLICT.none} AND NOT ${HAS_CHILDREN} AND NOT ${HAS_EXTRAS}
    AND NOT ${HAS_CHUNKS})`;

const NOT_SETTLED: readonly number[] = [STATUS.pending, STATUS.waiting];

/** A directory that both sides are known of. Those that are 0 or 1 say whether it is so. */
type DirectoryRow = readonly [
  source: number,
  sourceError: 0 | 1,
  destination: number,
  sameContent: 0 | 1,
  conflict: number,
  isSettled: 0 | 1,
  hasChildren: 0 | 1,
  hasExtras: 0 | 1,
  hasChunks: 0 | 1,
];

/** What deciding depends on. */
export interface DecideOptions {
  /** When two times are equal. */
  readonly times: TimeRule;
  /** Which names the destination takes for one. Default: none. */
  readonly names?: NameRules;
  /** What is carried before it is decided. */
  readonly parts: PartStore;
}

/** Decides directories for the scan with number `scan`. */
export class DecideStore {
  readonly #times: TimeRule;
  readonly #parts: PartStore;
  /** Null where the destination keeps all names apart. */
  readonly #merges: MergeStore | null;
  readonly #row: ArrayRows;
  readonly #readyChildren: StatementSync;
  readonly #settleChildren: Record<"source" | "destination", StatementSync>;
  readonly #inheritConflict: StatementSync;
  readonly #decided: StatementSync;
  readonly #decidedAndCounted: StatementSync;
  readonly #allPending: StatementSync;
  readonly #allSynced: StatementSync;
  readonly #chunks: StatementSync;
  readonly #clearThere: StatementSync;
  readonly #putThere: StatementSync;
  readonly #pairs: StatementSync;
  readonly #setStatus: StatementSync;
  readonly #dropExtras: StatementSync;
  readonly #dropFiles: StatementSync;
  readonly #dropPrints: StatementSync;
  readonly #putExtras: StatementSync;
  readonly #blockDirectories: StatementSync;
  readonly #directoriesInTheWay: StatementSync;
  readonly #dropChunks: StatementSync;
  /** Directories in which what is pending stays so: equal or not, it has no hash and no record. */
  readonly #unrecorded: ReadonlySet<number>;

  constructor(
    database: DatabaseSync,
    scan: number,
    { times, parts, names = ALL_APART }: DecideOptions,
  ) {
    this.#times = times;
    this.#parts = parts;
    database.exec(`CREATE TEMP TABLE IF NOT EXISTS there (
      name PRIMARY KEY, kind INTEGER, size INTEGER, mtime INTEGER, target) WITHOUT ROWID`);
    this.#merges = isExact(names) ? null : new MergeStore(database, scan, names);
    // most directories have neither children nor extras nor chunks: what is about these is left out
    this.#row = new ArrayRows(database.prepare(`
      SELECT source_state, source_error IS NOT NULL, destination_state,
        coalesce(source_content = destination_content, 0), conflict,
        ${IS_SETTLED}, ${HAS_CHILDREN}, ${HAS_EXTRAS},
        ${HAS_CHUNKS}
      FROM directory WHERE id = ?1 AND decided_scan <> ${scan} AND source_scan = ${scan}
        AND destination_scan = ${scan} AND ${isKnown("source")} AND ${isKnown("destination")}`));
    this.#readyChildren = database.prepare(`
      SELECT id FROM directory WHERE parent = ? AND decided_scan <> ${scan}
        AND source_scan = ${scan} AND destination_scan = ${scan}
        AND ${isKnown("source")} AND ${isKnown("destination")}`);
    const settleChildren = (side: string, other: string) =>
      database.prepare(`
        UPDATE directory SET ${side}_scan = ${scan}, ${side}_state = ?, ${side}_error = NULL
        WHERE parent = ? AND ${other}_scan = ${scan} AND ${side}_scan <> ${scan}`);
    this.#settleChildren = {
      source: settleChildren("source", "destination"),
      destination: settleChildren("destination", "source"),
    };
    this.#inheritConflict = database.prepare(
      "UPDATE directory SET conflict = ?1 WHERE parent = ?2 AND conflict <> ?1",
    );
    const decided = (more: string) =>
      database.prepare(
        `UPDATE directory SET decided_scan = ${scan}, unsettled = ?2 ${more} WHERE id = ?1`,
      );
    this.#decided = decided("");
    this.#decidedAndCounted = decided(`, ${PENDING_COUNTED}`);
    this.#allPending = database.prepare(`
      UPDATE file SET status = ${STATUS.pending}, reason = ${ABSENT}
      WHERE directory = ? AND status <> ${STATUS.skipped}
        AND (status <> ${STATUS.pending} OR reason <> ${ABSENT})`);
    this.#allSynced = database.prepare(`
      UPDATE file SET status = ${STATUS.synced}, reason = ${IN_SYNC}, error = NULL
      WHERE directory = ?
        AND status IN (${STATUS.pending}, ${STATUS.waiting}, ${STATUS.refused})`);
    this.#chunks = database.prepare(
      "SELECT data FROM listing WHERE directory = ? AND chunk >= ? ORDER BY chunk LIMIT 1",
    );
    this.#clearThere = database.prepare("DELETE FROM temp.there");
    this.#putThere = database.prepare("INSERT OR REPLACE INTO temp.there VALUES (?, ?, ?, ?, ?)");
    this.#pairs = database.prepare(`
      SELECT f.name AS name, f.kind AS kind, f.size AS size, f.mtime AS mtime, f.target AS target,
        f.status AS status, f.reason AS reason, t.kind AS t_kind, t.size AS t_size,
        t.mtime AS t_mtime, t.target AS t_target
      FROM file f LEFT JOIN temp.there t ON t.name = f.name
      WHERE f.directory = ? AND f.name > ? AND f.status <> ${STATUS.skipped}
      ORDER BY f.name LIMIT ${PAGE}`);
    this.#pairs.setReadBigInts(true);
    this.#setStatus = database.prepare(`
      UPDATE file SET status = ?, reason = ?, error = iif(? = ${STATUS.synced}, NULL, error)
      WHERE directory = ? AND name = ?`);
    this.#dropFiles = database.prepare("DELETE FROM file WHERE directory = ?");
    this.#dropPrints = database.prepare(`
      UPDATE directory SET source_content = NULL, source_complete = NULL
      WHERE id = ? AND source_complete IS NOT NULL`);
    this.#dropExtras = database.prepare("DELETE FROM extra WHERE directory = ?");
    // what the destination has and the source has not, or has of a kind that cannot be replaced
    this.#putExtras = database.prepare(`
      INSERT OR REPLACE INTO extra (directory, name, kind, size, mtime, conflict)
      SELECT ?1, t.name, t.kind, t.size, t.mtime,
        iif(t.kind = ${DIRECTORY}, f.name IS NOT NULL, d.id IS NOT NULL)
      FROM temp.there t
      LEFT JOIN file f ON f.directory = ?1 AND f.name = t.name
      LEFT JOIN directory d ON d.parent = ?1 AND d.source_scan = ${scan}
        AND d.source_state <> ${STATE.absent}
        AND d.name = t.name
      WHERE iif(t.kind = ${DIRECTORY}, d.id IS NULL, f.name IS NULL)
        AND (?2 = 1 OR iif(t.kind = ${DIRECTORY}, f.name IS NOT NULL, d.id IS NOT NULL))`);
    this.#blockDirectories = database.prepare(`
      UPDATE directory SET conflict = ${CONFLICT.directoryBlocked}
      WHERE parent = ?1 AND source_scan = ${scan} AND name IN (
        SELECT e.name FROM extra e
        WHERE e.directory = ?1 AND e.conflict = 1 AND e.kind <> ${DIRECTORY})`);
    this.#directoriesInTheWay = database.prepare(`
      UPDATE directory SET conflict = ${CONFLICT.directoryInTheWay}
      WHERE parent = ?1 AND name IN (
        SELECT e.name FROM extra e
        WHERE e.directory = ?1 AND e.conflict = 1 AND e.kind = ${DIRECTORY})`);
    this.#dropChunks = database.prepare("DELETE FROM listing WHERE directory = ?");
    this.#unrecorded = new Set(
      database.prepare("SELECT directory FROM unrecorded").all().map((row) =>
        Number(row.directory)
      ),
    );
  }

  /** Names that were found spelled otherwise at the destination. */
  get respelled(): Respelled {
    return this.#merges?.respelled ?? { count: 0, example: null };
  }

  /**
   * Decides a directory if both its sides are known by now, and then those below it that only
   * waited for it. Returns the numbers of those that were decided and were not in sync before.
   *
   * @param isNew all its files were put on record just now, as pending. Default: that is not known
   */
  ready(id: number, { isNew = false }: { readonly isNew?: boolean } = {}): number[] {
    const decided: number[] = [];
    const waiting = [id];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const row = this.#row.get(next) as DirectoryRow | undefined;
      if (row === undefined) continue;
      const { isAtRest, hasChildren } = this.#decide(next, row, isNew && next === id);
      if (!isAtRest) decided.push(next);
      if (!hasChildren) continue;
      for (const child of this.#readyChildren.all(next)) waiting.push(Number(child.id));
    }
    return decided;
  }

  /** Returns whether nothing is to be done in it, as before, and whether it may have children. */
  #decide(
    id: number,
    row: DirectoryRow,
    isNew: boolean,
  ): { isAtRest: boolean; hasChildren: boolean } {
    const [source, sourceError, destination, sameContent, conflict, isSettled] = row;
    const [, , , , , , children, hasExtras, hasChunks] = row;
    // names of the destination that are spelled otherwise may bring new ones
    const hasChildren = children === 1 || this.#merges !== null;
    if (hasExtras === 1) this.#dropExtras.run(id);
    // a name that could not be looked at may be anything: nothing in its directory counts as absent
    const complete = source !== STATE.failed && sourceError === 0;
    if (hasChildren) {
      const inherited = conflict === CONFLICT.directoryBlocked ? CONFLICT.none : conflict;
      this.#inheritConflict.run(inherited, id);
    }
    if (conflict === CONFLICT.merged) this.#merges?.refuseAll(id);
    if (source === STATE.absent) {
      // what the source had here when it was scanned before is an extra now
      this.#dropFiles.run(id);
      this.#dropPrints.run(id);
    }
    const canRely = this.canRelyOn(id);
    let equal = false, isAtRest = false, left: number = UNSETTLED.pending;
    if (this.#parts.end(id)) {
      // each name of it was decided when it was listed
    } else if (source === STATE.listed && destination === STATE.absent) {
      this.#merges?.align(id, { there: false });
      if (!isNew || this.#merges !== null) this.#allPending.run(id);
    } else if (source !== STATE.failed && destination === STATE.listed) {
      equal = source === STATE.listed && sameContent === 1 && !this.#unrecorded.has(id);
      isAtRest = equal && canRely && isSettled === 1;
      if (!equal) this.#compareAll(id, source === STATE.listed, complete);
      else if (!isAtRest) this.#allSynced.run(id);
    } else left = UNSETTLED.unknown;
    if (!canRely) left = UNSETTLED.unknown;
    else if (equal) left = UNSETTLED.none;
    if (source === STATE.listed) this.#merges?.refuse(id);
    // a directory that one side does not have, or could not list, says the same of those below it
    if (hasChildren) {
      this.#settleChildren.source.run(complete ? STATE.absent : STATE.failed, id);
      this.#settleChildren.destination.run(
        destination === STATE.failed ? STATE.failed : STATE.absent,
        id,
      );
    }
    if (hasChunks === 1) this.#dropChunks.run(id);
    const decided = isAtRest ? this.#decided : this.#decidedAndCounted;
    decided.run(id, left);
    return { isAtRest, hasChildren };
  }

  /** Whether equal fingerprints of a directory are enough to know that it is in sync. */
  canRelyOn(id: number): boolean {
    return this.#merges === null && !this.#unrecorded.has(id);
  }

  #compareAll(id: number, sourceListed: boolean, sourceComplete: boolean): void {
    this.#clearThere.run();
    this.#loadListing(id);
    if (sourceListed) this.#merges?.align(id, { there: true });
    if (sourceListed) this.#comparePairs(id);
    this.#putExtras.run(id, sourceComplete ? 1 : 0);
    this.#blockDirectories.run(id);
    this.#directoriesInTheWay.run(id);
  }

  #loadListing(id: number): void {
    for (let chunk = 0;; chunk++) {
      const row = this.#chunks.get(id, chunk);
      if (row === undefined) return;
      for (const entry of unpackListing(row.data as Uint8Array)) {
        this.#putThere.run(
          toSql(entry.name),
          KINDS.indexOf(entry.kind),
          entry.size,
          entry.mtime,
          entry.target === "" ? null : toSql(entry.target),
        );
      }
    }
  }

  #comparePairs(id: number): void {
    for (let after: string | Uint8Array = "";;) {
      const rows = this.#pairs.all(id, after);
      for (const row of rows) {
        const source: Compared = {
          kind: KINDS[Number(row.kind)]!,
          size: Number(row.size),
          mtime: row.mtime as bigint,
          target: row.target === null ? "" : fromSql(row.target),
        };
        const destination: Compared | undefined = row.t_kind === null ? undefined : {
          kind: KINDS[Number(row.t_kind)]!,
          size: Number(row.t_size),
          mtime: row.t_mtime as bigint,
          target: row.t_target === null ? "" : fromSql(row.t_target),
        };
        // what has its name now may be of the name beside which this one was refused
        const refused = Number(row.status) === STATUS.refused;
        const { action, reason } = compare(source, refused ? undefined : destination, {
          times: this.#times,
        });
        const unrecorded = action === "keep" &&
          NOT_SETTLED.includes(Number(row.status)) && this.#unrecorded.has(id);
        if (unrecorded) continue;
        const status = action === "keep" ? STATUS.synced : STATUS.pending;
        const number = REASONS.indexOf(reason);
        if (Number(row.status) !== status || Number(row.reason) !== number) {
          this.#setStatus.run(status, number, status, id, row.name!);
        }
      }
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.name as string | Uint8Array;
    }
  }
}
