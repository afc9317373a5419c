import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Rule } from "../testing/faulty_backend.ts";
import { essence, MemoryWorld } from "../testing/world.ts";

/**
 * Runs with a flush that fails once files have their final names: as far as the database knows
 * nothing has happened, which is how a kill at that moment leaves it.
 */
async function killedAfterCommit(world: MemoryWorld): Promise<void> {
  const faults: { destination: Rule[] } = {
    destination: [{ call: "flush", after: 1, errno: "EIO" }],
  };
  const { summary } = await world.run({ faults });
  assert.equal(summary.exitCode, 3, summary.reason ?? "");
  // the run said its last words; a killed one had no time to
  assert.ok(world.query("SELECT 1 FROM directory WHERE in_flight = 1").length > 0);
}

for (const rescan of [false, true]) {
  Deno.test(`sync records what a killed run had put in place when the next run ${rescan ? "scans anew" : "resumes"}`, async () => {
    using world = new MemoryWorld(
      { "a/b/file": "1", "a/link": { target: "b" }, old: "new content" },
      { old: "older" },
      { durability: "group" },
    );
    await killedAfterCommit(world);
    assert.deepEqual(Object.keys(world.to.tree()), ["a", "a/b", "a/b/file", "a/link", "old"]);
    assert.deepEqual(world.statuses(), ["pending a/b/file", "pending old"]);
    const { summary } = await world.run({ rescan });
    assert.equal(summary.exitCode, 0);
    assert.deepEqual(essence(world.to), essence(world.from));
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    assert.deepEqual(
      world.query("SELECT hash FROM files ORDER BY source_path").map((row) => row.hash),
      [hash("1"), hash("new content")],
    );
    const operations = world.records().filter(({ type }) => type === "operation").map((record) =>
      `${record.action} ${record.status} ${
        String(record.destination).slice(world.destination.length + 1)
      }`
    ).filter((text) => !text.startsWith("times")).sort();
    assert.deepEqual(operations, [
      "copy success a/b/file",
      "copy success a/link",
      "mkdir success a",
      "mkdir success a/b",
      "overwrite success old",
    ]);
    assert.deepEqual(world.query("SELECT * FROM unrecorded"), []);
    assert.deepEqual((await world.run({ dryRun: true })).planned, []);
  });
}

Deno.test("sync records an empty directory that a killed run had made", async () => {
  using world = new MemoryWorld({ "a/empty": null }, {}, { durability: "group" });
  const { summary } = await world.run({
    faults: { destination: [{ call: "flush", errno: "EIO" }] },
  });
  assert.equal(summary.exitCode, 3);
  assert.deepEqual(Object.keys(world.to.tree()), ["a", "a/empty"]);
  await world.run({ rescan: true });
  const made = world.records().filter(({ action }) => action === "mkdir");
  assert.deepEqual(made.map(({ status }) => status), ["success", "success"]);
  assert.match(String(made[0]!.reason), /made by a run that was interrupted/);
});
