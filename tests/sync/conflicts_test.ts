import assert from "node:assert/strict";
import { essence, MemoryWorld, THEN, type Tree } from "../testing/world.ts";

/** What stands where, and what a run without and one with --delete-extras make of it. */
const TABLE: {
  readonly what: string;
  readonly source: Tree;
  readonly destination: Tree;
  /** Failures of the run that may not delete. */
  readonly failures: readonly string[];
}[] = [
  {
    what: "a file stands where a directory must be",
    source: { "d/sub/file": "1", "d/file": "2", "ok": "3" },
    destination: { d: "in the way" },
    failures: ["copy failure d/file", "copy failure d/sub/file", "mkdir failure d"],
  },
  {
    what: "a link to a directory stands where a directory must be",
    source: { "d/file": "2", "real/file": "1" },
    destination: { "d": { target: "real" }, "real/file": "1" },
    failures: ["copy failure d/file", "mkdir failure d"],
  },
  {
    what: "a special file stands where a directory must be",
    source: { "d/file": "2" },
    destination: { d: { kind: "special" } },
    failures: ["copy failure d/file", "mkdir failure d"],
  },
  {
    what: "a directory stands where a file must be",
    source: { "a/f": "file", "ok": "3" },
    destination: { "a/f/deep/er": "x", "a/f/y": "x", "a/f/z": null },
    failures: ["overwrite failure a/f"],
  },
  {
    what: "a directory stands where a link must be",
    source: { "a/l": { target: "f" }, "a/f": "f" },
    destination: { "a/l/below": "x" },
    failures: ["overwrite failure a/l"],
  },
  {
    what: "directories and files have changed places",
    source: { "x": "file", "y/below": "1" },
    destination: { "x/below": "1", "y": "file" },
    failures: ["copy failure y/below", "mkdir failure y", "overwrite failure x"],
  },
];

for (const { what, source, destination, failures } of TABLE) {
  Deno.test(`sync fails by name and copies the rest when ${what}`, async () => {
    using world = new MemoryWorld(source, destination);
    const before = essence(world.to, { times: false });
    const { summary } = await world.run();
    assert.equal(summary.exitCode, 1);
    assert.deepEqual(world.operations().filter((line) => line.includes("failure")), failures);
    assert.equal(summary.failed, failures.length);
    const after = essence(world.to, { times: false });
    for (const path of Object.keys(before)) assert.deepEqual(after[path], before[path], path);
    const synced = world.statuses().filter((line) => line.startsWith("synced"))
      .map((line) => line.slice(7));
    for (const path of synced) {
      assert.equal(after[path]?.content, essence(world.from)[path]?.content);
    }
    assert.equal(synced.includes("ok"), "ok" in source);
  });

  Deno.test(`sync clears the way when it mirrors and ${what}`, async () => {
    using world = new MemoryWorld(source, destination);
    const { summary } = await world.run({ deleteExtras: true });
    assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
    assert.deepEqual(essence(world.to), essence(world.from));
    assert.deepEqual((await world.run({ dryRun: true, deleteExtras: true })).planned, []);
  });

  Deno.test(`sync clears the way of a pending backlog when ${what}`, async () => {
    using world = new MemoryWorld(source, destination);
    await world.run();
    const { summary, events } = await world.run({ deleteExtras: true });
    assert.ok(events[0]!.type === "start" && events[0]!.resumed !== null);
    assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
    assert.deepEqual(essence(world.to), essence(world.from));
  });
}

Deno.test("sync replaces files and links by each other", async () => {
  using world = new MemoryWorld(
    { "now-file": "text", "now-link": { target: "now-file" } },
    { "now-file": { target: "elsewhere" }, "now-link": "text" },
  );
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync refuses each extra in the way once", async () => {
  using world = new MemoryWorld({ a: "file" }, { "a/inner": "x" });
  const { summary } = await world.run({
    deleteExtras: true,
    faults: { destination: [{ call: "removeFile", errno: "EACCES" }] },
  });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "overwrite failure a",
    "refuse failure a",
    "refuse failure a/inner",
  ]);
});

Deno.test("sync keeps a directory that failed to be made in one record", async () => {
  const below = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`d/s${i % 20}/f${i}`, { content: "x", mtime: THEN }]),
  );
  using world = new MemoryWorld(below, { d: "in the way" });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 1);
  const operations = world.operations();
  assert.equal(operations.filter((line) => line === "mkdir failure d").length, 1);
  assert.equal(operations.filter((line) => line.startsWith("copy failure")).length, 200);
  assert.equal(new Set(operations).size, operations.length);
});
