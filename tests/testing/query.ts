/** Queries of a run's database, as an administrator makes them beside it. */
import { DatabaseSync } from "node:sqlite";

/** Rows of a query; integers that a number holds exactly are numbers, which is easier to write. */
export function queryDatabase(path: string, sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement.all().map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [
          key,
          typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value,
        ]),
      )
    );
  } finally {
    database.close();
  }
}
