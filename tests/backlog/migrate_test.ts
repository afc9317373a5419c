import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, migrate, SCHEMA_VERSION } from "../../src/backlog/migrate.ts";
import { MIGRATIONS } from "../../src/backlog/schema.ts";
import { Fixture } from "./fixture.ts";

Deno.test("migrate does nothing when the schema is there", () => {
  using database = new DatabaseSync(":memory:");
  migrate(database);
  database.exec("INSERT INTO pair VALUES (1, '/a', '/b', 0)");
  migrate(database);
  assert.equal(database.prepare("SELECT count(*) AS n FROM pair").get()!.n, 1);
});

Deno.test("migrate keeps of the number of an SMB share what outlives a mount", () => {
  using database = new DatabaseSync(":memory:");
  const before = MIGRATIONS.findIndex((text) => text.includes("link_times"));
  for (const migration of MIGRATIONS.slice(0, before)) database.exec(migration);
  database.exec(`PRAGMA user_version = ${before}`);
  const put = database.prepare("INSERT INTO scan_root VALUES (?, ?, ?, ?, ?)");
  put.run(1, "source", "smb3", "ea1c0a6010335d01", null);
  put.run(1, "destination", "ext4", "ea1c0a6010335d01", null);
  put.run(2, "source", "cifs", "ea1c0a6000335d01", null);
  put.run(2, "destination", "cifs", "335d01", null);
  migrate(database);
  const rows = database.prepare("SELECT fsid FROM scan_root ORDER BY scan, side DESC").all();
  const numbers = ["10335d01", "ea1c0a6010335d01", "335d01", "335d01"];
  assert.deepEqual(rows.map(({ fsid }) => fsid), numbers);
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
