import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { essence, fill, MemoryWorld, THEN, type Tree } from "../testing/world.ts";

const SECOND = 1_000_000_000n, HOUR = 3600n * SECOND;
const down = (unit: bigint) => (time: bigint) => time - ((time % unit) + unit) % unit;

const TREE: Tree = {
  "a": { content: "1", mtime: THEN },
  "odd": { content: "2", mtime: 1_000_000_001n * SECOND + 999_999_999n },
  "early": { content: "3", mtime: -5n * SECOND - 1n },
  "late": { content: "4", mtime: 4_000_000_000n * SECOND + 5n },
  "link": { target: "a", mtime: THEN + 7n },
  "d/e/f": { content: "5", mtime: THEN + 3n },
  "d/e": { kind: "directory", mtime: THEN + 9n },
};

/** A run after a run: it must find nothing to do, and neither must its plan. */
async function settles(world: MemoryWorld): Promise<void> {
  assert.equal((await world.run()).summary.exitCode, 0);
  assert.deepEqual((await world.run({ dryRun: true })).planned, []);
  const { summary } = await world.run({ rescan: true });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(world.operations(), []);
}

Deno.test("sync copies nothing again when the destination keeps coarse times", async () => {
  for (const unit of [100n, SECOND, 2n * SECOND]) {
    using world = new MemoryWorld(TREE, {}, undefined, down(unit));
    await settles(world);
    assert.equal(
      world.query("SELECT time_precision FROM destination_trait")[0]!.time_precision,
      Number(unit),
    );
  }
});

Deno.test("sync copies nothing again when the destination keeps no times beyond a range", async () => {
  const latest = (2n ** 31n - 1n) * SECOND;
  const keep = (time: bigint) => down(SECOND)(time > latest ? latest : time < 0n ? 0n : time);
  using world = new MemoryWorld(TREE, {}, undefined, keep);
  await settles(world);
});

Deno.test("sync copies nothing again when the destination cuts times to 32 bits", async () => {
  const cut = (time: bigint) => BigInt.asUintN(32, down(SECOND)(time) / SECOND) * SECOND;
  const tree = { ...TREE, "old": { kind: "directory", mtime: -300_000_000n * SECOND } } as const;
  using world = new MemoryWorld(tree, {}, undefined, cut);
  await settles(world);
  fill(world.from, { "early": { content: "3", mtime: -7n * SECOND } });
  await world.run();
  assert.deepEqual(world.operations(), ["overwrite success early", "times success "]);
});

Deno.test("sync copies nothing again when the destination shifts times by hours", async () => {
  using world = new MemoryWorld(TREE, {}, undefined, (time) => down(2n * SECOND)(time) - HOUR);
  await settles(world);
});

Deno.test("sync makes no link again when the destination keeps no times of links", async () => {
  const now = 1_790_000_000n * SECOND;
  using world = new MemoryWorld(TREE, {}, undefined, (time, kind) => {
    return kind === "symlink" ? now : time;
  });
  await settles(world);
  // what is known of files holds as before, and so do targets
  fill(world.from, { "a": { content: "9", mtime: THEN + 1n }, "link": { target: "d" } });
  await world.run();
  assert.deepEqual(world.operations(), [
    "overwrite success a",
    "overwrite success link",
    "times success ",
  ]);
  await settles(world);
});

Deno.test("sync gives links no times when the destination would give them to their targets", async () => {
  using world = new MemoryWorld(TREE);
  const faults = { destination: [{ call: "setTimes", path: /link$/, errno: "ENOENT" }] } as const;
  const { summary, events } = await world.run({ faults });
  assert.equal(summary.exitCode, 0);
  assert.notEqual(world.to.tree()["link"]!.mtime, world.from.tree()["link"]!.mtime);
  const notes = events.filter((event) => event.type === "note").map(({ message }) => message);
  assert.ok(notes.some((message) => message.includes("no times of symbolic links")), `${notes}`);
  await world.run({ faults, rescan: true });
  assert.deepEqual(world.operations(), []);
});

Deno.test("sync says in each run that the destination does not keep times", async () => {
  using world = new MemoryWorld(TREE, {}, undefined, () => 1_790_000_000n * SECOND);
  for (let i = 0; i < 2; i++) {
    const { summary, events } = await world.run({ rescan: false });
    assert.ok(summary.copied.files > 0);
    const notes = events.flatMap((event) => event.type === "note" ? [event.message] : []);
    assert.ok(notes.some((note) => note.startsWith("the destination does not keep the times")));
  }
});

Deno.test("sync finds out about the times of links when the database is older", async () => {
  const now = 1_790_000_000n * SECOND;
  using world = new MemoryWorld(TREE, {}, undefined, (time, kind) => {
    return kind === "symlink" ? now : time;
  });
  await world.run();
  {
    using database = new DatabaseSync(world.db);
    database.exec("UPDATE destination_trait SET link_times = NULL");
  }
  await settles(world);
  const found = world.query("SELECT link_times FROM destination_trait");
  assert.deepEqual(found, [{ link_times: "lost" }]);
});

Deno.test("sync carries times that are beyond what the database can hold", async () => {
  // 1601, where the times of Windows begin; 2446, where those of ext4 end; and a broken one
  const times = [-11_644_473_600n * SECOND, 15_032_385_535n * SECOND + 7n, 10n ** 15n * SECOND];
  for (const [i, mtime] of times.entries()) {
    const tree: Tree = {
      "small": { content: "1", mtime },
      "large": { content: "1".repeat(100_000), mtime },
      "link": { target: "a", mtime },
      "d/file": { content: "2", mtime },
      "d": { kind: "directory", mtime },
    };
    const extra: Tree = { "extra": { content: "3", mtime } };
    using world = new MemoryWorld(tree, extra);
    const { summary } = await world.run({ deleteExtras: true });
    assert.equal(summary.exitCode, 0, `${i}: ${summary.reason}`);
    assert.deepEqual(essence(world.to), essence(world.from));
    await settles(world);
    fill(world.from, { "small": { content: "4", mtime: THEN } });
    assert.equal((await world.run()).summary.exitCode, 0);
    assert.deepEqual(essence(world.to), essence(world.from));
  }
});

Deno.test("sync copies what changed by more than the destination's precision", async () => {
  using world = new MemoryWorld(TREE, {}, undefined, down(2n * SECOND));
  await world.run();
  fill(world.from, { "a": { content: "9", mtime: THEN + 2n * SECOND } });
  await world.run();
  assert.deepEqual(world.operations(), ["overwrite success a", "times success "]);
});

Deno.test("sync goes by --modify-window when it is given", async () => {
  const source: Tree = { "a": { content: "1", mtime: THEN + 100n } };
  using world = new MemoryWorld(source, { "a": { content: "1", mtime: THEN } });
  const copies = async (modifyWindow: number | null) =>
    (await world.run({ modifyWindow, dryRun: true })).planned.filter((line) => line.endsWith(" a"));
  assert.deepEqual(await copies(100), []);
  assert.deepEqual(await copies(99), ["overwrite a"]);
  assert.deepEqual(await copies(null), ["overwrite a"]);
  // a coarse destination does not make up for a window that is asked for
  using coarse = new MemoryWorld(source, {}, undefined, down(SECOND));
  await coarse.run();
  assert.deepEqual((await coarse.run({ modifyWindow: 0, dryRun: true })).planned, [
    "overwrite a",
    "times .",
  ]);
});

Deno.test("sync tries out the destination's times once, and a dry run never does", async () => {
  using world = new MemoryWorld(TREE, {}, undefined, down(SECOND));
  await world.run({ dryRun: true });
  assert.deepEqual(world.to.tree(), {});
  const probes = async (options = {}) => {
    let count = 0;
    const rule = { call: "create", path: /sluice-probe$/, act: () => void count++ } as const;
    await world.run({ ...options, faults: { destination: [rule] } });
    return count;
  };
  assert.deepEqual([await probes(), await probes(), await probes({ rescan: true })], [1, 0, 1]);
});

Deno.test("sync goes on with what the kind of place says when nothing can be tried out", async () => {
  using world = new MemoryWorld({ "d/a": "1" }, { "d": null });
  const rule = { call: "create", path: /sluice-probe$/, errno: "EACCES" } as const;
  const { summary, events } = await world.run({ faults: { destination: [rule] } });
  assert.equal(summary.exitCode, 0);
  assert.ok(
    events.some((event) => event.type === "note" && /could not be tried out/.test(event.message)),
  );
});
