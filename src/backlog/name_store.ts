/** Names in the database: what the destination does with them, and which of them were refused. */
import type { DatabaseSync } from "node:sqlite";
import { join, type Kind } from "../entry.ts";
import { KINDS } from "../listing.ts";
import { ALL_APART, type NameRules } from "../name_rules.ts";
import { fromSql, toSql } from "./values.ts";

/** A name of the source that cannot go to the destination beside another one. */
export interface Collision {
  /** The number of its directory. */
  readonly directory: number;
  readonly name: string;
  /** Relative to the roots. */
  readonly path: string;
  readonly kind: Kind;
  /** The name in the same directory for which the destination takes it. */
  readonly other: string;
}

/** Reads and keeps them; methods that write need a transaction. */
export class NameStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** The rules that were found at the root with this inode number; undefined when none were. */
  rules(root: bigint): NameRules | undefined {
    const row = this.#database.prepare("SELECT root, rules FROM name_rules").get();
    if (row === undefined || row.root !== String(root)) return undefined;
    return { ...ALL_APART, ...JSON.parse(String(row.rules)) };
  }

  /** Keeps the rules that were found at a root. */
  keep(root: bigint, rules: NameRules): void {
    const held = Object.fromEntries(Object.entries(rules).filter(([, on]) => on));
    this.#database.prepare(`
      INSERT INTO name_rules (id, root, rules, probed_at) VALUES (1, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET root = excluded.root, rules = excluded.rules,
        probed_at = excluded.probed_at`)
      .run(String(root), JSON.stringify(held), Date.now());
  }

  /** The temporary of an earlier probe that is still in the root; null when there is none. */
  get remains(): string | null {
    const row = this.#database.prepare("SELECT remains FROM name_rules").get();
    return row?.remains === undefined || row.remains === null ? null : String(row.remains);
  }

  set remains(name: string | null) {
    // before anything was probed there is no root of which rules would be known
    this.#database.prepare(`
      INSERT INTO name_rules (id, root, rules, probed_at, remains) VALUES (1, '', '{}', 0, ?)
      ON CONFLICT (id) DO UPDATE SET remains = excluded.remains`).run(name);
  }

  /** Names that the last scan refused, by directory and name. */
  collisions(
    after: { readonly directory: number; readonly name: string },
    limit: number,
  ): Collision[] {
    return this.#database.prepare(`
      SELECT c.directory AS directory, d.path AS parent, c.name AS name, c.kind AS kind,
        c.other AS other
      FROM collision c JOIN directory d ON d.id = c.directory
      WHERE (c.directory, c.name) > (?, ?) ORDER BY c.directory, c.name LIMIT ${limit}`)
      .all(after.directory, toSql(after.name)).map((row) => {
        const name = fromSql(row.name);
        return {
          directory: Number(row.directory),
          name,
          path: join(fromSql(row.parent), name),
          kind: KINDS[Number(row.kind)]!,
          other: fromSql(row.other),
        };
      });
  }
}
