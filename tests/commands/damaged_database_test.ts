import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { RecordedFiles } from "../../src/backlog/recorded_files.ts";
import { sluice } from "../testing/command.ts";
import { DiskWorld } from "../testing/world.ts";

/** What each sentence about a damaged database ends with. */
const ADVICE = /; move it away, or name another with --db: a new one begins with a scan, [^\n]*\n$/;

async function synced(): Promise<DiskWorld> {
  const world = new DiskWorld(
    Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`d${i % 3}/f${i}`, `${i}`])),
  );
  assert.equal((await sluice(world.args("-q"))).code, 0);
  return world;
}

function change(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

/** Overwrites the second half of the first page of a table, where its rows are. */
function spoil(path: string, table: string): void {
  const database = new DatabaseSync(path);
  const { page } = database.prepare("SELECT rootpage AS page FROM sqlite_schema WHERE name = ?")
    .get(table) as { page: number };
  const { page_size: size } = database.prepare("PRAGMA page_size").get() as { page_size: number };
  database.close();
  using file = Deno.openSync(path, { write: true });
  file.seekSync((page - 1) * size + size / 2, Deno.SeekMode.Start);
  // small numbers, as those of rows are: what is found is not malformed at once
  file.writeSync(Uint8Array.from({ length: size / 2 }, (_, i) => (i * 167) % 251));
}

/** Each command must end with code 3 and a sentence that says so, whatever it has printed. */
async function assertTold(world: DiskWorld, says: RegExp, commands = ["manifest", "verify"]) {
  for (const command of commands) {
    const words = command === "sync"
      ? world.args("-q")
      : command === "why"
      ? ["why", "d0/f0", "--db", world.db]
      : [command, world.db];
    const log = command === "verify" ? ["--log", world.log, "-q"] : [];
    const { code, stdout, stderr } = await sluice([...words, ...log]);
    assert.match(stderr, says, command);
    assert.match(stderr, ADVICE, command);
    assert.equal(stderr.split("\n").length, 2);
    assert.doesNotMatch(stdout, /as recorded|in sync/);
    assert.equal(code, 3, command);
  }
}

Deno.test("a database with a damaged page ends each command with 3 and what to do", async () => {
  for (const table of ["directory", "file"]) {
    using world = await synced();
    spoil(world.db, table);
    await assertTold(world, /^sluice: the database .*(malformed|is damaged: )/);
  }
  using world = await synced();
  spoil(world.db, "directory");
  await assertTold(world, /^sluice: the database .* malformed/, ["why", "sync"]);
});

Deno.test("manifest and verify say so when a directory is not found to its files", async () => {
  using first = await synced();
  change(first.db, "DELETE FROM directory WHERE path = 'd0'");
  await assertTold(first, /^sluice: the database is damaged: it has nothing for a name/);
  using last = await synced();
  change(last.db, "DELETE FROM directory WHERE id = (SELECT max(id) FROM directory)");
  await assertTold(last, /is damaged: it has files of a directory that it does not have/);
});

Deno.test("manifest and verify say so when a row is none that sluice writes", async () => {
  for (const what of ["kind = 77", "status = -1", "size = 'x'", "mtime = x'00'"]) {
    using world = await synced();
    change(world.db, `UPDATE file SET ${what} WHERE name IN ('f7', 'f8')`);
    await assertTold(world, /is damaged: \d of its rows cannot be read/);
  }
});

Deno.test("why says so when not even the root is on record", async () => {
  using world = await synced();
  change(world.db, "DELETE FROM directory WHERE path = ''");
  await assertTold(world, /is damaged: not even the root is on record in it/, ["why"]);
});

Deno.test("a run is not in sync when what the database counts as pending is not in it", async () => {
  using world = await synced();
  change(world.db, "UPDATE pending_total SET files = 5, bytes = 50");
  await assertTold(world, /is damaged: it counts 5 pending that it does not have/, ["sync"]);
});

Deno.test("manifest prints what there is while others write to the database", async () => {
  using world = await synced();
  using files = RecordedFiles.open(world.db);
  const tally = await files.tally();
  assert.equal(tally.hashed.get("sha256"), 50);
  change(world.db, "UPDATE file SET status = 0 WHERE name = 'f7'");
  assert.equal([...files.hashed("sha256", tally)].flat().length, 49);
  const again = { ...await files.tally(), hashed: new Map([["sha256", 50]]) };
  assert.throws(() => [...files.hashed("sha256", again)], /counts 50 files, and 49 of them can be/);
});

Deno.test("a verification that goes on counts what is still ahead of it", async () => {
  using world = await synced();
  using files = RecordedFiles.open(world.db);
  const all = [...files.hashed("sha256", await files.tally())].flat();
  const [{ directory, name }] = world.query(
    "SELECT directory, name FROM file ORDER BY directory, name LIMIT 1 OFFSET 19",
  ) as [{ directory: number; name: string }];
  assert.equal((await files.tally({ after: { directory, name } })).ahead, all.length - 20);
  assert.equal((await files.tally()).ahead, all.length);
});
