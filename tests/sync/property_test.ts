import assert from "node:assert/strict";
import fc from "fast-check";
import { arbitraryTree, numRuns } from "../testing/trees.ts";
import { essence, MemoryWorld } from "../testing/world.ts";

const capabilities = fc.record({
  durability: fc.constantFrom("file" as const, "group" as const),
  latency: fc.constantFrom("immediate" as const, "waiting" as const),
});

Deno.test("sync leaves nothing to plan and equal trees when it mirrors any two trees", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryTree,
      arbitraryTree,
      capabilities,
      async (source, destination, capabilities) => {
        using world = new MemoryWorld(source, destination, capabilities);
        const { summary } = await world.run({ deleteExtras: true });
        assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
        const { planned } = await world.run({ dryRun: true, deleteExtras: true });
        assert.deepEqual(planned, []);
        assert.deepEqual(essence(world.to), essence(world.from));
      },
    ),
    numRuns(60),
  );
});
