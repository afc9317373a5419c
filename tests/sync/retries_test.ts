/** What fails for a passing reason is tried again later in the run. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/lib/clock.ts";
import { failure } from "../../src/backend/failures.ts";
import type { Rule } from "../testing/faulty_backend.ts";
import { essence, fill, MemoryWorld, THEN } from "../testing/world.ts";

/** A clock on which no pause takes any time; it remembers how long they were to be. */
function hastyClock() {
  const clock = systemClock();
  const pauses: number[] = [];
  return {
    pauses,
    now: () => clock.now(),
    sleep(ms: number, { signal }: { signal?: AbortSignal } = {}) {
      pauses.push(ms);
      // a turn of the event loop, so that whoever sleeps again and again lets others run
      return clock.sleep(0, { signal });
    },
  };
}

const TREE = { "d/bad": "bad", "d/good": "1", "good": "2", "e/f/new": "3" };

const FAULTS: { source?: Rule; destination?: Rule }[] = [
  { source: { call: "open", errno: "ETIMEDOUT", path: "d/bad" } },
  { source: { call: "read", errno: "EIO", path: "d/bad" } },
  { source: { call: "read", short: 1, path: "d/bad" } },
  { source: { call: "lookAgain", errno: "ESTALE", path: "d/bad" } },
  { destination: { call: "create", errno: "EBUSY", path: "d/bad" } },
  { destination: { call: "write", errno: "ECONNRESET", path: "d/bad" } },
  { destination: { call: "finish", errno: "EIO", path: "d/bad" } },
  { destination: { call: "commit", errno: "ENOTCONN", path: "d/bad" } },
  { destination: { call: "makeDirectory", errno: "EAGAIN", path: "d" } },
  { destination: { call: "makeDirectory", errno: "EAGAIN", path: "e" } },
  { destination: { call: "makeDirectory", errno: "EAGAIN", path: "empty" } },
  // nothing but directories is below it, and each of the three has a job
  { destination: { call: "makeDirectory", errno: "EAGAIN", path: "g", times: 3 } },
];

for (const { source, destination } of FAULTS) {
  const [side, rule] = source ? ["source", source] : ["destination", destination!];
  const what = `${rule.call} of ${rule.path} at the ${side} says ${rule.errno ?? "too little"}`;
  Deno.test(`sync tries again what failed when ${what}, and is in sync`, async () => {
    using world = new MemoryWorld({ ...TREE, empty: null, "g/h/empty": null });
    const clock = hastyClock();
    const faults = { [side as string]: [{ times: 2, ...rule }] };
    const { summary, events } = await world.run({ faults, clock, retries: 3 });
    assert.equal(summary.exitCode, 0, summary.reason ?? summary.failures[0]?.message);
    assert.equal(summary.failed, 0);
    assert.deepEqual(essence(world.to), essence(world.from));
    assert.deepEqual(world.statuses().filter((line) => !line.startsWith("synced")), []);
    // one record for each, however often it was tried
    assert.equal(new Set(world.operations()).size, world.operations().length);
    assert.deepEqual(world.operations().filter((line) => line.includes("failure")), []);
    const notes = events.filter((event) =>
      event.type === "note" && /try 2 of 4/.test(event.message)
    );
    assert.equal(notes.length, 1);
    assert.ok(clock.pauses.some((ms) => ms >= 1000 && ms <= 2000));
  });
}

Deno.test("sync fails a file that failed in every try, once, and goes on with it in the next run", async () => {
  using world = new MemoryWorld(TREE, { "d/bad": "old content" });
  const clock = hastyClock();
  const source: Rule[] = [{ call: "read", path: "d/bad", errno: "EIO" }];
  const { summary, events } = await world.run({ faults: { source }, clock, retries: 2 });
  assert.equal(summary.exitCode, 1);
  assert.equal(summary.failed, 1);
  assert.match(summary.failures[0]!.message, /input\/output error \(EIO\) \(tried 3 times\)/);
  assert.equal(events.filter(({ type }) => type === "failure").length, 1);
  assert.deepEqual(
    world.operations().filter((line) => line.includes("failure")),
    ["overwrite failure d/bad"],
  );
  assert.equal(essence(world.to)["d/bad"]!.content, "old content");
  const [row] = world.query("SELECT error, attempts FROM files WHERE status = 'pending'");
  assert.equal(row!.attempts, 3);
  assert.match(String(row!.error), /EIO/);
  assert.equal((await world.run()).summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync tries a directory that cannot be made again, and tells of it once", async () => {
  using world = new MemoryWorld({ "d/a": "1", "d/b": "2", "d/e/c": "3", "other": "4" });
  const clock = hastyClock();
  const destination: Rule[] = [{ call: "makeDirectory", path: "d", errno: "EIO" }];
  const { summary } = await world.run({ faults: { destination }, clock, retries: 2 });
  assert.equal(summary.exitCode, 1);
  const failed = world.operations().filter((line) => line.includes("failure"));
  assert.deepEqual(failed, [
    "copy failure d/a",
    "copy failure d/b",
    "copy failure d/e/c",
    "mkdir failure d",
  ]);
  assert.equal((await world.run()).summary.exitCode, 0);
});

Deno.test("sync tries a file again that changed while it was read, and copies one state of it", async () => {
  using world = new MemoryWorld({ file: "x".repeat(50_000) });
  const clock = hastyClock();
  let changes = 0;
  const change = () => fill(world.from, { file: `${++changes}`.repeat(40_000) });
  const source: Rule[] = [{ call: "read", path: "file", after: 2, times: 1, act: change }];
  const { summary } = await world.run({ blockSize: 10_000, faults: { source }, clock, retries: 1 });
  assert.equal(summary.exitCode, 0);
  assert.equal(changes, 1);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync reports a file that keeps changing as changed while it was read", async () => {
  using world = new MemoryWorld({ file: "x".repeat(50_000), other: "1" });
  const clock = hastyClock();
  let time = THEN;
  const source: Rule[] = [{
    call: "lookAgain",
    path: "file",
    act: () => void world.from.setTimes("file", { mtime: ++time, atime: THEN }),
  }];
  const { summary } = await world.run({ faults: { source }, clock, retries: 3 });
  assert.equal(summary.exitCode, 1);
  assert.match(summary.failures[0]!.message, /^changed while it was read: .* \(tried 4 times\)$/);
  assert.deepEqual(world.statuses(), ["pending file", "synced other"]);
  assert.equal("file" in world.to.tree(), false);
});

Deno.test("sync fails at once what will not pass, with advice, and goes on", async () => {
  const codes = { EACCES: /check the owner/, ENAMETOOLONG: /shorten it/, EINVAL: /characters/ };
  for (const [errno, advice] of Object.entries({ ...codes, EFBIG: /too large .*; / })) {
    using world = new MemoryWorld(TREE);
    const clock = hastyClock();
    const destination: Rule[] = [{ call: "create", path: "d/bad", errno }];
    const { summary, events } = await world.run({ faults: { destination }, clock, retries: 3 });
    assert.equal(summary.exitCode, 1);
    assert.match(summary.failures[0]!.message, advice);
    assert.deepEqual(
      events.filter((event) => event.type === "note" && /try/.test(event.message)),
      [],
    );
    assert.equal(world.statuses().filter((line) => line.startsWith("synced")).length, 3);
    const [row] = world.query("SELECT attempts FROM files WHERE status = 'pending'");
    assert.equal(row!.attempts, 1);
  }
});

Deno.test("sync ends when it is interrupted in the pause before another try", async () => {
  using world = new MemoryWorld(TREE);
  const stop = new AbortController();
  const clock = systemClock();
  const source: Rule[] = [{ call: "open", path: "d/bad", errno: "EIO" }];
  const { summary } = await world.run({
    faults: { source },
    retries: 3,
    signal: stop.signal,
    // the pauses are longer than a second, what looks at the run now and then comes each second
    clock: {
      now: () => clock.now(),
      sleep(ms, options) {
        if (ms > 1000) stop.abort(new Error("enough"));
        return clock.sleep(ms, options);
      },
    },
  });
  assert.equal(summary.exitCode, 130);
  assert.deepEqual(world.statuses().filter((line) => line.startsWith("pending")), [
    "pending d/bad",
  ]);
  assert.equal((await world.run()).summary.exitCode, 0);
});

Deno.test("sync asks a server that is down with one call at a time, and goes on when it is back", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`d${i % 20}/f${i}`, `${i}`.repeat(100)]),
  );
  using world = new MemoryWorld(files, {}, { latency: "waiting", durability: "file" });
  const clock = hastyClock();
  const seen = { state: "up", opens: 0, looks: 0, atOnce: 0, most: 0 };
  const down = () => {
    if (seen.state === "down") throw failure("ETIMEDOUT", "reach", "");
  };
  const source: Rule[] = [
    {
      call: "open",
      act() {
        if (seen.state === "up" && ++seen.opens === 30) seen.state = "down";
        else if (seen.state === "down") seen.opens += 1;
        down();
      },
    },
    {
      call: "identify",
      async act() {
        if (seen.state !== "down") return;
        seen.most = Math.max(seen.most, ++seen.atOnce);
        await new Promise((resolve) => setTimeout(resolve, 0));
        seen.atOnce -= 1;
        if (++seen.looks > 20) seen.state = "back";
        down();
      },
    },
  ];
  const { summary, events } = await world.run({
    faults: { source },
    clock,
    retries: 3,
    waitForMount: 3_600_000,
  });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
  const notes = events.flatMap((event) => event.type === "note" ? [event.message] : []);
  assert.ok(
    notes.some((text) => /^paused: the source .* cannot be reached: .*ETIMEDOUT/.test(text)),
  );
  // of 16 lanes each has asked once at most, and then the guard of each thread, and then one alone
  assert.ok(seen.opens <= 29 + 16, `${seen.opens} calls`);
  assert.ok(seen.looks > 20 && seen.most <= 8, `${seen.most} looks at once`);
});
