import assert from "node:assert/strict";
import fc from "fast-check";
import type { TreeNode } from "../../src/backend/memory.ts";
import { essence, MemoryWorld, THEN, type Tree } from "../testing/world.ts";

const name = fc.constantFrom("a", "b", "c", "é", "n\n", "\udcff");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
const mtime = fc.constantFrom(THEN, THEN + 1n, -1n);
const node: fc.Arbitrary<TreeNode> = fc.oneof(
  fc.record({ content: fc.constantFrom("", "1", "2", "22"), mtime }),
  fc.record({ content: fc.constantFrom("", "1", "2", "22"), mtime }),
  fc.record({ kind: fc.constant("directory" as const), mtime }),
  fc.record({ target: fc.constantFrom("a", "../b"), mtime }),
);
const tree: fc.Arbitrary<Tree> = fc.array(fc.tuple(path, node), { maxLength: 12 })
  .map((entries) => Object.fromEntries(entries));
const capabilities = fc.record({
  durability: fc.constantFrom("file" as const, "group" as const),
  latency: fc.constantFrom("immediate" as const, "waiting" as const),
});

Deno.test("sync leaves nothing to plan and equal trees when it mirrors any two trees", async () => {
  await fc.assert(
    fc.asyncProperty(tree, tree, capabilities, async (source, destination, capabilities) => {
      using world = new MemoryWorld(source, destination, capabilities);
      const { summary } = await world.run({ deleteExtras: true });
      assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
      const { planned } = await world.run({ dryRun: true, deleteExtras: true });
      assert.deepEqual(planned, []);
      assert.deepEqual(essence(world.to), essence(world.from));
    }),
    { numRuns: 60 },
  );
});
