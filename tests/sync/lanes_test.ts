import assert from "node:assert/strict";
import type { Role } from "../../src/crew.ts";
import { spawnInProcess } from "../../src/hands.ts";
import { turns, withFaults } from "../testing/faulty_backend.ts";
import { LOCAL, SHARE } from "../testing/open_disk.ts";
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

for (
  const [what, way, expected] of [
    ["a share has a carrier", SHARE, ["carry", "walk", "walk"]],
    ["a local disk has none", LOCAL, ["walk", "walk"]],
  ] as const
) {
  Deno.test(`sync to ${what} before anything is listed`, async () => {
    using world = new MemoryWorld({ "d/a": "1" }, {}, way);
    const roles: Role["type"][] = [];
    let found: Role["type"][] | null = null;
    const act = () => void (found ??= [...roles].sort());
    const from = withFaults(world.from, [{ call: "list", path: "", act }]);
    const open = (root: string) => Promise.resolve(root === world.source ? from : world.to);
    const spawn = () => {
      const hand = spawnInProcess(open)();
      return {
        ...hand,
        post(message: Parameters<typeof hand.post>[0]) {
          if (message.type === "start") roles.push(message.role.type);
          hand.post(message);
        },
      };
    };
    const { summary } = await world.run({ spawn });
    assert.equal(summary.outcome, "in sync");
    assert.deepEqual([found, world.statuses()], [expected, ["synced d/a"]]);
  });
}
