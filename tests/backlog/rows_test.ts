import assert from "node:assert/strict";
import { ArrayRows, LimitedRows } from "../../src/backlog/rows.ts";
import { PreparedDatabase } from "../../src/backlog/prepared_database.ts";

function numbers(): PreparedDatabase {
  const database = new PreparedDatabase(":memory:");
  database.exec("CREATE TABLE number (n INTEGER PRIMARY KEY, name)");
  for (const n of [1, 2, 3, 4, 5]) {
    database.prepare("INSERT INTO number VALUES (?, ?)").run(n, `n${n}`);
  }
  return database;
}

Deno.test("LimitedRows gives as many rows as are asked for, whatever was asked for before", () => {
  using database = numbers();
  const rows = new LimitedRows(database, "SELECT n FROM number WHERE n > ? ORDER BY n");
  assert.deepEqual(rows.all(2, 0), [[1], [2]]);
  assert.deepEqual(rows.all(1, 2), [[3]]);
  assert.deepEqual(rows.all(2, 3), [[4], [5]]);
  assert.deepEqual(rows.all(100, 4), [[5]]);
  assert.deepEqual(rows.all(2, 5), []);
});

Deno.test("ArrayRows gives rows in the order of the columns", () => {
  using database = numbers();
  const rows = new ArrayRows(
    database.prepare("SELECT name, n FROM number WHERE n >= ? ORDER BY n"),
  );
  assert.deepEqual(rows.all(4), [["n4", 4], ["n5", 5]]);
  assert.deepEqual(rows.get(2), ["n2", 2]);
  assert.equal(rows.get(9), undefined);
});
