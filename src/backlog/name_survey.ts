/** A survey of names in a database of its own, so that memory does not grow with the tree. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { encodeName } from "../name.ts";
import { isExact, nameKeys, type NameRules } from "../name_rules.ts";
import { fromSql, toSql } from "./values.ts";

/** A name that a place would take for another one of its directory. */
export interface Merged {
  readonly name: string;
  readonly other: string;
}

/** Directories that are still to be read, and the names of the one that is being read. */
export class NameSurvey implements Disposable {
  readonly #database: DatabaseSync;
  readonly #key: ((name: string) => string) | null;
  readonly #queue: StatementSync;
  readonly #put: StatementSync;

  /** @param rules null when they are not known */
  constructor(rules: NameRules | null) {
    // an empty name: SQLite keeps it in memory and spills what is too large to a nameless file
    this.#database = new DatabaseSync("");
    this.#database.exec(`
      CREATE TABLE queue (id INTEGER PRIMARY KEY, path NOT NULL);
      CREATE TABLE seen (key BLOB, name);
      CREATE INDEX seen_key ON seen(key)`);
    this.#queue = this.#database.prepare("INSERT INTO queue (path) VALUES (?)");
    this.#put = this.#database.prepare("INSERT INTO seen VALUES (?, ?)");
    const keys = rules === null || isExact(rules) ? null : nameKeys(rules);
    this.#key = keys === null ? null : (name) => keys(name).maybe;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Runs `body` as one transaction: thousands of names are put at the cost of one. */
  batch(body: () => void): void {
    this.#database.exec("BEGIN");
    try {
      body();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  queue(path: string): void {
    this.#queue.run(toSql(path));
  }

  /** The next directory; undefined when all have been given out. */
  next(): string | undefined {
    const row = this.#database.prepare(
      "DELETE FROM queue WHERE id = (SELECT min(id) FROM queue) RETURNING path",
    ).get();
    if (row === undefined) return undefined;
    return fromSql(row.path);
  }

  /** A name of the directory that is being read. */
  put(name: string): void {
    if (this.#key === null) return;
    this.#put.run(encodeName(this.#key(name)), toSql(name));
  }

  /** The names that would be taken for another one, of those put since the last call. */
  *merged(): Generator<Merged> {
    if (this.#key === null) return;
    const groups = this.#database.prepare(
      "SELECT key FROM seen WHERE key > ? GROUP BY key HAVING count(*) > 1 ORDER BY key LIMIT 1000",
    );
    const group = this.#database.prepare("SELECT name FROM seen WHERE key = ?");
    for (let after = new Uint8Array(0);;) {
      const page = groups.all(after);
      for (const { key } of page) {
        after = key as Uint8Array<ArrayBuffer>;
        const names = group.all(after).map((row) => fromSql(row.name)).sort(byBytes);
        for (const name of names.slice(1)) yield { name, other: names[0]! };
      }
      if (page.length < 1000) break;
    }
    this.#database.exec("DELETE FROM seen");
  }
}

function byBytes(a: string, b: string): number {
  const x = encodeName(a), y = encodeName(b);
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return x[i]! - y[i]!;
  }
  return x.length - y.length;
}
