/** Missing directories of small files on a share, which are made with their files: whole runs. */
import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { withAround } from "../../src/backend/around.ts";
import { spawnInProcess } from "../../src/hands.ts";
import { openDisk, SHARE } from "../testing/open_disk.ts";
import { DiskWorld, readTree, type Tree } from "../testing/world.ts";

const ignore = Deno.build.os !== "linux";

/** Directories of which all is small, one that is too large for that, and one with others in it. */
function treeOf(files: number): Tree {
  const tree: Record<string, string | null> = { "empty": null, "few/large": "x".repeat(100_000) };
  for (let i = 0; i < files; i++) {
    const name = `f${String(i).padStart(3, "0")}`;
    tree[`leaf${i % 20}/${name}`] = `leaf ${i}`;
    tree[`many/${name}`] = `many ${i}`;
    tree[`above/${name}`] = `above ${i}`;
    tree[`above/below/deeper${i % 3}/${name}`] = `deeper ${i}`;
  }
  return tree;
}

/** Opens a disk as if it were a share, with `called` before each call of a destination's backend. */
function opener(world: DiskWorld, called: (call: string, path: string) => void = () => {}) {
  return async (root: string, temporaryName: () => string): Promise<Backend> => {
    const backend = await openDisk(root, temporaryName, SHARE);
    if (root !== world.destination) return backend;
    return withAround(backend, {
      call(call, path, make) {
        called(call, path);
        return make();
      },
      now: (_call, _path, make) => make(),
    });
  };
}

Deno.test({
  name: "sync makes a missing directory of a share with its files, and records each once",
  ignore,
  async fn() {
    const tree = treeOf(160);
    using world = new DiskWorld(tree);
    const named = new Set<string>();
    const open = opener(world, (call, path) => {
      if (call === "nameDirectory") named.add(path);
    });
    const { summary } = await world.run({ open, spawn: spawnInProcess(open) });
    assert.equal(summary.exitCode, 0);
    assert.deepEqual(readTree(world.destination), readTree(world.source));
    // neither more than a job holds, nor what has directories in it, nor what is not small
    const leaves = Array.from({ length: 20 }, (_, i) => `leaf${i}`).sort();
    assert.deepEqual(
      [...named].sort(),
      [0, 1, 2].map((i) => `above/below/deeper${i}`).concat(leaves),
    );
    const made = world.operations().filter((one) => one.startsWith("mkdir "));
    const directories = Object.entries(readTree(world.source))
      .filter(([path, is]) => path !== "" && is.startsWith("directory"))
      .map(([path]) => `mkdir success ${path}`);
    assert.deepEqual(made, directories.sort());
    const again = await world.run({ rescan: true, dryRun: true });
    assert.deepEqual(again.planned, []);
  },
});

for (const at of [1, 5, 12]) {
  Deno.test({
    name: `sync that is aborted at write ${at} leaves whole directories, and the next run the rest`,
    ignore,
    async fn() {
      const tree = treeOf(150);
      using world = new DiskWorld(tree);
      const stop = new AbortController();
      let calls = 0;
      const open = opener(world, (call) => {
        if (call === "writeParcel" && ++calls === at) stop.abort(new Error("enough"));
      });
      const aborted = world.run({ open, spawn: spawnInProcess(open), signal: stop.signal });
      assert.equal((await aborted).summary.exitCode, 130);
      const left = readTree(world.destination), source = readTree(world.source);
      for (const [path, is] of Object.entries(left)) {
        assert.ok(!path.includes(".sluice-"), path);
        if (is.startsWith("file")) assert.equal(is, source[path], path);
      }
      // what is recorded as done is there
      for (const one of world.statuses()) {
        const [status, path] = [one.slice(0, one.indexOf(" ")), one.slice(one.indexOf(" ") + 1)];
        if (status === "synced") assert.equal(left[path], source[path], path);
      }
      const again = opener(world);
      const { summary } = await world.run({ open: again, spawn: spawnInProcess(again) });
      assert.equal(summary.exitCode, 0);
      assert.deepEqual(readTree(world.destination), source);
    },
  });
}
