/** Listings that lie and calls that stall: what a broken server does without an error. */
import assert from "node:assert/strict";
import { FakeClock } from "../testing/fake_clock.ts";
import { turns } from "../testing/faulty_backend.ts";
import { essence, MemoryWorld } from "../testing/world.ts";

const TREE = { "d/a": "1", "d/b": "2", "d/c": "3", e: "4" };

Deno.test("sync deletes nothing that a listing of the source leaves out", async () => {
  using world = new MemoryWorld(TREE, TREE);
  const { summary } = await world.run({
    deleteExtras: true,
    maxDelete: { percent: 100 },
    faults: { source: [{ call: "list", path: "d", omits: /^[ab]$/ }] },
  });
  assert.equal(summary.exitCode, 1);
  assert.equal(summary.deleted, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
  const refused = world.records().filter(({ action }) => action === "refuse");
  assert.deepEqual(refused.map(({ reason }) => reason), [
    "not deleted: the source has it now",
    "not deleted: the source has it now",
  ]);
  assert.equal((await world.run({ rescan: true, deleteExtras: true })).summary.exitCode, 0);
  assert.deepEqual(world.statuses(), ["synced d/a", "synced d/b", "synced d/c", "synced e"]);
});

Deno.test("sync puts whole files in place again that a listing of the destination leaves out", async () => {
  using world = new MemoryWorld(TREE, TREE);
  const { summary } = await world.run({
    faults: { destination: [{ call: "list", path: "d", omits: /./ }] },
  });
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.copied.files, 3);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync calls nothing synced that only a listing of the source has", async () => {
  using world = new MemoryWorld(TREE);
  await world.run({ faults: { source: [{ call: "list", path: "d", phantom: "ghost" }] } });
  assert.deepEqual(world.statuses(), ["synced d/a", "synced d/b", "synced d/c", "synced e"]);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync counts a name once that a listing has twice, so that the next run scans", async () => {
  using world = new MemoryWorld(TREE);
  const twice = { call: "list", path: "d", phantom: "a" } as const;
  const { summary } = await world.run({ faults: { source: [twice] } });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(summary.pending, { files: 0, bytes: 0 });
  world.from.put("d/b", { content: "changed" });
  assert.equal((await world.run()).summary.copied.files, 1);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync deletes nothing on account of a ghost in a listing of the destination", async () => {
  using world = new MemoryWorld(TREE, TREE);
  const { summary } = await world.run({
    deleteExtras: true,
    faults: { destination: [{ call: "list", path: "d", phantom: "ghost" }] },
  });
  assert.equal(summary.deleted, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync goes on with other files while a read stalls, and with that one afterwards", async () => {
  const tree = { "d/a": "1", "b/file": "2", "c/file": "3", e: "4" };
  using world = new MemoryWorld(tree, {}, { durability: "file", latency: "waiting" });
  const clock = new FakeClock();
  let over = false;
  const run = world.run({
    faults: { source: [{ call: "read", path: "d/a", stall: 42_000 }], clock },
  }).finally(() => over = true);
  // a lane has a directory at a time
  const others = ["b/file", "c/file", "e"];
  for (let i = 0; i < 5000 && !others.every((path) => path in world.to.tree()); i++) {
    await turns(1);
  }
  assert.deepEqual(others.filter((path) => !(path in world.to.tree())), []);
  assert.ok(!("d/a" in world.to.tree()));
  assert.equal(over, false);
  await clock.advance(42_000);
  assert.equal((await run).summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
  assert.equal(clock.waiting, 0);
});
