import assert from "node:assert/strict";
import { ManyRows } from "../../src/backlog/many_rows.ts";
import { PreparedDatabase } from "../../src/backlog/prepared_database.ts";

for (const count of [0, 1, 15, 16, 17, 47]) {
  Deno.test(`ManyRows writes each row once when there are ${count}`, () => {
    using database = new PreparedDatabase(":memory:");
    database.exec("CREATE TABLE pair (number INTEGER, name TEXT)");
    const pairs = new ManyRows(database, 2, (rows) => `INSERT INTO pair VALUES ${rows}`);
    const wanted = Array.from({ length: count }, (_, number) => ({ number, name: `n${number}` }));
    pairs.write(wanted.flatMap(({ number, name }) => [number, name]));
    const found = database.prepare("SELECT number, name FROM pair ORDER BY number").all();
    assert.deepEqual(found.map((row) => ({ ...row })), wanted);
  });
}

Deno.test("ManyRows counts what it has changed, and takes rows with more than parameters", () => {
  using database = new PreparedDatabase(":memory:");
  database.exec("CREATE TABLE pair (number INTEGER PRIMARY KEY, name TEXT)");
  const sql = (rows: string) => `INSERT OR IGNORE INTO pair VALUES ${rows}`;
  const pairs = new ManyRows(database, 1, sql, "(?, 'same')");
  const numbers = Array.from({ length: 37 }, (_, number) => number);
  assert.equal(pairs.write(numbers.slice(0, 5)), 5);
  assert.equal(pairs.write(numbers), 32);
  const { n } = database.prepare("SELECT count(*) AS n FROM pair WHERE name = 'same'").get()!;
  assert.equal(n, 37);
});

Deno.test("ManyRows writes the most rows that it names with one statement", () => {
  using database = new PreparedDatabase(":memory:");
  // what one statement has written is seen only by those after it
  database.exec("CREATE TABLE number (n INTEGER, before INTEGER)");
  const numbers = new ManyRows(
    database,
    1,
    (rows) =>
      `INSERT INTO number SELECT column1, (SELECT count(*) FROM number) FROM (VALUES ${rows})`,
  );
  numbers.write(Array.from({ length: numbers.most + 1 }, (_, n) => n));
  const seen = database.prepare("SELECT count(DISTINCT before) AS statements FROM number").get();
  assert.equal(seen?.statements, 2);
});
