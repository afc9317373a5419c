import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openBackend } from "../src/backend/open.ts";
import { DiskWorld, essence, fill, MemoryWorld, readTree, THEN } from "./testing/world.ts";

const TREE = {
  "a/one": "1",
  "a/deep/er/two": "22",
  "a/link": { target: "../b/three" },
  "b/three": "333",
  "b/empty": "",
  "hollow": null,
  "hollow/inner": null,
  "top": "top",
};

for (const [places, latency] of [["shares", "waiting"], ["disks", "immediate"]] as const) {
  Deno.test(`sync makes threads for ${places} ${latency === "waiting" ? "only when there are processors for them" : "always"}`, async () => {
    for (const cores of [1, 2]) {
      using world = new DiskWorld(TREE);
      const { Worker } = globalThis;
      let threads = 0;
      globalThis.Worker = class extends Worker {
        constructor(...options: ConstructorParameters<typeof Worker>) {
          super(...options);
          threads += 1;
        }
      };
      try {
        const open = (root: string, temporaryName: () => string) =>
          openBackend(root, {
            temporaryName,
            latency,
            durability: latency === "waiting" ? "file" : "group",
          });
        const { summary } = await world.run({ open, cores });
        assert.equal(summary.exitCode, 0);
      } finally {
        globalThis.Worker = Worker;
      }
      assert.equal(threads > 0, cores > 1 || latency === "immediate", `${cores}`);
      assert.deepEqual(readTree(world.destination), readTree(world.source));
    }
  });
}

Deno.test("sync copies everything when the destination is empty", async () => {
  using world = new MemoryWorld(TREE);
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.outcome, "in sync");
  assert.deepEqual(essence(world.to), essence(world.from));
  assert.deepEqual(summary.copied, { files: 6, bytes: 9 });
  assert.deepEqual(summary.pending, { files: 0, bytes: 0 });
  assert.deepEqual(world.statuses(), [
    "synced a/deep/er/two",
    "synced a/one",
    "synced b/empty",
    "synced b/three",
    "synced top",
  ]);
  assert.deepEqual(world.operations(), [
    "copy success a/deep/er/two",
    "copy success a/link",
    "copy success a/one",
    "copy success b/empty",
    "copy success b/three",
    "copy success top",
    "mkdir success a",
    "mkdir success a/deep",
    "mkdir success a/deep/er",
    "mkdir success b",
    "mkdir success hollow",
    "mkdir success hollow/inner",
    "times success ",
    "times success a",
    "times success a/deep",
    "times success a/deep/er",
    "times success b",
    "times success hollow",
    "times success hollow/inner",
  ]);
});

Deno.test("sync copies everything between real directories when it has real threads", async () => {
  using world = new DiskWorld({
    ...TREE,
    "dated": { content: "old", mtime: THEN },
    "new\nline -'\"": "odd name",
    ["x".repeat(255)]: "long name",
    "NFC é": "1",
    "NFD e\u0301": "2",
  });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(readTree(world.destination), readTree(world.source));
  const again = await world.run();
  assert.equal(again.summary.exitCode, 0);
  assert.deepEqual(again.summary.copied, { files: 0, bytes: 0 });
  assert.deepEqual(world.operations(), []);
});

Deno.test("sync copies nothing when it runs a second time", async () => {
  using world = new MemoryWorld(TREE);
  await world.run();
  const before = world.to.tree();
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(summary.copied, { files: 0, bytes: 0 });
  assert.deepEqual(world.operations(), []);
  assert.deepEqual(world.to.tree(), before);
});

Deno.test("sync keeps the hash on record when a file did not change", async () => {
  using world = new MemoryWorld({ file: "abc", other: "x" });
  await world.run({ checksum: "md5" });
  fill(world.from, { other: "changed" });
  await world.run({ checksum: "sha1" });
  assert.deepEqual(
    world.query("SELECT hash, hash_algorithm FROM files ORDER BY source_path"),
    [
      { hash: "900150983cd24fb0d6963f7d28e17f72", hash_algorithm: "md5" },
      { hash: "fa7153f7ed1cb6c0fcf2ffb2fac21748", hash_algorithm: "sha1" },
    ].map((row, i) => i === 1 ? { ...row, hash: sha1("changed") } : row),
  );
});

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

Deno.test("sync copies exactly what changed at the source", async () => {
  using world = new MemoryWorld({ ...TREE, longer: "1234", shorter: "1234", touched: "1234" });
  await world.run();
  fill(world.from, {
    longer: "12345",
    shorter: "12",
    touched: { content: "4321", mtime: THEN + 1n },
  });
  fill(world.from, { "a/link": { target: "elsewhere" }, "a/deep/new": "new" });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "copy success a/deep/new",
    "overwrite success a/link",
    "overwrite success longer",
    "overwrite success shorter",
    "overwrite success touched",
  ]);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync copies again what was damaged at the destination", async () => {
  using world = new MemoryWorld(TREE);
  await world.run();
  world.to.remove("b/three");
  fill(world.to, { "a/one": { content: "1", mtime: THEN - 1n }, top: "to" });
  world.to.remove("a/deep");
  await world.run();
  assert.deepEqual(essence(world.to), essence(world.from));
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "copy success a/deep/er/two",
    "copy success b/three",
    "mkdir success a/deep",
    "mkdir success a/deep/er",
    "overwrite success a/one",
    "overwrite success top",
  ]);
});
