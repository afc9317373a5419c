import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SqliteBacklog } from "../../src/backlog/sqlite.ts";
import { UsageError } from "../../src/errors.ts";
import type { SyncOptions } from "../../src/options.ts";
import { sync } from "../../src/sync.ts";
import { DiskWorld, MemoryWorld } from "../testing/world.ts";

/** Wrong usage: how it comes about and what the one sentence says. */
const TABLE: readonly {
  readonly what: string;
  readonly prepare?: (world: DiskWorld) => void;
  readonly roots?: (world: DiskWorld) => [string, string];
  readonly options?: (world: DiskWorld) => Partial<SyncOptions>;
  readonly says: RegExp;
}[] = [
  {
    what: "the source is missing",
    roots: (w) => [`${w.top}/none`, w.destination],
    says: /the source .*\/none does not exist; is it mounted\?/,
  },
  {
    what: "the destination is missing",
    roots: (w) => [w.source, `${w.top}/none`],
    says: /the destination .*\/none does not exist; mount it, or make it/,
  },
  {
    what: "the roots are equal",
    roots: (w) => [w.source, w.source],
    says: /are the same directory/,
  },
  {
    what: "the roots are equal through a link",
    prepare: (w) => Deno.symlinkSync(w.source, `${w.top}/alias`),
    roots: (w) => [w.source, `${w.top}/alias`],
    says: /are the same directory/,
  },
  {
    what: "the destination is inside the source",
    prepare: (w) => Deno.mkdirSync(`${w.source}/in/side`, { recursive: true }),
    roots: (w) => [w.source, `${w.source}/in/side`],
    says: /the destination is inside the source/,
  },
  {
    what: "the source is inside the destination through a link",
    prepare: (w) => {
      Deno.mkdirSync(`${w.destination}/in`);
      Deno.symlinkSync(`${w.destination}/in`, `${w.top}/alias`);
    },
    roots: (w) => [`${w.top}/alias`, w.destination],
    says: /the source is inside the destination/,
  },
  {
    what: "a root is a file",
    prepare: (w) => Deno.writeTextFileSync(`${w.top}/file`, ""),
    roots: (w) => [`${w.top}/file`, w.destination],
    says: /the source .*\/file is not a directory/,
  },
  {
    what: "the database is inside the source",
    options: (w) => ({ db: `${w.source}/sluice.db` }),
    says: /the database .* is inside the source .* --db/,
  },
  {
    what: "the log is inside the destination through a link",
    prepare: (w) => Deno.symlinkSync(w.destination, `${w.top}/alias`),
    options: (w) => ({ log: `${w.top}/alias/audit.jsonl` }),
    says: /the audit log .* is inside the destination .* --log/,
  },
  {
    what: "the database is a link that leads into the source",
    prepare: (w) => Deno.symlinkSync(`${w.source}/later.db`, `${w.top}/link.db`),
    options: (w) => ({ db: `${w.top}/link.db` }),
    says: /the database .*link\.db is a link that leads nowhere/,
  },
  {
    what: "the database and the log are the same file",
    options: (w) => ({ db: `${w.top}/one`, log: `${w.top}/one` }),
    says: /are the same file/,
  },
  {
    what: "the log would be a file that the database keeps beside it",
    options: (w) => ({ log: `${w.db}-wal` }),
    says: /the audit log .*-wal is a file that the database keeps/,
  },
  {
    what: "the directory of the database is missing",
    options: (w) => ({ db: `${w.top}/none/sluice.db` }),
    says: /the directory of the database .* does not exist/,
  },
  {
    what: "the database is a text file",
    prepare: (w) => Deno.writeTextFileSync(w.db, "not a database, but some text ".repeat(99)),
    says: /cannot use .*sluice\.db as the database: file is not a database/,
  },
  {
    what: "the database is one of another program",
    prepare: (w) => {
      using database = new DatabaseSync(w.db);
      database.exec("CREATE TABLE other (id)");
    },
    says: /it is a database of another program/,
  },
  {
    what: "the database is a directory",
    prepare: (w) => Deno.mkdirSync(w.db),
    says: /the database .*sluice\.db is not a regular file; give --db one/,
  },
  {
    what: "the database was made by a newer version",
    prepare: (w) => {
      SqliteBacklog.open(w.db, w)[Symbol.dispose]();
      using database = new DatabaseSync(w.db);
      database.exec("PRAGMA user_version = 99");
    },
    says: /its schema has version 99.* use the newer sluice/,
  },
  {
    what: "the database belongs to other roots",
    prepare: (w) =>
      SqliteBacklog.open(w.db, { source: "/mnt/a", destination: "/mnt/b" })[Symbol.dispose](),
    says: /belongs to \/mnt\/a -> \/mnt\/b, not to .*source -> .*destination; name another/,
  },
  {
    what: "the log is another file",
    prepare: (w) => Deno.writeTextFileSync(w.log, "dear diary\n"),
    says: /is not an audit log of sluice/,
  },
  {
    what: "the log is a directory",
    prepare: (w) => Deno.mkdirSync(w.log),
    says: /the audit log .* is not a regular file; give --log one/,
  },
];

for (const { what, prepare, roots, options, says } of TABLE) {
  for (const dryRun of [false, true]) {
    const kind = dryRun ? "a dry run" : "a run";
    // a dry run has no log, and makes no database
    if (dryRun && /the log is (a|another) |newer/.test(what)) continue;
    Deno.test(`sync refuses ${kind} in one sentence when ${what}`, async () => {
      using world = new DiskWorld({ file: "1" });
      prepare?.(world);
      const before = snapshot(world.top);
      const [source, destination] = roots?.(world) ?? [world.source, world.destination];
      const error = await sync(source, destination, {
        db: world.db,
        log: world.log,
        dryRun,
        ...options?.(world),
      }).then(() => assert.fail("ran"), (error) => error);
      assert.ok(error instanceof UsageError, String(error.stack));
      assert.match(error.message, says);
      assert.ok(!error.message.includes("\n"));
      assert.deepEqual(snapshot(world.top), before);
    });
  }
}

/** Every path below a directory, with the content of files that a run may not touch. */
function snapshot(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    // SQLite makes these when it only looks, and a lock file is no more than its name
    if (/-(lock|shm|wal)$/.test(path)) return [];
    return entry.isDirectory
      ? [path, ...snapshot(path)]
      : [`${path} ${entry.isFile ? Deno.readTextFileSync(path) : ""}`];
  }).sort();
}

Deno.test("sync refuses a database that another run has open and names its process", async () => {
  using world = new MemoryWorld({ file: "1" });
  await world.run();
  const second = () => world.run();
  const { summary } = await world.run({
    rescan: true,
    faults: {
      source: [{
        call: "list",
        path: "",
        act: async () => {
          const error = await second().then(() => assert.fail("ran"), (error) => error);
          assert.ok(error instanceof UsageError);
          assert.match(error.message, new RegExp(`is in use by process ${Deno.pid} on `));
        },
      }],
    },
  });
  assert.equal(summary.exitCode, 0);
  assert.equal(world.records().filter(({ type }) => type === "start").length, 2);
  assert.equal((await world.run()).summary.exitCode, 0);
});

Deno.test("sync stops with its reason when the database cannot be used any more", async () => {
  using world = new MemoryWorld({ a: "1", b: "2" });
  using vandal = new DatabaseSync(":memory:");
  const { summary, events } = await world.run({
    faults: {
      source: [{
        call: "open",
        times: 1,
        act: () => {
          vandal.prepare("ATTACH ? AS victim").run(world.db);
          vandal.exec("DROP TABLE victim.outbox");
        },
      }],
    },
  });
  assert.equal(summary.exitCode, 3);
  assert.match(
    summary.reason!,
    /^the database \S+\.db cannot be used any more: no such table: .*outbox/,
  );
  assert.equal(events.at(-1)!.type, "end");
});

Deno.test("sync tells what is pending when it stops before it begins", async () => {
  using world = new DiskWorld({ a: "1", b: "2" });
  const first = (await world.run({ maxTransfer: 1 })).summary;
  assert.deepEqual([first.outcome, first.pending.files], ["more pending", 1]);
  Deno.renameSync(world.destination, `${world.top}/elsewhere`);
  Deno.mkdirSync(world.destination);
  const { summary } = await world.run();
  assert.match(summary.reason!, /not the directory that was scanned before/);
  assert.deepEqual(summary.pending, { files: 1, bytes: 1 });
});
