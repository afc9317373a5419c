import assert from "node:assert/strict";
import { DiskWorld, essence, fill, MemoryWorld, THEN, type Tree } from "../testing/world.ts";

/** A world whose source has `a/one`, and further names of it. */
function worldOf(names: readonly string[], destination: Tree = {}): MemoryWorld {
  const world = new MemoryWorld({ "a/one": "content", "b": null, "z": "other" }, destination);
  for (const name of names) world.from.putLink("a/one", name);
  return world;
}

/** The inode of each path at the destination: equal ones are one file. */
async function groups(world: MemoryWorld, ...paths: string[]): Promise<number> {
  const entries = await Promise.all(paths.map((path) => world.to.look(path)));
  assert.ok(entries.every((entry) => entry?.kind === "file"));
  return new Set(entries.map((entry) => entry!.inode)).size;
}

Deno.test("sync --hard-links copies one name of a file and links the others to it", async () => {
  using world = worldOf(["a/two", "b/three", "aa"]);
  const dry = await world.run({ hardLinks: true, dryRun: true });
  assert.deepEqual(dry.planned.filter((line) => !/mkdir|times/.test(line)), [
    "copy aa",
    "copy z",
    "link a/one",
    "link a/two",
    "link b/three",
  ]);
  const { summary } = await world.run({ hardLinks: true });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual([summary.copied.files, summary.linked, summary.pending.files], [2, 3, 0]);
  assert.equal(await groups(world, "a/one", "a/two", "b/three", "aa"), 1);
  assert.deepEqual(essence(world.to), essence(world.from));
  const [record] = world.records().filter(({ action }) => action === "link");
  assert.equal(record!.status, "success");
  assert.equal(record!.reason, "a hard link of aa");
  assert.deepEqual(
    world.query("SELECT DISTINCT status, hash IS NULL AS bare, size FROM files WHERE size = 7"),
    [{ status: "synced", bare: 0, size: 7 }],
  );
  assert.equal(world.query("SELECT count(DISTINCT hash) AS hashes FROM files")[0]!.hashes, 2);
  assert.deepEqual((await world.run({ hardLinks: true, dryRun: true })).planned, []);
  await world.run({ hardLinks: true, rescan: true });
  assert.deepEqual(world.operations(), []);
});

Deno.test("sync makes files of their own without --hard-links, and links them with it later", async () => {
  using world = worldOf(["b/two"]);
  await world.run();
  assert.equal(await groups(world, "a/one", "b/two"), 2);
  assert.deepEqual((await world.run({ hardLinks: true, dryRun: true })).planned, ["link b/two"]);
  const { summary } = await world.run({ hardLinks: true });
  assert.deepEqual([summary.copied.files, summary.linked], [0, 1]);
  assert.equal(await groups(world, "a/one", "b/two"), 1);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync --hard-links keeps the links when the content changes", async () => {
  using world = worldOf(["a/two", "b/three"]);
  await world.run({ hardLinks: true });
  const writer = await world.from.create("new");
  await writer.write(new TextEncoder().encode("changed"), 0);
  await writer.finish({ mtime: THEN + 5n, atime: THEN });
  await writer.commit();
  for (const name of ["a/one", "a/two", "b/three"]) await world.from.link("new", name);
  await world.from.removeFile("new");
  const { summary } = await world.run({ hardLinks: true });
  assert.deepEqual([summary.copied.files, summary.linked, summary.exitCode], [1, 2, 0]);
  assert.equal(await groups(world, "a/one", "a/two", "b/three"), 1);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync --hard-links copies nothing when a name is added, and parts one that parted", async () => {
  using world = worldOf(["a/two"]);
  await world.run({ hardLinks: true });
  world.from.putLink("a/one", "b/three");
  let { summary } = await world.run({ hardLinks: true });
  assert.deepEqual([summary.copied.files, summary.linked], [0, 1]);
  fill(world.from, { "a/two": "another" });
  world.from.put("a/two", { content: "another", mtime: THEN + 9n });
  ({ summary } = await world.run({ hardLinks: true }));
  assert.deepEqual([summary.copied.files, summary.linked], [1, 0]);
  assert.equal(await groups(world, "a/one", "a/two", "b/three"), 2);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync --hard-links waits for a first name that failed, over runs", async () => {
  using world = worldOf(["b/two", "b/three"]);
  const failing = { call: "read", path: "a/one", errno: "EIO" } as const;
  let { summary } = await world.run({ hardLinks: true, faults: { source: [failing] } });
  assert.equal(summary.exitCode, 1);
  assert.equal(summary.pending.files, 3);
  assert.deepEqual(world.statuses(), [
    "pending a/one",
    "pending b/three",
    "pending b/two",
    "synced z",
  ]);
  ({ summary } = await world.run({ hardLinks: true }));
  assert.deepEqual([summary.exitCode, summary.copied.files, summary.linked], [0, 1, 2]);
  assert.equal(await groups(world, "a/one", "b/two", "b/three"), 1);
});

Deno.test("sync --hard-links goes on with links that are left when a run stops", async () => {
  using world = worldOf(["b/two", "b/three"]);
  const full = { call: "link", path: "b/three", errno: "ENOSPC", after: 0 } as const;
  let { summary } = await world.run({ hardLinks: true, faults: { destination: [full] } });
  assert.equal(summary.exitCode, 3);
  ({ summary } = await world.run({ hardLinks: true }));
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.copied.files, 0);
  assert.equal(await groups(world, "a/one", "b/two", "b/three"), 1);
  assert.deepEqual((await world.run({ hardLinks: true, dryRun: true })).planned, []);
});

Deno.test("sync --hard-links copies what waits when the option is gone", async () => {
  using world = worldOf(["b/two"]);
  const failing = { call: "link", path: "b/two", errno: "EIO" } as const;
  let { summary } = await world.run({ hardLinks: true, faults: { destination: [failing] } });
  assert.equal(summary.exitCode, 1);
  assert.equal(world.query("SELECT count(*) AS n FROM files WHERE error LIKE '%EIO%'")[0]!.n, 1);
  ({ summary } = await world.run());
  assert.deepEqual([summary.exitCode, summary.copied.files], [0, 1]);
  assert.equal(await groups(world, "a/one", "b/two"), 2);
});

Deno.test("sync --hard-links makes files of their own where links are not kept, and says it once", async () => {
  using world = worldOf(["a/two", "b/three"]);
  const faults = { destination: [{ call: "link", errno: "EPERM" }] } as const;
  for (const copied of [4, 0]) {
    const { summary, events } = await world.run({ hardLinks: true, rescan: true, faults });
    assert.deepEqual([summary.exitCode, summary.copied.files, summary.linked], [0, copied, 0]);
    const notes = events.filter((one) => one.type === "note" && /no hard links/.test(one.message));
    assert.equal(notes.length, 1);
  }
  assert.deepEqual((await world.run({ hardLinks: true, dryRun: true })).planned, []);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync --hard-links copies the name that a file has no room for", async () => {
  using world = worldOf(["a/two", "b/three"]);
  const faults = { destination: [{ call: "link", path: "b/three", errno: "EMLINK" }] } as const;
  const { summary, events } = await world.run({ hardLinks: true, faults });
  assert.deepEqual([summary.exitCode, summary.copied.files, summary.linked], [0, 3, 1]);
  assert.ok(
    events.some((one) =>
      one.type === "note" &&
      /1 hard link is a file of their own|1 hard link is a file/.test(one.message)
    ),
  );
  assert.equal(await groups(world, "a/one", "a/two", "b/three"), 2);
});

Deno.test("sync --hard-links does not link what the source has parted since the scan", async () => {
  using world = worldOf(["b/two"]);
  const part = {
    call: "open",
    path: "a/one",
    act: () => world.from.put("b/two", { content: "parted!", mtime: THEN + 3n }),
  } as const;
  const { summary } = await world.run({ hardLinks: true, faults: { source: [part] } });
  assert.equal(summary.exitCode, 0);
  assert.equal(await groups(world, "a/one", "b/two"), 2);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync --hard-links takes another name when the first one is gone from the source", async () => {
  using world = worldOf(["b/two", "b/three"]);
  const remove = { call: "open", path: "a/one", act: () => world.from.remove("a/one") } as const;
  const { summary } = await world.run({ hardLinks: true, faults: { source: [remove] } });
  assert.deepEqual([summary.exitCode, summary.linked, summary.pending.files], [0, 1, 0]);
  assert.equal(await groups(world, "b/two", "b/three"), 1);
});

Deno.test("sync --hard-links drops a further name that is gone from the source", async () => {
  using world = worldOf(["b/two", "b/three"]);
  const remove = { call: "open", path: "a/one", act: () => world.from.remove("b/two") } as const;
  const { summary } = await world.run({ hardLinks: true, faults: { source: [remove] } });
  assert.deepEqual([summary.exitCode, summary.skipped, summary.pending.files], [0, 1, 0]);
  assert.deepEqual((await world.run({ hardLinks: true, dryRun: true })).planned, []);
});

Deno.test("sync --hard-links links over threads on a real disk", async () => {
  using world = new DiskWorld({ "a/x": "1", "b": null, "c/d/e": null });
  for (let i = 0; i < 600; i++) {
    Deno.writeTextFileSync(`${world.source}/a/${i}`, `content ${i}`);
    Deno.linkSync(`${world.source}/a/${i}`, `${world.source}/b/${i}`);
    if (i % 3 === 0) Deno.linkSync(`${world.source}/a/${i}`, `${world.source}/c/d/e/${i}`);
  }
  const { summary } = await world.run({ hardLinks: true });
  assert.deepEqual([summary.exitCode, summary.copied.files, summary.linked], [0, 601, 800]);
  for (let i = 0; i < 600; i++) {
    const { ino, nlink } = Deno.statSync(`${world.destination}/a/${i}`);
    assert.equal(nlink, i % 3 === 0 ? 3 : 2);
    assert.equal(Deno.statSync(`${world.destination}/b/${i}`).ino, ino);
  }
  await world.run({ hardLinks: true });
  assert.deepEqual(world.operations(), []);
});
