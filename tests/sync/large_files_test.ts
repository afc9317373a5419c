import assert from "node:assert/strict";
import { turns } from "../testing/faulty_backend.ts";
import { MemoryWorld, type Tree } from "../testing/world.ts";

const SMALL = 40;
const LARGE = "x".repeat(16 * 2 ** 20);

/** Small files around a large one, and others in a directory of their own. */
const TREE: Tree = Object.fromEntries([
  ...Array.from({ length: SMALL }, (_, i) => [`a/${i}`, "small"]),
  ["a/2-large", LARGE],
  ...Array.from({ length: SMALL }, (_, i) => [`b/${i}`, "small"]),
]);

for (const [name, capabilities] of [["disk", {}], ["share", { durability: "file" }]] as const) {
  Deno.test(`sync of a ${name} carries all small files while a large one is on its way`, async () => {
    const held = Promise.withResolvers<void>();
    using world = new MemoryWorld(TREE, {}, capabilities);
    let meanwhile = 0;
    const running = world.run({
      lanes: 2,
      faults: {
        destination: [
          { call: "finish", path: "a/2-large", until: held.promise },
          { call: "commit", path: /^.\/\d+$/, act: () => void (meanwhile += 1) },
        ],
      },
    });
    for (let i = 0; i < 3_000 && meanwhile < 2 * SMALL; i++) await turns();
    assert.equal(meanwhile, 2 * SMALL);
    held.resolve();
    assert.equal((await running).summary.outcome, "in sync");
    assert.equal(world.statuses().filter((row) => row.startsWith("synced")).length, 2 * SMALL + 1);
    assert.deepEqual(world.query("SELECT path FROM directory WHERE in_flight = 1"), []);
  });
}

Deno.test("sync shows no file any more whose thread has nothing left to do", async () => {
  const one = Promise.withResolvers<void>(), other = Promise.withResolvers<void>();
  using world = new MemoryWorld({ "a/one": LARGE, "b/other": LARGE });
  const shown: (() => string[])[] = [];
  const running = world.run({
    lanes: 2,
    faults: {
      source: [
        { call: "read", path: "a/one", after: 1, until: one.promise },
        { call: "read", path: "b/other", after: 1, until: other.promise },
      ],
    },
    reporter: (statistics) => {
      shown.push(() => statistics.snapshot().active.map(({ path }) => path).sort());
      return { event() {}, async [Symbol.asyncDispose]() {} };
    },
  });
  const shows = async (...paths: string[]) => {
    const isShown = () => shown[0]?.().join() === paths.join();
    // what threads tell of themselves comes five times a second
    for (let i = 0; i < 300 && !isShown(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(shown[0]!(), paths);
  };
  await shows("a/one", "b/other");
  one.resolve();
  await shows("b/other");
  other.resolve();
  assert.equal((await running).summary.outcome, "in sync");
});
