/** Giving way, on a simulated server whose answers take longer the more is asked of it. */
import assert from "node:assert/strict";
import { Way, WayControl, wayMemory } from "../../src/backend/way.ts";
import type { GivesWay } from "../../src/event.ts";
import { Adaptive } from "../../src/control/adaptive.ts";
import { FLOOR } from "../../src/control/give_way.ts";
import { Latencies } from "../../src/lib/latencies.ts";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { SimulatedServer } from "../testing/simulated_server.ts";

const SECOND = 1000, MINUTE = 60_000;

/** A run with so many lanes at a server, which others use as well. */
function begin(
  { lanes = 32, width = 4, work = 5, travel = 1, bytes = 0, threads = 2 }: {
    readonly lanes?: number;
    readonly width?: number;
    readonly work?: number | (() => number);
    readonly travel?: number;
    readonly bytes?: number;
    readonly threads?: number;
  } = {},
) {
  const clock = new FakeClock(), stop = new AbortController(), { signal } = stop;
  const server = new SimulatedServer({ clock, width, travel });
  const ways = { source: wayMemory(), destination: wayMemory() };
  let giving: readonly GivesWay[] = [];
  const adaptive = new Adaptive({
    ways,
    clock,
    isPaused: () => false,
    changed: (now) => giving = now,
  });
  const bucket = new TokenBucket(bucketMemory(), clock);
  const counts = { own: 0, others: 0, waited: 0 };
  const one = typeof work === "number" ? () => work : work;
  for (let thread = 0; thread < threads; thread++) {
    const way = new Way(ways.destination, { clock, signal, share: 1 / threads, bucket });
    for (let lane = 0; lane < lanes / threads; lane++) {
      (async () => {
        while (!signal.aborted) {
          const call = bytes > 0 ? "write" : "create";
          await way.call(call, "", () => server.serve(one()), { files: 1, bytes });
          counts.own += 1;
        }
      })();
    }
  }
  let others = 0;
  /** From now on so many others use the server as well, one call after the other each. */
  const join = (many: number) => {
    others = many;
    for (let other = 0; other < many; other++) {
      (async () => {
        while (other < others) {
          const since = clock.now();
          await server.serve(one());
          counts.others += 1;
          counts.waited += clock.now() - since;
        }
      })();
    }
  };
  /** What is done in so many ms: own calls and those of the others per second, and how these wait. */
  const during = async (ms: number) => {
    const before = { ...counts };
    await clock.advance(ms);
    const done = (of: keyof typeof counts) => counts[of] - before[of];
    return {
      own: done("own") / ms * SECOND,
      others: done("others") / ms * SECOND,
      wait: done("waited") / done("others"),
    };
  };
  const cleaning = new AsyncDisposableStack();
  cleaning.defer(async () => {
    others = 0;
    stop.abort();
    adaptive[Symbol.dispose]();
    await clock.advance(MINUTE);
    assert.equal(clock.waiting, 0);
  });
  return { clock, during, join, cleaning, giving: () => giving, adaptive };
}

Deno.test("Adaptive costs a run that is alone next to nothing, however much it has in flight", async () => {
  for (
    const { width, travel } of [
      { width: 1, travel: 0 },
      { width: 4, travel: 1 },
      { width: 16, travel: 20 },
    ]
  ) {
    const { during, cleaning } = begin({ width, travel });
    await using _ = cleaning;
    await during(2 * MINUTE);
    const { own } = await during(12 * MINUTE);
    const most = Math.min(width * SECOND / 5, 32 * SECOND / (travel + 5));
    assert.ok(own > most * 0.97, `${own} calls of ${most} a second, ${width} wide`);
  }
});

Deno.test("Adaptive leaves the others nearly what they have without it, and comes back", async () => {
  const { during, join, cleaning, giving } = begin();
  await using _ = cleaning;
  const alone = await during(5 * MINUTE);
  assert.deepEqual(giving(), []);
  join(8);
  await during(MINUTE / 2);
  assert.equal(giving().length, 1);
  const { side, what, latency, quiet, width } = giving()[0]!;
  assert.deepEqual([side, what], ["destination", "names"]);
  assert.ok(latency > quiet * 1.5 && width < 4, `${latency} ms, ${quiet} in quiet, ${width}`);
  const beside = await during(10 * MINUTE);
  // by themselves they would do 800 a second, and beside 32 lanes 160
  assert.ok(beside.others > 600, `${beside.others} a second`);
  assert.ok(beside.own > 10, `${beside.own} a second`);
  join(0);
  await during(MINUTE);
  assert.deepEqual(giving(), []);
  const after = await during(5 * MINUTE);
  assert.ok(after.own > alone.own * 0.97, `${after.own} a second, ${alone.own} before`);
});

Deno.test("Adaptive gives way down to its floor where the others leave nothing, and goes on", async () => {
  const { during, join, cleaning, giving } = begin({ width: 1, travel: 0 });
  await using _ = cleaning;
  await during(2 * MINUTE);
  join(20);
  await during(2 * MINUTE);
  const { own, others } = await during(10 * MINUTE);
  assert.equal(giving()[0]!.width, FLOOR);
  assert.ok(own > 0.5 && own < 5, `${own} a second`);
  assert.ok(others > 190, `${others} a second`);
});

Deno.test("Adaptive takes what has become the usual for quiet, within the hour", async () => {
  const { during, join, cleaning } = begin({ width: 1, travel: 0, lanes: 8 });
  await using _ = cleaning;
  await during(2 * MINUTE);
  join(3);
  await during(5 * MINUTE);
  const soon = await during(10 * MINUTE);
  await during(45 * MINUTE);
  const late = await during(10 * MINUTE);
  assert.ok(late.own > soon.own * 1.5, `${soon.own} a second, then ${late.own}`);
  // it takes its part, and no more
  assert.ok(late.others > 80, `${late.others} a second`);
});

Deno.test("Adaptive does the same with blocks, of which one at a time fills the line", async () => {
  // 5 MiB at 125 MB/s
  const { during, join, cleaning, giving } = begin({
    width: 1,
    work: 42,
    travel: 0.2,
    bytes: 5 * 2 ** 20,
  });
  await using _ = cleaning;
  await during(3 * MINUTE);
  const alone = await during(10 * MINUTE);
  assert.ok(alone.own > 0.97 * SECOND / 42, `${alone.own} blocks a second`);
  join(2);
  await during(MINUTE);
  const beside = await during(10 * MINUTE);
  assert.equal(giving()[0]!.what, "data");
  assert.ok(beside.others > 0.75 * SECOND / 42, `${beside.others} blocks a second`);
});

Deno.test("Adaptive is not misled by calls that take differently long by themselves", async () => {
  // a fifth of them takes ten times as long as the others: what is not in the server's memory
  let call = 0;
  const { during, cleaning } = begin({
    work: () => call++ % 5 === 0 ? 20 : 2,
    width: 16,
    travel: 0.5,
  });
  await using _ = cleaning;
  await during(3 * MINUTE);
  const { own } = await during(10 * MINUTE);
  const most = 16 * SECOND / 5.6;
  assert.ok(own > most * 0.85, `${own} calls of ${most} a second`);
});

Deno.test("Adaptive measures nothing while the run is paused", async () => {
  const clock = new FakeClock(), ways = { source: wayMemory(), destination: wayMemory() };
  let paused = true, told = 0;
  using adaptive = new Adaptive({ ways, clock, isPaused: () => paused, changed: () => told += 1 });
  const before = new WayControl(ways.source).width;
  new Latencies(ways.source.latencies).add(0, 10);
  await clock.advance(60_000);
  assert.equal(new WayControl(ways.source).width, before);
  assert.equal(told, 120);
  paused = false;
  for (let i = 0; i < 10; i++) new Latencies(ways.source.latencies).add(0, 10);
  await clock.advance(1000);
  assert.ok(adaptive.decides);
  adaptive[Symbol.dispose]();
  await clock.advance(1000);
  assert.equal(clock.waiting, 0);
});
