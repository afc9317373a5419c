/**
 * Merging: what becomes of names that the destination takes for one. Only scans of a destination
 * that does so come here; a directory at a time, inside the transaction that decides it.
 *
 * - Two names of the source: one goes there, the others are refused. The one that is there already
 *   under exactly its name goes on being the one, else it is the first by bytes.
 * - One name of the source, spelled otherwise at the destination: they are the same object, so it
 *   is compared with the source's and is never an extra.
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { KINDS } from "../listing.ts";
import { encodeName, showPath } from "../name.ts";
import { type NameKeys, nameKeys, type NameRules } from "../name_rules.ts";
import { REASONS } from "../operation.ts";
import { CONFLICT, STATE, STATUS } from "./codes.ts";
import { fromSql, toSql } from "./values.ts";

const DIRECTORY = KINDS.indexOf("directory");
const MERGED = REASONS.indexOf("the destination takes it for another name");
const PAGE = 1000;
const SOURCE = 0, DESTINATION = 1;
/** Why nothing below such a name at the destination is taken for an extra. */
const SPELLED_OTHERWISE = "the destination takes this name for one that the source has";

/** One name of a group that shares a key. */
interface Spelling {
  readonly sure: string;
  readonly name: string;
  readonly side: number;
  readonly kind: number;
}

/** Names that the destination spells otherwise than the source: how many, and one of them. */
export interface Respelled {
  count: number;
  example: { readonly source: string; readonly destination: string } | null;
}

/** Aligns the names of the two sides, for the scan with number `scan`. */
export class MergeStore {
  /** Names that were found spelled otherwise, beyond their Unicode form. */
  readonly respelled: Respelled = { count: 0, example: null };
  readonly #keys: (name: string) => NameKeys;
  readonly #clear: StatementSync;
  readonly #put: StatementSync;
  readonly #names: readonly StatementSync[];
  readonly #there: StatementSync;
  readonly #groups: StatementSync;
  readonly #group: StatementSync;
  readonly #respell: StatementSync;
  readonly #hide: StatementSync;
  readonly #listAs: StatementSync;
  readonly #passOver: StatementSync;
  readonly #inTheWay: StatementSync;
  readonly #refuse: StatementSync;
  readonly #refused: StatementSync;
  readonly #refuseFile: StatementSync;
  readonly #refuseDirectory: StatementSync;
  readonly #refuseAll: StatementSync;

  constructor(database: DatabaseSync, scan: number, rules: NameRules) {
    this.#keys = nameKeys(rules);
    database.exec(`
      CREATE TEMP TABLE IF NOT EXISTS spelling (
        maybe TEXT, sure TEXT, name, side INTEGER, kind INTEGER);
      CREATE INDEX IF NOT EXISTS temp.spelling_key ON spelling(maybe)`);
    this.#clear = database.prepare("DELETE FROM temp.spelling");
    this.#put = database.prepare("INSERT INTO temp.spelling VALUES (?, ?, ?, ?, ?)");
    this.#names = [
      database.prepare(`
        SELECT name, kind FROM file
        WHERE directory = ? AND name > ? AND status <> ${STATUS.skipped}
        ORDER BY name LIMIT ${PAGE}`),
      database.prepare(`
        SELECT name, ${DIRECTORY} AS kind FROM directory
        WHERE parent = ? AND name > ? AND source_scan = ${scan}
          AND source_state <> ${STATE.absent}
        ORDER BY name LIMIT ${PAGE}`),
    ];
    this.#there = database.prepare(
      `SELECT name, kind FROM temp.there WHERE name > ? ORDER BY name LIMIT ${PAGE}`,
    );
    this.#groups = database.prepare(`
      SELECT maybe FROM temp.spelling WHERE maybe > ? GROUP BY maybe
      HAVING count(DISTINCT name) > 1 AND sum(side = ${SOURCE}) > 0 ORDER BY maybe LIMIT ${PAGE}`);
    this.#group = database.prepare(
      "SELECT sure, name, side, kind FROM temp.spelling WHERE maybe = ?",
    );
    this.#respell = database.prepare("UPDATE temp.there SET name = ? WHERE name = ?");
    this.#hide = database.prepare("DELETE FROM temp.there WHERE name = ?");
    this.#listAs = database.prepare(`
      UPDATE directory SET destination_scan = ${scan}, destination_state = ${STATE.queued},
        destination_error = NULL, destination_mtime = (
          SELECT other.destination_mtime FROM directory other
          WHERE other.parent = ?1 AND other.name = ?3)
      WHERE parent = ?1 AND name = ?2 AND destination_scan <> ${scan}`);
    this.#passOver = database.prepare(`
      UPDATE directory SET source_scan = ${scan}, source_state = ${STATE.failed}, source_error = ?
      WHERE parent = ? AND name = ? AND source_scan <> ${scan}`);
    this.#inTheWay = database.prepare(`
      UPDATE directory SET conflict = ${CONFLICT.directoryInTheWay} WHERE parent = ? AND name = ?`);
    this.#refuse = database.prepare("INSERT OR REPLACE INTO collision VALUES (?, ?, ?, ?)");
    this.#refused = database.prepare("SELECT name, kind, other FROM collision WHERE directory = ?");
    this.#refuseFile = database.prepare(`
      UPDATE file SET status = ${STATUS.refused}, reason = ${MERGED}, error = ?
      WHERE directory = ? AND name = ?`);
    this.#refuseDirectory = database.prepare(`
      UPDATE directory SET destination_scan = ${scan}, destination_state = ${STATE.failed},
        destination_error = ?, conflict = ${CONFLICT.merged} WHERE parent = ? AND name = ?`);
    this.#refuseAll = database.prepare(`
      UPDATE file SET status = ${STATUS.refused}, reason = ${MERGED}, error = ?
      WHERE directory = ? AND status <> ${STATUS.skipped}`);
  }

  /**
   * Finds out which names of a directory are to be refused, and gives what `temp.there` has of the
   * destination the spelling of the source. `there` is false where that table is of another one.
   */
  align(id: number, { there }: { there: boolean }): void {
    this.#clear.run();
    for (const names of this.#names) this.#gather(SOURCE, (after) => names.all(id, after));
    if (there) this.#gather(DESTINATION, (after) => this.#there.all(after));
    for (let after = "";;) {
      const groups = this.#groups.all(after);
      for (const { maybe } of groups) {
        const rows = this.#group.all(maybe!);
        this.#alignGroup(
          id,
          rows.map((row) => ({
            sure: String(row.sure),
            name: fromSql(row.name),
            side: Number(row.side),
            kind: Number(row.kind),
          })),
        );
      }
      if (groups.length < PAGE) return;
      after = String(groups.at(-1)!.maybe);
    }
  }

  /** Refuses what {@link align} found: after the comparison, before what is below is decided. */
  refuse(id: number): void {
    for (const { name, kind, other } of this.#refused.all(id)) {
      const why = takenFor(fromSql(other));
      if (Number(kind) === DIRECTORY) this.#refuseDirectory.run(why, id, name!);
      else this.#refuseFile.run(why, id, name!);
    }
  }

  /** Refuses all files of a directory that is, or is below, one that was refused. */
  refuseAll(id: number): void {
    this.#refuseAll.run("the destination takes the name of a directory above for another one", id);
  }

  #gather(
    side: number,
    page: (after: string | Uint8Array) => Record<string, SQLOutputValue>[],
  ): void {
    for (let after: string | Uint8Array = "";;) {
      const rows = page(after);
      for (const { name, kind } of rows) {
        const { sure, maybe } = this.#keys(fromSql(name));
        this.#put.run(escape(maybe), escape(sure), name!, side, kind!);
      }
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.name as string | Uint8Array;
    }
  }

  #alignGroup(id: number, group: readonly Spelling[]): void {
    const there = group.filter(({ side }) => side === DESTINATION);
    // the destination has two of them, so in this directory it does tell them apart
    if (new Set(there.map(({ sure }) => sure)).size < there.length) return;
    const exactly = new Set(there.map(({ name }) => name));
    const names = group.filter(({ side }) => side === SOURCE).sort(byBytes);
    const first = names.find(({ name }) => exactly.has(name)) ?? names[0]!;
    const kept = names.filter((one) => one === first || exactly.has(one.name));
    for (const one of names) {
      if (kept.includes(one)) continue;
      this.#refuse.run(id, toSql(one.name), one.kind, toSql(first.name));
    }
    const free = kept.filter(({ name }) => !exactly.has(name));
    const has = new Set(names.map(({ name }) => name));
    for (const other of there) {
      if (has.has(other.name)) continue;
      const same = free.find(({ sure }) => sure === other.sure);
      if (same === undefined) this.#leave(id, other);
      else this.#meet(id, same, other);
    }
  }

  /** What `other` is called at the destination is `name` at the source. */
  #meet(id: number, { name, kind }: Spelling, other: Spelling): void {
    this.#respell.run(toSql(name), toSql(other.name));
    if (name.normalize() !== other.name.normalize()) {
      this.respelled.count += 1;
      this.respelled.example ??= { source: name, destination: other.name };
    }
    if (other.kind !== DIRECTORY) return;
    if (kind === DIRECTORY) {
      // listed by the source's name, which leads to it
      this.#listAs.run(id, toSql(name), toSql(other.name));
      this.#passOver.run(SPELLED_OTHERWISE, id, toSql(other.name));
    } else this.#inTheWay.run(id, toSql(other.name));
  }

  /** It may be what the source has: it is not compared with it, and not an extra either. */
  #leave(id: number, { name, kind }: Spelling): void {
    this.#hide.run(toSql(name));
    if (kind === DIRECTORY) this.#passOver.run(SPELLED_OTHERWISE, id, toSql(name));
  }
}

/** Why a name is refused, as a person is told. */
export function takenFor(other: string): string {
  return `the destination does not tell this name from ${showPath(other)}, which it has or gets; ` +
    "rename one of them at the source";
}

function byBytes({ name: a }: Spelling, { name: b }: Spelling): number {
  const x = encodeName(a), y = encodeName(b);
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return x[i]! - y[i]!;
  }
  return x.length - y.length;
}

/** A key without lone surrogates, which SQLite cannot keep apart; no name has a slash. */
function escape(key: string): string {
  if (key.isWellFormed()) return key;
  return key.replace(/[\ud800-\udfff]/gu, (half) => `/${half.charCodeAt(0).toString(16)}`);
}
