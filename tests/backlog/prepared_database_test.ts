import assert from "node:assert/strict";
import { PreparedDatabase } from "../../src/backlog/prepared_database.ts";

Deno.test("PreparedDatabase.prepare gives the same statement again when the text is the same", () => {
  const database = new PreparedDatabase("");
  database.exec("CREATE TABLE numbers (number)");
  const put = "INSERT INTO numbers VALUES (?)";
  database.prepare(put).run(1);
  database.prepare(put).run(2);
  assert.equal(database.prepare(put), database.prepare(put));
  assert.notEqual(database.prepare(put), database.prepare("SELECT number FROM numbers"));
  const rows = database.prepare("SELECT number FROM numbers ORDER BY number").all();
  assert.deepEqual(rows.map(({ number }) => number), [1, 2]);
  database.close();
});

Deno.test("PreparedDatabase.prepare gives a statement that works when the schema has changed since", () => {
  const database = new PreparedDatabase("");
  database.exec("CREATE TABLE numbers (number); INSERT INTO numbers VALUES (1)");
  const all = "SELECT * FROM numbers";
  assert.deepEqual({ ...database.prepare(all).get() }, { number: 1 });
  database.exec("ALTER TABLE numbers ADD COLUMN other DEFAULT 2");
  assert.deepEqual({ ...database.prepare(all).get() }, { number: 1, other: 2 });
  database.close();
});
