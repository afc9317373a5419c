import assert from "node:assert/strict";
import { turns } from "../testing/faulty_backend.ts";
import { MemoryWorld, type Tree } from "../testing/world.ts";

const LANES = 32, DIRECTORIES = 40, FILES = 40;

const TREE: Tree = Object.fromEntries(
  Array.from(
    { length: DIRECTORIES },
    (_, directory) =>
      Array.from({ length: FILES }, (_, file) => [`${directory}/${file}`, "small"] as const),
  ).flat(),
);

for (const overlap of [true, false]) {
  const when = overlap ? "while it is scanned" : "after the scan";
  Deno.test(`sync of a share ${when} has something to do for the lanes of all threads`, async () => {
    const held = Promise.withResolvers<void>();
    using world = new MemoryWorld(TREE, {}, { durability: "file" });
    let busy = 0;
    const running = world.run({
      lanes: LANES,
      overlap,
      faults: {
        destination: [{ call: "create", path: /^\d+\//, act: () => (busy += 1, held.promise) }],
      },
    });
    for (let i = 0; i < 3_000 && busy < LANES; i++) await turns();
    assert.equal(busy, LANES);
    held.resolve();
    assert.equal((await running).summary.outcome, "in sync");
    assert.equal(
      world.statuses().filter((row) => row.startsWith("synced")).length,
      DIRECTORIES * FILES,
    );
  });
}
