/** A directory that somebody removes from the destination while a backlog is pending in it. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/lib/clock.ts";
import type { MemoryBackend } from "../../src/backend/memory.ts";
import type { Rule } from "../testing/faulty_backend.ts";
import { essence, MemoryWorld } from "../testing/world.ts";

const TREE = {
  "a/b/bad": "bad",
  "a/b/good": "1",
  "a/c/d/other": "2",
  "a/empty": null,
  "a/link": { target: "nowhere" },
  "kept/file": "3",
};

/** A clock on which no pause takes any time. */
function hastyClock() {
  const clock = systemClock();
  return {
    now: () => clock.now(),
    sleep: (_: number, options: { signal?: AbortSignal } = {}) => clock.sleep(0, options),
  };
}

async function remove(to: MemoryBackend, top: string): Promise<void> {
  const paths = Object.entries(to.tree()).filter(([path]) =>
    path === top || path.startsWith(`${top}/`)
  );
  for (const [path, node] of paths.reverse()) {
    if (node.kind === "directory") await to.removeDirectory(path);
    else await to.removeFile(path);
  }
}

/** A world in which one file is pending and the rest is in sync, and `gone` was removed since. */
async function worldWithout(gone: string): Promise<MemoryWorld> {
  const world = new MemoryWorld(TREE);
  const destination: Rule[] = [{ call: "create", path: "a/b/bad", errno: "EACCES" }];
  assert.equal((await world.run({ faults: { destination } })).summary.exitCode, 1);
  assert.deepEqual(world.statuses().filter((line) => line.startsWith("pending")), [
    "pending a/b/bad",
  ]);
  await remove(world.to, gone);
  return world;
}

for (const gone of ["a/b", "a"]) {
  Deno.test(`sync makes ${gone} again with all that was in it when it resumes and finds it gone`, async () => {
    using world = await worldWithout(gone);
    const { summary } = await world.run({ clock: hastyClock(), retries: 3 });
    assert.equal(summary.exitCode, 0, summary.failures[0]?.message);
    assert.deepEqual(summary.pending, { files: 0, bytes: 0 });
    assert.deepEqual(essence(world.to), essence(world.from));
    assert.deepEqual(world.statuses().filter((line) => !line.startsWith("synced")), []);
    assert.deepEqual(world.operations().filter((line) => line.includes("failure")), []);
    assert.deepEqual((await world.run({ dryRun: true })).planned, []);
  });
}

Deno.test("sync says that what was in a directory is pending again when it may not try again", async () => {
  using world = await worldWithout("a");
  const { summary } = await world.run({ retries: 0 });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.statuses(), [
    "pending a/b/bad",
    "pending a/b/good",
    "pending a/c/d/other",
    "synced kept/file",
  ]);
  const next = await world.run();
  assert.equal(next.summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});
