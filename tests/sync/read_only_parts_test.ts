/** Destinations that are read-only: in a part of them, or as a whole. */
import assert from "node:assert/strict";
import { type Call, type Rule } from "../testing/faulty_backend.ts";
import { essence, MemoryWorld } from "../testing/world.ts";

const CHANGING: readonly Call[] = ["create", "makeDirectory", "setTimes", "removeFile"];

/** Nothing can be changed at paths that fit. */
const readOnly = (path: RegExp): Rule[] =>
  CHANGING.map((call): Rule => ({ call, path, errno: "EROFS" }));

const BEFORE = { "a/old": "1", "sub/old": "2", "sub/kept": "3", "z/old": "4" };
const AFTER = { "a/new": "5", "sub/new": "6", "sub/below/new": "7", "sub/kept": "3", "z/new": "8" };

for (const latency of ["immediate", "waiting"] as const) {
  Deno.test(`sync fails what is in a read-only part of the destination, ${latency}`, async () => {
    using world = new MemoryWorld(AFTER, BEFORE, { latency, durability: "file" });
    const options = { deleteExtras: true, maxDelete: { percent: 100 } } as const;
    const { summary } = await world.run({
      ...options,
      faults: { destination: readOnly(/^sub/) },
    });
    assert.equal(summary.exitCode, 1);
    assert.equal(summary.deleted, 2);
    assert.deepEqual(
      Object.keys(world.to.tree()).filter((path) => /new|old/.test(path)).sort(),
      ["a/new", "sub/old", "z/new"],
    );
    const failed = summary.failures.map(({ path }) => path);
    assert.deepEqual(failed.sort(), ["sub", "sub/below", "sub/below/new", "sub/new", "sub/old"]);
    assert.ok(summary.failures.every(({ message }) => message.includes("read-only file system")));
    assert.equal((await world.run(options)).summary.exitCode, 0);
    assert.deepEqual(essence(world.to), essence(world.from));
  });
}

Deno.test("sync stops at a destination that is read-only as a whole", async () => {
  using world = new MemoryWorld(AFTER, BEFORE);
  const { summary } = await world.run({ faults: { destination: readOnly(/./) } });
  assert.equal(summary.exitCode, 3);
  assert.match(summary.reason ?? "", /read-only file system/);
  assert.deepEqual(summary.failures, []);
});
