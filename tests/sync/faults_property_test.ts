import assert from "node:assert/strict";
import fc from "fast-check";
import { type Call, type Rule } from "../testing/faulty_backend.ts";
import { arbitraryPath, arbitraryTree, numRuns } from "../testing/trees.ts";
import { essence, MemoryWorld } from "../testing/world.ts";

const READING: readonly Call[] = ["look", "list", "open", "read", "lookAgain", "identify"];
const WRITING: readonly Call[] = [
  "look",
  "list",
  "create",
  "write",
  "finish",
  "commit",
  "createLink",
  "makeDirectory",
  "setTimes",
  "removeFile",
  "removeDirectory",
  "flush",
];
const rules = (calls: readonly Call[]): fc.Arbitrary<readonly Rule[]> =>
  fc.array(
    fc.record({
      call: fc.constantFrom(...calls),
      path: fc.oneof(fc.constant(undefined), arbitraryPath),
      after: fc.nat(3),
      times: fc.integer({ min: 1, max: 3 }),
      errno: fc.constantFrom("EIO", "EACCES", "ENOSPC", "ESTALE"),
    }),
    { minLength: 1, maxLength: 3 },
  );

Deno.test("sync tells the truth and mends itself whatever call fails", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryTree,
      arbitraryTree,
      rules(READING),
      rules(WRITING),
      fc.constantFrom("file" as const, "group" as const),
      fc.boolean(),
      async (source, destination, reading, writing, durability, deleteExtras) => {
        using world = new MemoryWorld({ ...source, "always here": "x" }, destination, {
          durability,
        });
        const faults = { source: reading, destination: writing };
        const before = world.from.tree();
        const mirror = { deleteExtras: true, maxDelete: { percent: 100 } };
        const { summary } = await world.run({ ...mirror, faults, deleteExtras });
        // the source is only ever read
        assert.deepEqual(world.from.tree(), before);
        const from = essence(world.from), to = essence(world.to);
        for (const line of world.statuses()) {
          const [status, at] = [line.slice(0, 6), line.slice(7)];
          if (status === "synced") assert.deepEqual(to[at], from[at], at);
        }
        // no exit code 0 when something is missing, and a reason for every other one
        const equal = Object.keys(from).every((at) =>
          to[at]?.kind === from[at]!.kind && to[at]?.content === from[at]!.content
        );
        if (!equal) assert.notEqual(summary.exitCode, 0);
        if (summary.exitCode === 1) assert.ok(summary.failed + summary.refused > 0);
        if (summary.exitCode === 3) assert.ok(summary.reason);
        assert.deepEqual(world.records().at(-1)!.type, "end");
        const [known] = world.query("SELECT remains FROM name_rules");
        const temporaries = Object.keys(to).filter((at) =>
          at.includes(".sluice-") && at.split("/")[0] !== known?.remains
        );
        assert.deepEqual(temporaries, []);

        // without faults the backlog ends, and what the scan could not see is seen by the next one
        let last = (await world.run(mirror)).summary;
        assert.ok(last.exitCode <= 1, last.reason ?? undefined);
        last = (await world.run({ ...mirror, rescan: true })).summary;
        if (last.exitCode === 1) {
          // one that could not be listed and has nothing in it now is only believed a second time
          assert.match(last.failures[0]!.message, /had entries before and lists? none now/);
          last = (await world.run(mirror)).summary;
        }
        assert.equal(last.exitCode, 0, JSON.stringify(last.failures));
        assert.deepEqual(essence(world.to), essence(world.from));
        assert.deepEqual((await world.run({ ...mirror, dryRun: true })).planned, []);
      },
    ),
    numRuns(40),
  );
});
