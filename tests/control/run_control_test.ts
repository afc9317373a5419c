import assert from "node:assert/strict";
import { parseBandwidth, parseRates } from "../../src/bandwidth.ts";
import { EndEarly } from "../../src/control/end_early.ts";
import { type ControlState, RunControl } from "../../src/control/run_control.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { localIn } from "../testing/local_time.ts";

const MiB = 2 ** 20;

/** A control whose day begins at `utc`, in Berlin, and what it says. */
function controlAt(bandwidth: string, utc = "2026-11-20T12:00:00Z") {
  const clock = new FakeClock();
  const start = Date.parse(utc);
  const control = new RunControl({
    bandwidth: parseBandwidth(bandwidth),
    clock,
    today: () => start + clock.now(),
    local: localIn("Europe/Berlin"),
  });
  const notes: string[] = [], states: ControlState[] = [];
  control.begin({
    note: (message) => void notes.push(message),
    changed: (state) => void states.push(state),
  });
  return { control, clock, notes, states };
}

/** The rate that threads see, in MiB/s. */
function writeRate({ buckets }: RunControl): number | null {
  const { rate } = buckets.write;
  return rate === null ? null : rate / MiB;
}

const MINUTES = 60_000;

Deno.test("RunControl sets the limit of the command line before anything is told", () => {
  using control = new RunControl({ bandwidth: parseBandwidth("20M:5M"), clock: new FakeClock() });
  assert.equal(control.buckets.read.rate, 20 * MiB);
  assert.equal(control.buckets.write.rate, 5 * MiB);
  assert.equal(control.gate.closed, false);
});

Deno.test("RunControl follows its timetable over midnight and tells each change", async () => {
  const { control, clock, notes, states } = controlAt("23:59,5M 00:30,off 12:00,1M");
  using _ = control;
  assert.equal(writeRate(control), 1);
  // 13:00 in Berlin
  await clock.advance(10 * 60 * MINUTES);
  assert.deepEqual(notes, []);
  await clock.advance(59 * MINUTES);
  assert.equal(writeRate(control), 5);
  await clock.advance(31 * MINUTES);
  assert.equal(writeRate(control), null);
  assert.deepEqual(notes, [
    "limit: 5.00 MiB/s, set by the timetable",
    "limit: no limit, set by the timetable",
  ]);
  assert.deepEqual(states.at(-1), {
    rates: { read: null, write: null },
    by: "the timetable",
    paused: null,
    lanes: null,
    lanesNow: null,
  });
});

Deno.test("RunControl follows its timetable when the clock is put forward and back", async () => {
  {
    // 02:30 does not come that night
    const { control, clock } = controlAt("02:30,5M 12:00,off", "2026-03-29T00:59:00Z");
    using _ = control;
    assert.equal(writeRate(control), null);
    await clock.advance(1 * MINUTES);
    assert.equal(writeRate(control), 5);
  }
  // 02:30 comes twice
  const { control, clock, notes } = controlAt("02:30,5M 12:00,off", "2026-10-25T00:29:00Z");
  using _ = control;
  await clock.advance(1 * MINUTES);
  assert.equal(writeRate(control), 5);
  await clock.advance(30 * MINUTES);
  assert.equal(writeRate(control), null);
  await clock.advance(30 * MINUTES);
  assert.equal(writeRate(control), 5);
  assert.equal(notes.length, 3);
});

Deno.test("RunControl keeps a change by hand until the next change of the timetable", async () => {
  const { control, clock, notes } = controlAt("08:00,1M 18:00,2M", "2026-11-20T16:00:00Z");
  using _ = control;
  assert.equal(writeRate(control), 1);
  assert.match(control.limit(parseRates("50M"), "somebody"), /limit: 50.0 MiB\/s, set by somebody/);
  await clock.advance(59 * MINUTES);
  assert.equal(writeRate(control), 50);
  assert.equal(control.state.by, "somebody");
  await clock.advance(1 * MINUTES);
  assert.equal(writeRate(control), 2);
  assert.equal(notes.length, 2);
});

Deno.test("RunControl pauses by the timetable, and goes on by hand or by the timetable", async () => {
  const { control, clock, notes } = controlAt(
    "06:00,3M:4M 08:00,pause 18:00,2M",
    "2026-11-20T06:59:00Z",
  );
  using _ = control;
  assert.equal(control.gate.closed, false);
  await clock.advance(1 * MINUTES);
  assert.equal(control.gate.closed, true);
  assert.equal(control.state.paused, "the timetable");
  assert.equal(control.resume("somebody"), "resumed by somebody");
  assert.equal(control.gate.closed, false);
  assert.equal(writeRate(control), 4);
  await clock.advance(10 * 60 * MINUTES);
  assert.equal(writeRate(control), 2);
  await clock.advance(14 * 60 * MINUTES);
  assert.equal(control.gate.closed, true);
  control.limit(parseRates("1M"), "somebody");
  assert.equal(control.gate.closed, false);
  assert.deepEqual(notes, [
    "paused by the timetable",
    "resumed by somebody",
    "limit: 2.00 MiB/s, set by the timetable",
    "limit: 3.00 MiB/s read, 4.00 MiB/s write, set by the timetable",
    "paused by the timetable",
    "limit: 1.00 MiB/s, set by somebody",
  ]);
});

Deno.test("RunControl keeps a pause by hand whatever the timetable says", async () => {
  const { control, clock } = controlAt("08:00,1M 18:00,2M", "2026-11-20T16:59:00Z");
  using _ = control;
  control.pause("somebody");
  assert.equal(control.pause("another"), "paused already, by somebody");
  control.limit(parseRates("7M"), "another");
  assert.equal(control.gate.closed, true);
  await clock.advance(2 * MINUTES);
  assert.equal(control.gate.closed, true);
  assert.equal(control.state.paused, "somebody");
  control.resume("somebody");
  assert.equal(control.gate.closed, false);
  assert.equal(writeRate(control), 2);
  assert.equal(control.resume("somebody"), "it is not paused");
});

Deno.test("RunControl raises and lowers the limit in round steps", () => {
  const { control } = controlAt("20M:off");
  using _ = control;
  const steps: (number | null)[] = [];
  for (const direction of [1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1] as const) {
    control.step(direction, 0, "the keyboard");
    steps.push(control.state.rates.read! / MiB);
  }
  assert.deepEqual(steps, [30, 50, 70, 100, 150, 100, 70, 50, 30, 20, 15, 10, 7, 5]);
  // nothing flows from which a limit for writing could be taken
  assert.equal(control.state.rates.write, null);
  control.limit(parseRates("off"), "the keyboard");
  assert.equal(control.step(1, 5 * MiB, "the keyboard"), "there is no limit to raise");
  assert.equal(writeRate(control), null);
  // without a limit, the first step down is from what flows
  control.step(-1, 93 * MiB, "the keyboard");
  assert.equal(writeRate(control), 70);
});

Deno.test("RunControl takes a limit that is lowered to the least and back to none, in even steps", () => {
  const { control, notes } = controlAt("1M");
  using _ = control;
  const all = (direction: 1 | -1) => {
    const steps: (number | null)[] = [];
    while (control.step(direction, 0, "the keyboard") === null) {
      steps.push(control.state.rates.read! / 1024);
      assert.equal(control.state.rates.write, control.state.rates.read);
    }
    return steps;
  };
  assert.deepEqual(all(-1), [700, 500, 300, 200, 150, 100, 64]);
  const up = all(1);
  assert.deepEqual(up.slice(0, 8), [100, 150, 200, 300, 500, 700, 1024, 1536]);
  assert.deepEqual(up.slice(-2), [10 * 2 ** 20, 0]);
  assert.equal(control.state.rates.read, null);
  for (let i = 2; i < up.length - 1; i++) {
    const ratio = up[i]! / up[i - 1]!;
    assert.ok(ratio > 1.3 && ratio < 1.7, `${up[i - 1]} to ${up[i]}`);
  }
  notes.length = 0;
  assert.match(control.step(-1, 0, "the keyboard")!, /^there is no limit, and nothing flows yet/);
  assert.equal(control.state.rates.read, null);
  assert.equal(control.step(-1, 90, "the keyboard"), null);
  assert.equal(control.state.rates.read, 64 * 1024);
  notes.length = 0;
  control.limit(parseRates("10K"), "the keyboard");
  assert.equal(control.step(-1, 0, "the keyboard"), "the limit is as low as keys can set it");
  assert.equal(control.state.rates.read, 10 * 1024);
  assert.deepEqual(notes, ["limit: 10.0 KiB/s, set by the keyboard"]);
});

Deno.test("RunControl ends a run once, and says why", () => {
  const { control, notes } = controlAt("off");
  using _ = control;
  control.stop("somebody asked for it");
  assert.equal(control.stop("again"), "it is ending already");
  assert.ok(control.signal.reason instanceof EndEarly);
  assert.equal(control.signal.reason.message, "somebody asked for it");
  assert.deepEqual(notes, ["ending: somebody asked for it"]);
});

Deno.test("RunControl leaves nothing behind and says nothing when it is over", async () => {
  const { control, clock, notes } = controlAt("13:30,5M 12:00,1M");
  control[Symbol.dispose]();
  await clock.advance(60 * MINUTES);
  control.pause("somebody");
  assert.deepEqual(notes, []);
  assert.equal(clock.waiting, 0);
});

Deno.test("RunControl ends a run whose changes cannot be noted", () => {
  using control = new RunControl({ bandwidth: null, clock: new FakeClock() });
  const broken = new Error("no room for the log");
  control.begin({
    changed: () => {},
    note: () => {
      throw broken;
    },
  });
  control.pause("somebody");
  assert.equal(control.signal.reason, broken);
});
