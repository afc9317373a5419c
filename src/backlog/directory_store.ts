/** Directories as such, in pages by their depth: which are to be made, and which are to be timed. */
import type { DatabaseSync } from "node:sqlite";
import { recordedTime, type TimeRule } from "../times.ts";
import { LimitedRows } from "./rows.ts";
import { STATE } from "./codes.ts";
import { inSteps } from "./steps.ts";
import { fromSql, toSql } from "./values.ts";

/** A directory of the source. */
export interface DirectoryAtDepth {
  readonly id: number;
  readonly path: string;
  /** 0 for the root. */
  readonly depth: number;
}

/** Where a page goes on. */
export type DepthCursor = Pick<DirectoryAtDepth, "depth" | "id">;

/** Reads pages of directories and records their times; methods that write need a transaction. */
export class DirectoryStore {
  readonly #database: DatabaseSync;
  /** A level, and then those beyond it, by what is asked of them. */
  readonly #steps = new Map<string, readonly [LimitedRows, LimitedRows]>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Those that the source has and the destination has not, after `after`, parents first. */
  missing(after: DepthCursor, limit: number): DirectoryAtDepth[] {
    return this.#page(`destination_state = ${STATE.absent}`, "parents first", after, limit);
  }

  /**
   * Those whose times must be set, deepest first: whose content was touched, and whose times are not
   * equal by the rule.
   */
  untimed(
    before: DepthCursor,
    limit: number,
    { times }: { readonly times: TimeRule },
  ): DirectoryAtDepth[] {
    const where = `destination_state = ${STATE.listed} AND (touched = 1 OR ${timesDiffer(times)})`;
    return this.#page(where, "deepest first", before, limit);
  }

  #page(
    where: string,
    order: "parents first" | "deepest first",
    { depth, id }: DepthCursor,
    limit: number,
  ): DirectoryAtDepth[] {
    const [level, beyond] = this.#stepsOf(where, order);
    return inSteps(limit, [
      () => level.all(limit, depth, id),
      () => beyond.all(limit, depth),
    ]).map((row) => {
      const [id, path, depth] = row as [number, string | Uint8Array, number];
      return { id, path: fromSql(path), depth };
    });
  }

  #stepsOf(where: string, order: string): readonly [LimitedRows, LimitedRows] {
    let steps = this.#steps.get(where);
    if (steps === undefined) {
      const [beyond, way] = order === "parents first" ? [">", "ASC"] : ["<", "DESC"];
      const step = (from: string) =>
        new LimitedRows(
          this.#database,
          `SELECT id, path, depth FROM directory
          WHERE source_state = ${STATE.listed} AND ${where} AND ${from}
          ORDER BY depth ${way}, id ${way}`,
        );
      steps = [step(`depth = ? AND id ${beyond} ?`), step(`depth ${beyond} ?`)];
      this.#steps.set(where, steps);
    }
    return steps;
  }

  /** The times of a directory are those of the source now. */
  timed(id: number, mtime: bigint): void {
    this.#database.prepare(
      "UPDATE directory SET touched = 0, source_mtime = ?2, destination_mtime = ?2 WHERE id = ?1",
    ).run(id, recordedTime(mtime));
  }

  /** Something was changed inside a directory at the destination: its times must be set again. */
  touch(path: string): void {
    this.#database.prepare("UPDATE directory SET touched = 1 WHERE path = ?").run(toSql(path));
  }
}

/** The SQL of `isSameTime` turned round, for the times of a directory. */
function timesDiffer({ window, earliest, latest, shifts }: TimeRule): string {
  let wanted = "source_mtime";
  if (latest !== null) wanted = `min(${wanted}, ${latest})`;
  if (earliest !== null) wanted = `max(${wanted}, ${earliest})`;
  return "(" + shifts.map((shift) => `abs(${wanted} + ${shift} - destination_mtime) >= ${window}`)
    .join(" AND ") +
    ")";
}
