import assert from "node:assert/strict";
import fc from "fast-check";
import { arbitraryTree, numRuns } from "../testing/trees.ts";
import {
  DiskWorld,
  essence,
  fill,
  MemoryWorld,
  readTree,
  THEN,
  type Tree,
} from "../testing/world.ts";

const capabilities = fc.record({
  durability: fc.constantFrom("file" as const, "group" as const),
  latency: fc.constantFrom("immediate" as const, "waiting" as const),
});

/** An empty source is never mirrored. */
const STAYS = { "always here": { content: "x", mtime: THEN } };
const MIRROR = { deleteExtras: true, maxDelete: { percent: 100 } };

Deno.test("sync leaves nothing to plan and equal trees when it mirrors any two trees", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryTree,
      arbitraryTree,
      arbitraryTree,
      capabilities,
      async (source, destination, later, capabilities) => {
        using world = new MemoryWorld({ ...source, ...STAYS }, destination, capabilities);
        for (const next of [null, later]) {
          if (next !== null) {
            for (const path of Object.keys(world.from.tree())) world.from.remove(path);
            fill(world.from, { ...next, ...STAYS });
          }
          let { summary } = await world.run(MIRROR);
          // a directory that had entries and has none now is only believed a second time
          if (next !== null && summary.refused > 0) {
            assert.match(summary.failures[0]!.message, /had entries before and lists? none now/);
            ({ summary } = await world.run({ ...MIRROR, rescan: true }));
          }
          assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
          const { planned } = await world.run({ ...MIRROR, dryRun: true });
          assert.deepEqual(planned, []);
          assert.deepEqual(essence(world.to), essence(world.from));
          const seq = world.records().map(({ seq }) => seq);
          assert.deepEqual(seq, seq.map((_, i) => i + 1));
        }
      },
    ),
    numRuns(40),
  );
});

Deno.test("sync never removes or replaces what the source does not have when it does not mirror", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, arbitraryTree, async (source, destination) => {
      using world = new MemoryWorld(source, destination);
      const before = essence(world.to, { times: false });
      const { summary } = await world.run();
      const from = essence(world.from), to = essence(world.to, { times: false });
      for (const [path, node] of Object.entries(before)) {
        const wanted = from[path];
        const replaced = wanted !== undefined && wanted.kind !== "directory" &&
          node.kind !== "directory";
        if (!replaced) assert.deepEqual(to[path], node, path);
      }
      // whatever is not at its place failed by name
      const missing = Object.keys(from).filter((path) => to[path]?.kind !== from[path]!.kind);
      assert.equal(summary.exitCode, missing.length === 0 ? 0 : 1);
    }),
    numRuns(40),
  );
});

Deno.test("sync makes real trees equal, whatever they are", async () => {
  // bytes that are not UTF-8 cannot be written down with Deno's own API
  const utf8Tree = arbitraryTree.map((tree): Tree =>
    Object.fromEntries(
      Object.entries(tree).filter(([path, node]) =>
        // nor times that differ by a nanosecond, which say here that the content differs
        path.isWellFormed() && node !== null && typeof node !== "string" && node.mtime !== THEN + 1n
      ),
    )
  ).filter(isPossible);
  await fc.assert(
    fc.asyncProperty(utf8Tree, utf8Tree, async (source, destination) => {
      using world = new DiskWorld({ ...source, ...STAYS }, destination);
      const { summary } = await world.run(MIRROR);
      assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
      assert.deepEqual(readTree(world.destination), readTree(world.source));
      const { planned } = await world.run({ ...MIRROR, dryRun: true });
      assert.deepEqual(planned, []);
    }),
    numRuns(6),
  );
});

/** Whether nothing is below a file or a link. */
function isPossible(tree: Tree): boolean {
  const leaves = Object.entries(tree)
    .filter(([, node]) => node !== null && typeof node !== "string" && node.kind !== "directory")
    .map(([path]) => `${path}/`);
  return !Object.keys(tree).some((path) => leaves.some((leaf) => path.startsWith(leaf)));
}
