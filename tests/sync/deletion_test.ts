import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { DiskWorld, essence, fill, MemoryWorld, readTree, type Tree } from "../testing/world.ts";

function many(count: number, name: (i: number) => string): Tree {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [name(i), "x"]));
}

/** The first failure, when it is the run's own. */
function said({ failures }: { failures: readonly { path: string; message: string }[] }): string {
  return failures.find(({ path }) => path === "")?.message ?? "";
}

for (const dryRun of [false, true]) {
  const kind = dryRun ? "a dry run" : "a run";
  Deno.test(`sync stops ${kind} that would mirror an empty source, and touches nothing`, async () => {
    using world = new MemoryWorld({}, { file: "precious", dir: null });
    const before = world.to.tree();
    const { summary } = await world.run({ deleteExtras: true, dryRun });
    assert.equal(summary.exitCode, 3);
    assert.match(summary.reason!, /^the source .* is empty, and a mirror of it would delete every/);
    assert.deepEqual(world.to.tree(), before);
  });
}

Deno.test("sync keeps all that it knows of a source that is empty in the next run", async () => {
  using world = new DiskWorld({ "a/b": "1", c: "2" });
  assert.equal((await world.run({ deleteExtras: true })).summary.exitCode, 0);
  const known = world.query("SELECT * FROM files");
  const tree = readTree(world.destination);
  for (const name of ["a", "c"]) Deno.removeSync(`${world.source}/${name}`, { recursive: true });
  for (const rescan of [false, true]) {
    const { summary } = await world.run({ deleteExtras: true, rescan });
    assert.equal(summary.exitCode, 3);
    assert.deepEqual(world.query("SELECT * FROM files"), known);
    assert.deepEqual(readTree(world.destination), tree);
  }
});

Deno.test("sync mirrors an empty source to an empty destination", async () => {
  using world = new MemoryWorld();
  assert.equal((await world.run({ deleteExtras: true })).summary.exitCode, 0);
});

Deno.test("sync deletes nothing when the source became empty after the scan", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", extra: "x" });
  const { summary } = await world.run({
    deleteExtras: true,
    // the first listing is the look before the scan, the second the scan
    faults: {
      source: [{ call: "list", path: "", after: 2, act: () => world.from.remove("file") }],
    },
  });
  assert.equal(summary.exitCode, 3);
  assert.match(summary.reason!, /is empty/);
  assert.equal(essence(world.to).extra?.content, "x");
});

Deno.test("sync deletes no file when the source has only directories", async () => {
  using world = new MemoryWorld({ "mnt/a": null, "mnt/b": null }, { "mnt/a/x": "1", "mnt/y": "2" });
  for (const dryRun of [true, false]) {
    const { summary, planned } = await world.run({ deleteExtras: true, dryRun });
    assert.equal(summary.exitCode, 1);
    assert.match(said(summary), /the source has no files at all, only directories, so 2 extras/);
    assert.deepEqual(planned.filter((line) => line.startsWith("delete")), []);
  }
  assert.equal(essence(world.to)["mnt/a/x"]?.content, "1");
});

Deno.test("sync does the rest and says both numbers when too many files would be deleted", async () => {
  const kept = many(60, (i) => `kept${i}`);
  using world = new MemoryWorld({ ...kept, new: "1" }, {
    ...kept,
    ...many(40, (i) => `d/old${i}`),
  });
  for (const dryRun of [true, false]) {
    const { summary, planned } = await world.run({ deleteExtras: true, dryRun });
    assert.equal(summary.exitCode, 1);
    assert.match(said(summary), /does not have 40 of the 100 files .* more than the 25 that/);
    assert.deepEqual(
      planned.filter((line) => !line.startsWith("times")),
      dryRun ? ["copy new"] : [],
    );
  }
  assert.equal(essence(world.to).new?.content, "1");
  assert.equal(Object.keys(essence(world.to)).length, 102);
  assert.equal(world.records().filter(({ action }) => action === "refuse").length, 1);
  // a limit of the user's own
  for (const maxDelete of [{ files: 39 }, { percent: 39 }]) {
    assert.equal((await world.run({ deleteExtras: true, maxDelete })).summary.exitCode, 1);
  }
  const { summary } = await world.run({ deleteExtras: true, maxDelete: { files: 40 } });
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.deleted, 41);
});

Deno.test("sync leaves what stands in the way when too many files would be deleted", async () => {
  using world = new MemoryWorld({ a: "file", b: "1" }, many(30, (i) => `a/old${i}`));
  const { summary } = await world.run({ deleteExtras: true });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "copy success b",
    "overwrite failure a",
    "refuse failure ",
  ]);
  assert.equal(Object.keys(essence(world.to)).length, 32);
});

Deno.test("sync deletes despite errors only in directories that were listed completely", async () => {
  using world = new MemoryWorld({ "a/file": "1", "b/file": "2", "b/in/file": "3", "c/f": "4" }, {
    "a/extra": "x",
    "a/gone/deep": "x",
    "b/file": "2",
    "b/extra": "x",
    "b/in/extra": "x",
    "b/other/extra": "x",
    "c/f": "4",
    "c/extra": "x",
    "extra": "x",
  });
  const { summary } = await world.run({
    deleteExtras: true,
    deleteDespiteErrors: true,
    faults: {
      source: [
        { call: "list", path: "b", errno: "EACCES" },
        { call: "list", path: "c", problem: "f" },
      ],
    },
  });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.operations().filter((line) => line.startsWith("delete")), [
    "delete success a/extra",
    "delete success a/gone",
    "delete success a/gone/deep",
    "delete success extra",
  ]);
  for (const path of ["b/extra", "b/in/extra", "b/other/extra", "c/extra"]) {
    assert.equal(essence(world.to)[path]?.content, "x", path);
  }
});

Deno.test("sync checks the root before each deletion, after the look at the source", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", ...many(4, (i) => `extra${i}`) });
  let gone = false;
  const { summary } = await world.run({
    deleteExtras: true,
    faults: {
      source: [
        // whatever answers there is not the source any more, and has no such file
        { call: "look", path: "extra0", act: () => void (gone = true) },
        {
          call: "identify",
          act: () => gone ? Promise.reject(new Deno.errors.NotFound()) : undefined,
        },
      ].map((rule) => rule as { call: "look" | "identify" }),
    },
  }).catch((error) => {
    assert.ok(error instanceof Deno.errors.NotFound);
    return { summary: null };
  });
  assert.equal(summary, null);
  for (let i = 0; i < 4; i++) assert.equal(essence(world.to)[`extra${i}`]?.content, "x");
});

Deno.test("sync waits for another scan to confirm that a source directory is empty", async () => {
  const share = many(12, (i) => `share/f${i}`);
  using world = new MemoryWorld({ ...many(99, (i) => `other${i}`), ...share, "few/a": "1" });
  assert.equal((await world.run({ deleteExtras: true })).summary.exitCode, 0);
  for (const path of [...Object.keys(share), "few/a"]) world.from.remove(path);
  const dry = await world.run({ deleteExtras: true, dryRun: true });
  assert.equal(dry.summary.exitCode, 1);
  assert.match(said(dry.summary), /^12 extras are not deleted: the source directory share had/);
  assert.deepEqual(dry.planned.filter((line) => !line.startsWith("times")), ["delete few/a"]);
  const first = (await world.run({ deleteExtras: true })).summary;
  assert.equal(first.exitCode, 1);
  assert.equal(first.deleted, 1, "few/a is not doubted");
  assert.match(said(first), /^12 extras are not deleted: the source directory share had entries/);
  assert.equal(Object.keys(essence(world.to)).length, 113);
  assert.equal((await world.run({ deleteExtras: true, dryRun: true })).planned.length, 12);
  const second = (await world.run({ deleteExtras: true })).summary;
  assert.equal(second.exitCode, 0);
  assert.equal(second.deleted, 12);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync doubts a directory anew when it had entries in between", async () => {
  using world = new MemoryWorld({ "share/in/f": "1", stays: "2" });
  const run = async () => (await world.run({ deleteExtras: true })).summary.exitCode;
  assert.equal(await run(), 0);
  world.from.remove("share/in");
  assert.equal(await run(), 1);
  fill(world.from, { "share/in/f": "1" });
  assert.equal(await run(), 0);
  assert.deepEqual(world.query("SELECT * FROM emptied"), []);
  world.from.remove("share/in");
  assert.equal(await run(), 1);
  assert.equal(await run(), 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

const TWICE = { deleteExtras: true, deleteAfterScans: 2, deleteMinAge: 3_600_000 };

/** Lets the scans that missed something be so many hours ago. */
function age(world: MemoryWorld, hours: number): void {
  using database = new DatabaseSync(world.db);
  database.exec(`UPDATE missed SET first_at = first_at - ${hours * 3_600_000}`);
}

Deno.test("sync deletes only what several scans missed that are far enough apart", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", old: "x", "dir/old": "x" });
  const first = await world.run(TWICE);
  assert.equal(first.summary.exitCode, 0);
  assert.equal(first.summary.deleted, 0);
  assert.ok(
    first.events.some((event) =>
      event.type === "note" && /^3 extras are waiting/.test(event.message)
    ),
  );
  const second = await world.run(TWICE);
  assert.equal(second.summary.deleted, 0, "the scans are seconds apart");
  age(world, 2);
  fill(world.to, { "dir/late": "x" });
  const dry = await world.run({ ...TWICE, dryRun: true });
  assert.deepEqual(dry.planned.filter((line) => !line.startsWith("times")), [
    "delete dir/old",
    "delete old",
  ]);
  const third = await world.run(TWICE);
  assert.equal(third.summary.exitCode, 0, JSON.stringify(third.summary.failures));
  assert.deepEqual(world.operations().filter((line) => line.startsWith("delete")), [
    "delete success dir/old",
    "delete success old",
  ]);
  const [evidence] = world.query("SELECT * FROM deletion WHERE path = 'old'");
  assert.equal(evidence!.missed_scans, 3);
  assert.equal(evidence!.answer, "ENOENT");
  age(world, 2);
  assert.equal((await world.run(TWICE)).summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync begins to count anew when what was missed is at the source again", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", old: "x" });
  await world.run(TWICE);
  fill(world.from, { old: "x" });
  await world.run(TWICE);
  assert.deepEqual(world.query("SELECT * FROM missed"), []);
  world.from.remove("old");
  const { summary } = await world.run({ ...TWICE, deleteMinAge: 0 });
  assert.equal(summary.deleted, 0);
  assert.equal((await world.run({ ...TWICE, deleteMinAge: 0 })).summary.deleted, 1);
});

Deno.test("sync counts no scan that could not list the directory of an extra", async () => {
  using world = new MemoryWorld({ "d/file": "1", b: "1" }, { "d/file": "1", "d/old": "x" });
  const now = { ...TWICE, deleteMinAge: 0, rescan: true };
  await world.run(now);
  const faults = { source: [{ call: "list", path: "d", errno: "EIO" }] } as const;
  assert.equal((await world.run({ ...now, faults })).summary.exitCode, 1);
  assert.equal((await world.run(now)).summary.deleted, 0);
  assert.equal((await world.run(now)).summary.deleted, 1);
});

Deno.test("sync keeps what each deletion rested on", async () => {
  using world = new MemoryWorld({ dir: "now a file", "k/f": "1" }, {
    "dir/below": "x",
    "k/f": "1",
    "k/odd\udcff": { content: "12345" },
  });
  const before = Date.now();
  assert.equal((await world.run({ deleteExtras: true })).summary.exitCode, 0);
  const rows = world.query("SELECT * FROM deletion ORDER BY path");
  assert.deepEqual(rows.map(({ answer, scan, run, trash }) => [answer, scan, run, trash]), [
    ["file", 1, 1, null],
    ["ENOTDIR", 1, 1, null],
    ["ENOENT", 1, 1, null],
  ]);
  for (const { listed_at, looked_at, deleted_at, first_missed_at } of rows) {
    const times = [before, listed_at, first_missed_at, looked_at, deleted_at].map(Number);
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
  }
  assert.equal(rows[2]!.size, 5);
  const record = world.records().find(({ destination }) => String(destination).endsWith("\\xff'"))!;
  const evidence = record.evidence as Record<string, unknown>;
  assert.equal(evidence.answer, "ENOENT");
  assert.equal(evidence.scan, 1);
  assert.equal(Date.parse(String(evidence.looked_at)), rows[2]!.looked_at);
});

Deno.test("sync keeps the evidence of a deletion of which a killed run could not tell", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", extra: "x" });
  await assert.rejects(world.run({
    deleteExtras: true,
    faults: {
      destination: [{
        call: "removeFile",
        path: "extra",
        act: () => {
          world.to.remove("extra");
          throw new Error("killed");
        },
      }],
    },
  }));
  await world.run();
  const [row, ...more] = world.query("SELECT * FROM deletion");
  assert.deepEqual(more, []);
  assert.equal(row!.answer, null);
  assert.equal(row!.looked_at, null);
  assert.equal(row!.scan, 1);
});

Deno.test("sync tells of every directory that a killed run removed, also of those inside others", async () => {
  const below = Array.from({ length: 300 }, (_, i) => `a/d${i}`);
  using world = new MemoryWorld({ file: "1" }, {
    file: "1",
    ...Object.fromEntries(below.map((path) => [path, null])),
  });
  await assert.rejects(world.run({
    deleteExtras: true,
    maxDelete: { percent: 100 },
    faults: {
      destination: [{
        call: "removeDirectory",
        path: /^a/,
        act: () => {
          if (essence(world.to).a !== undefined) world.to.remove("a");
          throw new Error("killed");
        },
      }],
    },
  }));
  await world.run();
  const rows = world.query("SELECT path, answer FROM deletion ORDER BY path");
  assert.deepEqual(rows.map(({ path }) => path), ["a", ...below].sort());
  assert.deepEqual(new Set(rows.map(({ answer }) => answer)), new Set([null]));
  const deleted = world.records().filter(({ action }) => action === "delete");
  assert.equal(deleted.length, 301);
  assert.deepEqual(world.query("SELECT * FROM extra"), []);
});
