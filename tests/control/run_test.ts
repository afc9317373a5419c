/** Whole runs under control: in one process, with both sides in memory or on disk. */
import assert from "node:assert/strict";
import { parseBandwidth, parseRates } from "../../src/bandwidth.ts";
import type { RunControl } from "../../src/control/run_control.ts";
import { turn } from "../../src/lib/turn.ts";
import type { Statistics } from "../../src/report/statistics.ts";
import { DiskWorld, essence, MemoryWorld, type RunOptions, type Tree } from "../testing/world.ts";

const MiB = 2 ** 20;
const never = new AbortController().signal;

/** Starts a run, and resolves with its control once it has begun. */
async function begin(world: MemoryWorld | DiskWorld, options: RunOptions = {}) {
  const begun = Promise.withResolvers<{ control: RunControl; statistics: Statistics }>();
  const messages: string[] = [];
  const ended = world.run({
    ...options,
    reporter: (statistics, control) => ({
      event(event) {
        if (event.type === "start") begun.resolve({ control, statistics });
        if (event.type === "note") messages.push(event.message);
      },
      async [Symbol.asyncDispose]() {},
    }),
  });
  ended.catch(begun.reject);
  return { ...await begun.promise, ended, messages };
}

/** Looks again and again, with everything else having its turn, until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn(never);
}

const MANY: Tree = Object.fromEntries(
  Array.from({ length: 200 }, (_, i) => [`${i % 20}/${i}`, `content ${i}`]),
);

Deno.test("sync does nothing at all while it is paused from its beginning, and then everything", async () => {
  using world = new MemoryWorld(MANY);
  const { control, statistics, ended, messages } = await begin(world, {
    bwlimit: parseBandwidth("08:00,pause 20:00,off"),
    local: () => ({ weekday: 0, minute: 12 * 60 }),
  });
  assert.equal(statistics.snapshot().paused, "paused by the timetable");
  for (let i = 0; i < 200; i++) await turn(never);
  assert.equal(statistics.snapshot().source.files, 0);
  using empty = new MemoryWorld();
  assert.deepEqual(Object.keys(world.to.tree()), Object.keys(empty.to.tree()));
  control.resume("a test");
  assert.equal((await ended).summary.outcome, "in sync");
  assert.deepEqual(essence(world.to), essence(world.from));
  assert.deepEqual(messages, ["resumed by a test"]);
});

/** Files that take a while at a limit: 64 blocks each. */
const LARGE: Tree = Object.fromEntries(
  Array.from({ length: 8 }, (_, i) => [`${i}/large`, `${i}`.repeat(256 * 1024)]),
);

Deno.test("sync neither reads nor writes while it is paused amid the transfer, and then goes on", async () => {
  using world = new MemoryWorld(LARGE, {}, { latency: "waiting", durability: "file" });
  const { control, statistics, ended } = await begin(world, { bwlimit: 4 * MiB, blockSize: 4096 });
  await until(() => statistics.snapshot().copied.bytes > 100_000);
  control.pause("a test");
  const copied = () => {
    const { copied, active } = statistics.snapshot();
    return [copied.bytes, ...active.map(({ path, done }) => `${path} ${done}`)].join();
  };
  // what is in hand is done, and told, after a while
  let last = copied(), same = 0;
  await until(() => {
    same = last === copied() ? same + 1 : 0;
    last = copied();
    return same > 400;
  });
  assert.equal(statistics.snapshot().paused, "paused by a test");
  assert.ok(statistics.snapshot().copied.bytes < 8 * 256 * 1024);
  control.resume("a test");
  control.limit(parseRates("off"), "a test");
  assert.equal((await ended).summary.outcome, "in sync");
  assert.equal(statistics.snapshot().paused, null);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync that is ended early has exit code 0, says what is pending, and is resumed", async () => {
  using world = new MemoryWorld(LARGE);
  const { control, statistics, ended } = await begin(world, { bwlimit: MiB, blockSize: 4096 });
  await until(() => statistics.snapshot().copied.bytes > 10_000);
  control.stop("a test has asked for it");
  const { summary } = await ended;
  assert.deepEqual(
    [summary.outcome, summary.exitCode, summary.reason],
    ["more pending", 0, "a test has asked for it"],
  );
  assert.ok(summary.pending.files > 0);
  const end = world.records().at(-1)!;
  assert.deepEqual(
    [end.type, end.outcome, end.exit_code, end.reason],
    ["end", "more pending", 0, "a test has asked for it"],
  );
  assert.equal(world.query("SELECT exit_code FROM run")[0]!.exit_code, 0);
  assert.deepEqual(world.query("SELECT count(*) AS n FROM outbox_written")[0]!.n, 1);
  const next = await begin(world);
  assert.equal((await next.ended).summary.outcome, "in sync");
  assert.equal(world.records().findLast(({ type }) => type === "start")!.resumed, true);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync that is ended early has exit code 1 when something failed", async () => {
  using world = new MemoryWorld({ bad: "x", ...LARGE });
  const { control, statistics, ended } = await begin(world, {
    bwlimit: MiB,
    blockSize: 4096,
    faults: { source: [{ call: "open", path: "bad", errno: "EIO" }] },
  });
  await until(() => statistics.snapshot().failed > 0);
  control.stop("a test has asked for it");
  const { summary } = await ended;
  assert.deepEqual([summary.outcome, summary.exitCode], ["more pending", 1]);
});

Deno.test("sync can be ended, and its limit changed, while it waits for a root that is gone", async () => {
  using world = new MemoryWorld(LARGE);
  const { control, statistics, ended } = await begin(world, {
    waitForMount: 600_000,
    faults: {
      source: [{ call: "identify", after: 3, identity: { device: 1n, inode: 4711n } }],
    },
  });
  await until(() => /waiting for the same file/.test(statistics.snapshot().paused ?? ""));
  control.pause("a test");
  assert.match(statistics.snapshot().paused!, /^paused by a test; paused for .* waiting for/);
  control.limit(parseRates("5M"), "a test");
  assert.equal(statistics.snapshot().limit, 5 * MiB);
  control.stop("a test has asked for it");
  assert.equal((await ended).summary.outcome, "more pending");
  const notes = world.records().filter(({ type }) => type === "note").map(({ message }) => message);
  assert.deepEqual(notes.slice(-3), [
    "paused by a test",
    "limit: 5.00 MiB/s, set by a test",
    "ending: a test has asked for it",
  ]);
});

Deno.test("sync records two rates as two, and a timetable as it was written", async () => {
  using world = new MemoryWorld({ file: "1" });
  for (const text of ["5M", "5M:off", "5M Sat,off"]) {
    await world.run({ bwlimit: parseBandwidth(text) });
  }
  const starts = world.records().filter(({ type }) => type === "start");
  assert.deepEqual(starts.map(({ options }) => (options as { bwlimit: unknown }).bwlimit), [
    5 * MiB,
    { read: 5 * MiB, write: null },
    "5M Sat,off",
  ]);
});

/** Files of 1,000 bytes. */
const EVEN: Tree = Object.fromEntries(
  Array.from({ length: 30 }, (_, i) => [`${i % 7}/${i}`, "x".repeat(1000)]),
);

for (const [where, World] of [["in memory", MemoryWorld], ["on disk", DiskWorld]] as const) {
  for (const overlap of [true, false]) {
    const how = overlap ? "beside the scan" : "after the scan";
    Deno.test(`sync transfers as much as --max-transfer allows, ${where} and ${how}`, async () => {
      using world = new World(EVEN);
      const options = { maxTransfer: 12_500, overlap };
      const copied: number[] = [];
      for (let left = 30; left > 0; left -= 12) {
        const { summary } = await world.run(options);
        copied.push(summary.copied.files);
        if (left <= 12) {
          assert.deepEqual([summary.outcome, summary.exitCode], ["in sync", 0]);
          break;
        }
        assert.deepEqual(
          [summary.outcome, summary.exitCode, summary.reason],
          ["more pending", 0, "--max-transfer is used up"],
        );
        assert.equal(world.records().at(-1)!.reason, "--max-transfer is used up");
      }
      assert.deepEqual(copied, [12, 12, 6]);
      assert.equal(world.query("SELECT count(*) AS n FROM directory WHERE in_flight = 1")[0]!.n, 0);
    });
  }
}

Deno.test("sync leaves files that are larger than --max-transfer, and says how many", async () => {
  using world = new MemoryWorld({
    ...EVEN,
    huge: "x".repeat(50_000),
    "0/huge": "y".repeat(40_000),
  });
  const { summary } = await world.run({ maxTransfer: 39_000 });
  assert.deepEqual(
    [summary.outcome, summary.exitCode, summary.reason],
    ["more pending", 0, "2 files are larger than --max-transfer"],
  );
  assert.deepEqual([summary.copied.files, summary.pending.files], [30, 2]);
  assert.equal((await world.run({ maxTransfer: 100_000 })).summary.outcome, "in sync");
});

Deno.test("sync that is ended by --max-transfer deletes nothing, and the one that completes does", async () => {
  using world = new MemoryWorld(EVEN, { extra: "1", ...EVEN });
  world.from.put("0/new", { content: "n".repeat(10) });
  world.from.put("1/new", { content: "n".repeat(10) });
  const first = await world.run({ maxTransfer: 10, deleteExtras: true });
  assert.equal(first.summary.outcome, "more pending");
  assert.ok("extra" in world.to.tree());
  const second = await world.run({ maxTransfer: 10, deleteExtras: true });
  assert.equal(second.summary.outcome, "in sync");
  assert.ok(!("extra" in world.to.tree()));
});

Deno.test("sync ends after --stop-after, however long its files take", async () => {
  using world = new MemoryWorld(LARGE);
  const { summary } = await world.run({ stopAfter: 1, bwlimit: MiB, blockSize: 4096 });
  assert.deepEqual([summary.outcome, summary.exitCode], ["more pending", 0]);
  assert.match(summary.reason!, /of --stop-after are over$/);
});
