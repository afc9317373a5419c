import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../../src/backlog/migrate.ts";
import { assertGoldenFile } from "../testing/golden.ts";
import { Fixture } from "./fixture.ts";

Deno.test("migrate makes exactly the documented schema", () => {
  using database = new DatabaseSync(":memory:");
  migrate(database);
  const objects = database.prepare(`
    SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name`).all();
  const { user_version } = database.prepare("PRAGMA user_version").get()!;
  assertGoldenFile(
    new URL("./golden/schema.sql", import.meta.url),
    `PRAGMA user_version = ${user_version};\n\n` +
      objects.map(({ sql }) => `${sql};\n`).join("\n"),
  );
});

Deno.test("files has a row for every regular file with the documented columns", async () => {
  using fixture = new Fixture({
    "a/file": { content: "text", mtime: -5n, mode: 0o640 },
    "a/link": { target: "file" },
    "odd\udcff": "x",
    "a/fifo": { kind: "special" },
  });
  await fixture.scan();
  const rows = fixture.query("SELECT * FROM files ORDER BY size DESC");
  assert.deepEqual(
    rows.map(({ created_at, changed_at, ...row }) => {
      assert.equal(typeof created_at, "bigint");
      assert.equal(typeof changed_at, "bigint");
      return row;
    }),
    [
      {
        source_path: "/source/a/file",
        dest_path: "/destination/a/file",
        modified_at: -5,
        permissions: "0640 0:0",
        hash: null,
        hash_algorithm: null,
        size: 4,
        status: "pending",
        error: null,
        attempts: 0,
      },
      {
        source_path: "$'/source/odd\\xff'",
        dest_path: "$'/destination/odd\\xff'",
        modified_at: 1_000_000_000_123_456_789n,
        permissions: "0644 0:0",
        hash: null,
        hash_algorithm: null,
        size: 1,
        status: "pending",
        error: null,
        attempts: 0,
      },
    ],
  );
});
