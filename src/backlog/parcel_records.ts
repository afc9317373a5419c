/** What is on record of files that travelled in a parcel: they are as the scan found them. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { PackedFiles } from "../packed.ts";
import { STATUS } from "./codes.ts";
import { FilesInRow } from "./files_in_row.ts";

/** Fewer files are settled one by one. */
const FEW = 4;

/** Settles the files of parcels; needs a transaction. */
export class ParcelRecords {
  readonly #database: DatabaseSync;
  readonly #one: StatementSync;
  readonly #inRow: StatementSync;
  /** What the statement that settles many files in a row is at. */
  #row = new FilesInRow([], "");

  constructor(database: DatabaseSync) {
    this.#database = database;
    const synced = (hash: string, which: string) =>
      database.prepare(`
        UPDATE file SET status = ${STATUS.synced}, hash = unhex(${hash}), hash_algorithm = ?1,
          error = NULL, attempts = attempts + 1, reason = 0
        WHERE directory = ?2 AND ${which}`);
    this.#one = synced("?4", "name = ?3");
    database.function("hash_in_row", { directOnly: true }, (name) => this.#row.hashOf(name));
    this.#inRow = synced(
      "hash_in_row(name)",
      `name BETWEEN ?3 AND ?4 AND status = ${STATUS.pending}`,
    );
  }

  /** All files of a parcel are synced. */
  settle({ directory, files, names, hashes }: PackedFiles, algorithm: string): void {
    const row = new FilesInRow(names.split("\0", files), hashes);
    if (files >= FEW && this.#settleRow(row, directory, algorithm)) return;
    for (const name of row.names) this.#one.run(algorithm, directory, name, row.hashOf(name));
  }

  /**
   * The same in one statement, which takes half the time, where no other file of the directory that
   * is pending lies between the names. False when one does, or one of the files has gone from the
   * record: then nothing was changed.
   */
  #settleRow(row: FilesInRow, directory: number, algorithm: string): boolean {
    const { names } = row;
    this.#row = row;
    this.#database.exec("SAVEPOINT files_in_row");
    const { changes } = this.#inRow.run(algorithm, directory, names[0]!, names.at(-1)!);
    const settled = Number(changes) === names.length && row.inOrder;
    if (!settled) this.#database.exec("ROLLBACK TO files_in_row");
    this.#database.exec("RELEASE files_in_row");
    row.rewind();
    return settled;
  }
}
