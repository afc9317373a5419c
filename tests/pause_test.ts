import assert from "node:assert/strict";
import { SyncError } from "../src/errors.ts";
import { type Cause, type PauseOptions, Pauses } from "../src/pause.ts";
import { FakeClock } from "./testing/fake_clock.ts";

const GONE = new SyncError("EROOT", "the source is gone", { scope: "run" });
const AWAITED = "the source to be mounted again";

function setUp(cause: Partial<Cause> | null, options: Partial<PauseOptions> = {}) {
  const clock = new FakeClock();
  const notes: string[] = [], shown: (string | null)[] = [];
  const stop = new AbortController();
  let resumed = 0;
  const pauses = new Pauses({
    clock,
    signal: stop.signal,
    causeOf: () =>
      Promise.resolve(
        cause &&
          { awaited: AWAITED, limit: 60_000, isOver: () => Promise.resolve(false), ...cause },
      ),
    show: (text) => shown.push(text),
    note: (message) => notes.push(message),
    resume: () => {
      resumed += 1;
      return Promise.resolve();
    },
    progress: () => 0,
    ...options,
  });
  return { clock, notes, shown, stop, pauses, resumed: () => resumed };
}

/** A stage that fails so often before it works. */
function stage(failures: number, error: unknown = GONE) {
  let runs = 0;
  return () => {
    runs += 1;
    return runs > failures ? Promise.resolve(runs) : Promise.reject(error);
  };
}

Deno.test("Pauses runs a stage once when nothing is wrong", async () => {
  const { pauses, notes, resumed } = setUp({});
  assert.equal(await pauses.through(stage(0)), 1);
  assert.deepEqual([notes, resumed()], [[], 0]);
});

Deno.test("Pauses begins a stage anew when what it waits for has come", async () => {
  let back = false;
  const { clock, pauses, notes, shown, resumed } = setUp({
    isOver: () => Promise.resolve(back),
  });
  const run = pauses.through(stage(1));
  await clock.advance(5000);
  assert.equal(shown.at(-1), `paused for 0:05 of 1:00: waiting for ${AWAITED}`);
  back = true;
  await clock.advance(2000);
  assert.equal(await run, 2);
  assert.deepEqual(notes, [
    `paused: the source is gone; waiting up to 1:00 for ${AWAITED}`,
    "going on after a pause of 0:07",
  ]);
  assert.deepEqual([shown.at(-1), resumed(), clock.waiting], [null, 1, 0]);
});

Deno.test("Pauses gives up with the reason when the limit has passed", async () => {
  const { clock, pauses, notes, shown } = setUp({});
  const run = assert.rejects(pauses.through(stage(1)), {
    code: "EROOT",
    scope: "run",
    message: `the source is gone (waited 1:00 for ${AWAITED})`,
  });
  await clock.advance(70_000);
  await run;
  assert.equal(notes.at(-1), `the pause is over: ${AWAITED} was waited for in vain`);
  assert.deepEqual([shown.at(-1), clock.waiting], [null, 0]);
});

Deno.test("Pauses waits no longer in all when going on achieves nothing", async () => {
  let asked = 0;
  // the first answer says that it is over, and the stage fails again at once
  const { clock, pauses } = setUp({ isOver: () => Promise.resolve(asked++ % 10 === 9) });
  const run = assert.rejects(pauses.through(stage(99)), { message: /waited 1:00/ });
  await clock.advance(65_000);
  await run;
});

Deno.test("Pauses gives each wait its full time when there was progress between", async () => {
  let achieved = 0;
  const { clock, pauses } = setUp({ isOver: () => Promise.resolve(true) }, {
    progress: () => achieved++,
  });
  const run = pauses.through(stage(100));
  await clock.advance(300_000);
  assert.equal(await run, 101);
});

Deno.test("Pauses asks one question at a time, and outlives one that is never answered", async () => {
  let asked = 0;
  const { clock, pauses } = setUp({
    isOver: () => {
      asked += 1;
      return new Promise(() => {});
    },
  });
  const run = assert.rejects(pauses.through(stage(1)), { code: "EROOT" });
  await clock.advance(61_000);
  await run;
  assert.equal(asked, 1);
});

Deno.test("Pauses does not wait for what waiting does not mend", async () => {
  for (const cause of [null, { limit: 0 }]) {
    const { pauses, notes } = setUp(cause);
    await assert.rejects(pauses.through(stage(1)), GONE);
    assert.deepEqual(notes, []);
  }
  const { pauses } = setUp({});
  const defect = new TypeError("a defect");
  await assert.rejects(pauses.through(stage(1, defect)), defect);
});

Deno.test("Pauses ends with the signal's reason when it is interrupted while it waits", async () => {
  const { clock, pauses, stop } = setUp({});
  const run = assert.rejects(pauses.through(stage(1)), { message: "enough" });
  await clock.advance(3000);
  stop.abort(new Error("enough"));
  await run;
  assert.equal(clock.waiting, 0);
});

Deno.test("Pauses waits again when it cannot go on after all", async () => {
  let tries = 0;
  const { clock, pauses, notes } = setUp({ isOver: () => Promise.resolve(true) }, {
    resume: () => ++tries === 1 ? Promise.reject(GONE) : Promise.resolve(),
  });
  const run = pauses.through(stage(1));
  await clock.advance(5000);
  assert.equal(await run, 2);
  assert.equal(notes.length, 4);
});
