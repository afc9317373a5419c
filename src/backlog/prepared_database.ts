/** A database that prepares each statement once. */
import { DatabaseSync, type StatementSync } from "node:sqlite";

/**
 * A connection whose {@link prepare} gives the same statement for the same text. SQLite's memory for
 * a statement is free only when the garbage collector has come by, which takes it for a small object:
 * one for each of 100,000 directories were 200 MiB.
 *
 * A statement must therefore be through with its rows (`all`, `get`, `run`) before it is used again,
 * and a text that is prepared in two places has the same settings in both.
 */
export class PreparedDatabase extends DatabaseSync {
  readonly #prepared = new Map<string, StatementSync>();

  override prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = super.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}
