import assert from "node:assert/strict";
import { LaneTuning } from "../../src/control/lane_tuning.ts";
import { RunControl, type RunControlOptions } from "../../src/control/run_control.ts";
import { SharedCount } from "../../src/lib/shared_count.ts";
import { FakeClock } from "../testing/fake_clock.ts";

const MiB = 2 ** 20;

/** A server that does as much as there are lanes, and what the threads of its run see. */
function begin(options: Partial<RunControlOptions> = {}) {
  const clock = new FakeClock();
  const control = new RunControl({ bandwidth: null, clock, ...options });
  const wanted = new SharedCount(control.memory.lanes);
  const state = { paused: null as string | null, rate: 0 };
  const done = { files: 0, bytes: 0 };
  const stop = clock.every(100, () => done.files += (wanted.value ?? 32) / 10);
  const tuning = new LaneTuning({
    control,
    clock,
    done: () => ({ ...done }),
    snapshot: () => state,
    lanes: 32,
    threads: 2,
  });
  const cleaning = new DisposableStack();
  cleaning.use(tuning);
  cleaning.use(control);
  cleaning.defer(stop);
  return { clock, control, wanted, state, cleaning };
}

Deno.test("LaneTuning gives the threads more lanes where these do more, up to twice as many", async () => {
  const { clock, control, wanted, cleaning } = begin();
  using _ = cleaning;
  await clock.advance(10_000);
  assert.equal(wanted.value, 32);
  await clock.advance(290_000);
  assert.equal(wanted.value, 64);
  assert.deepEqual([control.state.lanes, control.state.lanesNow], [null, 64]);
});

Deno.test("LaneTuning leaves a number alone that was asked for, until nobody asks any more", async () => {
  const { clock, control, wanted, cleaning } = begin();
  using _ = cleaning;
  await clock.advance(300_000);
  control.lanes(5, "a test");
  assert.equal(wanted.value, 5);
  await clock.advance(300_000);
  assert.equal(wanted.value, 5);
  control.lanes(null, "a test");
  await clock.advance(1000);
  assert.equal(wanted.value, 32);
  await clock.advance(300_000);
  assert.equal(wanted.value, 64);
});

Deno.test("LaneTuning tries nothing while something else decides how much gets done", async () => {
  for (const hindered of ["limit", "pause", "operations"]) {
    const { clock, control, wanted, state, cleaning } = begin({
      bandwidth: { read: null, write: 20 * MiB },
      opsLimit: hindered === "operations" ? 100 : null,
    });
    using _ = cleaning;
    if (hindered === "limit") state.rate = 19 * MiB;
    if (hindered === "pause") state.paused = "paused by a test";
    for (let i = 0; i < 600; i++) {
      await clock.advance(1000);
      assert.equal(wanted.value, 32);
    }
    assert.equal(control.state.lanesNow, 32);
  }
});

Deno.test("LaneTuning ends when it is disposed of", async () => {
  const { clock, cleaning } = begin();
  cleaning.dispose();
  await clock.advance(10_000);
  assert.equal(clock.waiting, 0);
});
