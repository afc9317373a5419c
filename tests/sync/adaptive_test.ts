/** Runs that give way: with a share that becomes slower and quicker again, and on real disks. */
import assert from "node:assert/strict";
import type { RunControl } from "../../src/control/run_control.ts";
import type { GivesWay } from "../../src/event.ts";
import type { Statistics } from "../../src/report/statistics.ts";
import type { Rule } from "../testing/faulty_backend.ts";
import { DiskWorld, essence, MemoryWorld, readTree, type Tree } from "../testing/world.ts";

const SHARE = { latency: "waiting", durability: "file" } as const;

const MANY: Tree = Object.fromEntries(
  Array.from({ length: 40_000 }, (_, i) => [`${i % 200}/${i}`, `content ${i}`]),
);

Deno.test("sync with --adaptive gives way while the destination answers late, and comes back", async () => {
  using world = new MemoryWorld(MANY, {}, SHARE);
  let latency = 1, underway = 0, most = 0, recent = 0, waits = 0;
  const late: Rule = {
    call: "commit",
    act: async () => {
      underway += 1;
      most = Math.max(most, underway);
      const began = performance.now();
      await new Promise((resolve) => setTimeout(resolve, latency));
      recent += (performance.now() - began - recent) / 50;
      waits += 1;
      underway -= 1;
    },
  };
  let statistics: Statistics | null = null;
  let control: RunControl | null = null;
  const ended = world.run({
    adaptive: true,
    faults: { destination: [late] },
    reporter: (made, its) => {
      [statistics, control] = [made, its];
      return { event() {}, async [Symbol.asyncDispose]() {} };
    },
  });
  let over = false;
  ended.finally(() => over = true).catch(() => {});
  const until = async (isSo: (sides: readonly GivesWay[]) => boolean) => {
    while (!over && !isSo(statistics?.snapshot().givesWay ?? [])) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(over, false, "it was over too soon");
  };
  // it has learnt how long calls take, and holds fewer back; while the scan goes on beside other
  // tests, a call may take a second
  await until(() => most >= 4 && waits > 500 && recent < 100);
  // late by what this machine takes for quiet
  latency = Math.max(60, 20 * recent);
  await until(([side]) => side?.side === "destination" && side.width < 2);
  const [{ what, latency: told, quiet }] = statistics!.snapshot().givesWay! as [GivesWay];
  assert.equal(what, "names");
  assert.ok(told > 2 * quiet, `${told} ms, ${quiet} ms in quiet`);
  most = 0;
  latency = 1;
  await until((sides) => sides.length === 0);
  // what is under way may not be what decides any more: the limit and the pause are still obeyed
  control!.pause("a test");
  control!.resume("a test");
  control!.stop("a test has seen enough");
  const { summary } = await ended;
  assert.equal(summary.outcome, "more pending");
  assert.ok(summary.gaveWay! > 0);
});

Deno.test("sync with --adaptive does the same work on shares and on disks", async () => {
  const tree: Tree = {
    ...Object.fromEntries(Object.entries(MANY).slice(0, 300)),
    large: "x".repeat(300_000),
    link: { target: "large" },
    empty: null,
  };
  using shares = new MemoryWorld(tree, { extra: "1" }, SHARE);
  const onShares = await shares.run({ adaptive: true, deleteExtras: true, blockSize: 65536 });
  assert.equal(onShares.summary.outcome, "in sync");
  assert.deepEqual(essence(shares.to), essence(shares.from));
  assert.deepEqual(onShares.summary.givesWay, []);
  using disks = new DiskWorld(tree, { extra: "1" });
  const onDisks = await disks.run({ adaptive: true, deleteExtras: true, opsLimit: 5000 });
  assert.equal(onDisks.summary.outcome, "in sync");
  assert.deepEqual(readTree(disks.destination), readTree(disks.source));
});

Deno.test("sync without --adaptive has no way, and tells of none", async () => {
  using world = new MemoryWorld({ a: "1" });
  let ways: unknown;
  const { summary } = await world.run({
    reporter: (_, control) => {
      ways = control.memory.ways;
      return { event() {}, async [Symbol.asyncDispose]() {} };
    },
  });
  assert.deepEqual([ways, summary.givesWay, summary.gaveWay], [null, null, null]);
});
