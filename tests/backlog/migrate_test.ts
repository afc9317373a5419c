import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, migrate, SCHEMA_VERSION } from "../../src/backlog/migrate.ts";
import { Fixture } from "./fixture.ts";

Deno.test("migrate does nothing when the schema is there", () => {
  using database = new DatabaseSync(":memory:");
  migrate(database);
  database.exec("INSERT INTO pair VALUES (1, '/a', '/b', 0)");
  migrate(database);
  assert.equal(database.prepare("SELECT count(*) AS n FROM pair").get()!.n, 1);
});

Deno.test("migrate refuses a schema of the future", () => {
  using database = new DatabaseSync(":memory:");
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  assert.throws(() => migrate(database), RangeError);
});

Deno.test("migrate says what failed when the failure has rolled back by itself", () => {
  using database = new DatabaseSync(":memory:");
  // full before the schema is there
  database.exec("PRAGMA max_page_count = 10");
  assert.throws(() => migrate(database), /full/);
  assert.equal(database.isTransaction, false);
});

Deno.test("a database says what it is and survives a crash", () => {
  using fixture = new Fixture();
  assert.deepEqual(fixture.query("PRAGMA application_id"), [{ application_id: APPLICATION_ID }]);
  assert.deepEqual(fixture.query("PRAGMA journal_mode"), [{ journal_mode: "wal" }]);
});
