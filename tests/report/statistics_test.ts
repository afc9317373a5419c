import assert from "node:assert/strict";
import { type Finished, Statistics } from "../../src/report/statistics.ts";
import { FakeClock } from "../testing/fake_clock.ts";

const MIB = 2 ** 20;

function setUp() {
  const clock = new FakeClock(1e6);
  return { clock, statistics: new Statistics(clock) };
}

function copied(bytes: number, lanes: string | null = "w1"): Finished {
  return { action: "copy", status: "success", bytes, lanes };
}

function near(actual: number | null, expected: number, tolerance = 0.05) {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= expected * tolerance,
    `${actual} is not near ${expected}`,
  );
}

/** One file of `size` bytes that grows by `step` bytes every 250 ms, for `times` steps. */
async function transfer(
  { clock, statistics }: ReturnType<typeof setUp>,
  step: number,
  times: number,
  size: number,
) {
  for (let i = 1; i <= times; i++) {
    await clock.advance(250);
    const done = i * step;
    statistics.progress("w1", [{ path: "big", size, done }], done);
  }
}

Deno.test("Statistics gives back what it was told when told in absolute numbers", () => {
  const { statistics } = setUp();
  const counts = { directories: 1, files: 2, bytes: 3, errors: 4 };
  statistics.phase("scan");
  statistics.side("source", counts, true);
  statistics.pending({ files: 5, bytes: 6 });
  statistics.ever({ files: 7, bytes: 8 });
  statistics.limit({ read: null, write: 9 });
  statistics.notice("waiting");
  const snapshot = statistics.snapshot();
  assert.equal(snapshot.phase, "scan");
  assert.deepEqual(snapshot.source, { ...counts, done: true });
  assert.equal(snapshot.destination.done, false);
  assert.deepEqual(snapshot.pending, { files: 5, bytes: 6 });
  assert.deepEqual(snapshot.copiedEver, { files: 7, bytes: 8 });
  assert.equal(snapshot.limit, 9);
  assert.equal(snapshot.notice, "waiting");
});

Deno.test("Statistics counts each operation once when operations end in all ways", () => {
  const { statistics } = setUp();
  statistics.finished(copied(10));
  statistics.finished({ action: "overwrite", status: "success", bytes: 5, lanes: null });
  statistics.finished({ action: "copy", status: "failure", bytes: 100, lanes: "w1" });
  statistics.finished({ action: "copy", status: "skipped", bytes: 100, lanes: "w1" });
  statistics.finished({ action: "skip", status: "success", bytes: 0, lanes: null });
  statistics.finished({ action: "refuse", status: "skipped", bytes: 0, lanes: null });
  statistics.finished({ action: "delete", status: "success", bytes: 7, lanes: null });
  statistics.finished({ action: "delete", status: "failure", bytes: 7, lanes: null });
  statistics.finished({ action: "mkdir", status: "success", bytes: 0, lanes: null });
  const { copied: done, failed, skipped, refused, deleted } = statistics.snapshot();
  assert.deepEqual(
    { done, failed, skipped, refused, deleted },
    { done: { files: 2, bytes: 15 }, failed: 2, skipped: 2, refused: 1, deleted: 1 },
  );
});

Deno.test("Statistics counts no byte twice when a file ends before the worker's next report", () => {
  const { statistics } = setUp();
  statistics.progress("w1", [{ path: "a", size: 100, done: 80 }], 80);
  assert.equal(statistics.snapshot().copied.bytes, 80);
  statistics.finished(copied(100));
  assert.equal(statistics.snapshot().copied.bytes, 100);
  statistics.progress("w1", [{ path: "b", size: 100, done: 30 }], 30);
  statistics.progress("w2", [{ path: "c", size: 100, done: 1 }], 1);
  assert.equal(statistics.snapshot().copied.bytes, 131);
  assert.deepEqual(statistics.snapshot().copiedEver, { files: 1, bytes: 131 });
});

Deno.test("Statistics drops the bytes of a file when it failed", () => {
  const { statistics } = setUp();
  statistics.progress("w1", [{ path: "a", size: 100, done: 80 }], 80);
  statistics.finished({ action: "copy", status: "failure", bytes: 100, lanes: "w1" });
  statistics.progress("w1", [], 0);
  assert.equal(statistics.snapshot().copied.bytes, 0);
  statistics.progress("w1", [{ path: "a", size: 100, done: 50 }], 50);
  statistics.finished(copied(100));
  statistics.progress("w1", [], 0);
  assert.deepEqual(statistics.snapshot().copied, { files: 1, bytes: 100 });
});

Deno.test("Statistics measures rate and time left when a large file is on its way", async () => {
  const all = setUp();
  await all.clock.advance(3_600_000); // the scan does not count as slow transfer
  all.statistics.backlog({ files: 1, bytes: 1000 * MIB });
  all.statistics.progress("w1", [{ path: "big", size: 1000 * MIB, done: 0 }], 0);
  await transfer(all, 2.5 * MIB, 80, 1000 * MIB);
  const { rate, secondsLeftByBytes, secondsLeftByFiles, active } = all.statistics.snapshot();
  near(rate, 10 * MIB);
  near(secondsLeftByBytes, 80);
  assert.equal(secondsLeftByFiles, null, "no file has ended yet");
  near(active[0]!.rate, 10 * MIB);
  near(active[0]!.secondsLeft, 80);
});

Deno.test("Statistics measures by files when there are many small ones", async () => {
  const { clock, statistics } = setUp();
  statistics.backlog({ files: 10_000, bytes: 10_000 * 512 });
  for (let i = 0; i < 4000; i++) {
    await clock.advance(10);
    statistics.finished(copied(512));
    if (i % 25 === 0) statistics.progress("w1", [], 0);
  }
  const { rate, fileRate, secondsLeftByBytes, secondsLeftByFiles } = statistics.snapshot();
  near(rate, 51_200);
  near(fileRate, 100);
  near(secondsLeftByBytes, 60);
  near(secondsLeftByFiles, 60);
});

Deno.test("Statistics judges files by the whole transfer when few have ended lately", async () => {
  const { clock, statistics } = setUp();
  statistics.backlog({ files: 10, bytes: 10 * MIB });
  statistics.progress("w1", [{ path: "a", size: MIB, done: 1 }], 1);
  for (let i = 1; i <= 4; i++) {
    await clock.advance(50_000);
    statistics.finished(copied(MIB));
    statistics.progress("w1", [], 0);
  }
  near(statistics.snapshot().secondsLeftByFiles, 300);
});

Deno.test("Statistics knows no time left when the transfer has just begun", async () => {
  const all = setUp();
  all.statistics.backlog({ files: 10, bytes: 1000 * MIB });
  assert.equal(all.statistics.snapshot().secondsLeftByBytes, null);
  await transfer(all, MIB, 7, 1000 * MIB);
  assert.equal(all.statistics.snapshot().secondsLeftByBytes, null);
  await transfer(all, MIB, 4, 1000 * MIB);
  assert.notEqual(all.statistics.snapshot().secondsLeftByBytes, null);
});

Deno.test("Statistics lets rates sink and forgets times left when the transfer stalls", async () => {
  const all = setUp();
  all.statistics.backlog({ files: 1, bytes: 1000 * MIB });
  await transfer(all, MIB, 40, 1000 * MIB);
  const busy = all.statistics.snapshot();
  await all.clock.advance(4000);
  const slower = all.statistics.snapshot();
  assert.ok(slower.rate < busy.rate && slower.rate > 0);
  assert.ok(slower.active[0]!.rate! < busy.active[0]!.rate!);
  await all.clock.advance(120_000);
  const stalled = all.statistics.snapshot();
  assert.equal(stalled.rate, 0);
  assert.equal(stalled.secondsLeftByBytes, null);
  assert.equal(stalled.active[0]!.secondsLeft, null);
});

Deno.test("Statistics counts failed files as no longer ahead when it tells the time left", async () => {
  const { clock, statistics } = setUp();
  statistics.backlog({ files: 1000, bytes: 1000 });
  for (let i = 0; i < 1000; i++) {
    await clock.advance(10);
    statistics.finished({ ...copied(1), status: i % 2 === 0 ? "failure" : "success" });
  }
  const { secondsLeftByBytes, secondsLeftByFiles } = statistics.snapshot();
  assert.deepEqual([secondsLeftByBytes, secondsLeftByFiles], [0, 0]);
});

Deno.test("Statistics shows the oldest file first when small files rush by", async () => {
  const { clock, statistics } = setUp();
  const big = { path: "big", size: 1e9, done: 1 };
  for (let i = 0; i < 5; i++) {
    statistics.progress("w1", [{ path: `small ${i}`, size: 1, done: 0 }], 0);
    statistics.progress("w2", [big], 1);
    await clock.advance(1000);
  }
  statistics.progress("w1", [{ path: "small 9", size: 1, done: 0 }], 0);
  assert.deepEqual(statistics.snapshot().active.map(({ path }) => path), ["big", "small 9"]);
  assert.equal("since" in statistics.snapshot().active[0]!, false);
});

Deno.test("Statistics gives a file that starts anew no rate when it is retried", async () => {
  const { clock, statistics } = setUp();
  for (const done of [0, 500, 100]) {
    statistics.progress("w1", [{ path: "a", size: 1000, done }], done);
    await clock.advance(1000);
  }
  assert.equal(statistics.snapshot().active[0]!.rate, null);
});

Deno.test("Statistics keeps only the first failures when there are many", () => {
  const { statistics } = setUp();
  for (let i = 0; i < 1000; i++) statistics.failure(`f${i}`, "EIO");
  const summary = statistics.summary({ outcome: "failures", reason: null, exitCode: 1 });
  assert.equal(summary.failures.length, 10);
  assert.deepEqual(summary.failures[0], { path: "f0", message: "EIO" });
  assert.equal(summary.outcome, "failures");
});

Deno.test("Statistics adds up for how long a run has given way, on either side", async () => {
  const { clock, statistics } = setUp();
  assert.deepEqual([statistics.snapshot().givesWay, statistics.snapshot().gaveWay], [null, null]);
  const side = { side: "source", what: "data", latency: 9, quiet: 3, width: 2 } as const;
  statistics.givesWay([]);
  await clock.advance(1000);
  statistics.givesWay([side]);
  await clock.advance(500);
  statistics.givesWay([side, { ...side, side: "destination" }]);
  await clock.advance(250);
  statistics.givesWay([]);
  await clock.advance(1000);
  assert.deepEqual([statistics.snapshot().givesWay, statistics.snapshot().gaveWay], [[], 750]);
});
