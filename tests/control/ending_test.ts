import assert from "node:assert/strict";
import { parseBandwidth } from "../../src/bandwidth.ts";
import { nextTime } from "../../src/control/ending.ts";
import { RunControl } from "../../src/control/run_control.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { sluice } from "../testing/command.ts";
import { DiskWorld } from "../testing/world.ts";
import { localIn } from "../testing/local_time.ts";

const MINUTE = 60_000;

/** From when, which time, and when that is, all but the time itself in UTC. */
const NEXT: readonly [what: string, zone: string, from: string, time: number, at: string][] = [
  ["later today", "Europe/Berlin", "2026-11-20T12:00:30Z", 13 * 60 + 1, "2026-11-20T12:01:00Z"],
  ["tomorrow", "Europe/Berlin", "2026-11-20T12:00:30Z", 6 * 60, "2026-11-21T05:00:00Z"],
  [
    "not the minute that it is",
    "Europe/Berlin",
    "2026-11-20T12:00:30Z",
    13 * 60,
    "2026-11-21T12:00:00Z",
  ],
  ["midnight", "Asia/Kolkata", "2026-11-20T12:00:00Z", 0, "2026-11-20T18:30:00Z"],
  [
    "in the gap, when the clock is put forward",
    "Europe/Berlin",
    "2026-03-28T22:00:00Z",
    150,
    "2026-03-29T01:00:00Z",
  ],
  [
    "the first of two when it is put back",
    "Europe/Berlin",
    "2026-10-24T22:00:00Z",
    150,
    "2026-10-25T00:30:00Z",
  ],
  [
    "the second of two, in between",
    "Europe/Berlin",
    "2026-10-25T00:45:00Z",
    150,
    "2026-10-25T01:30:00Z",
  ],
  [
    "after the day of 25 hours",
    "Europe/Berlin",
    "2026-10-24T22:30:00Z",
    20,
    "2026-10-25T23:20:00Z",
  ],
  [
    "in a zone with half an hour of summer time",
    "Australia/Lord_Howe",
    "2026-10-03T15:00:00Z",
    135,
    "2026-10-03T15:30:00Z",
  ],
];

for (const [what, zone, from, time, at] of NEXT) {
  Deno.test(`nextTime finds a time ${what}`, () => {
    const found = nextTime(time, Date.parse(from), localIn(zone));
    assert.equal(new Date(found).toISOString(), new Date(at).toISOString());
  });
}

function endingOf(options: { stopAfter?: number; stopAt?: number; bandwidth?: string }) {
  const clock = new FakeClock(777);
  const start = Date.parse("2026-11-20T12:00:30Z") - 777;
  const control = new RunControl({
    ...options,
    bandwidth: parseBandwidth(options.bandwidth ?? "off"),
    clock,
    today: () => start + clock.now(),
    local: localIn("Europe/Berlin"),
  });
  const notes: string[] = [];
  control.begin({ note: (message) => void notes.push(message), changed: () => {} });
  return { clock, control, notes };
}

Deno.test("RunControl ends a run after the time of --stop-after", async () => {
  const { clock, control, notes } = endingOf({ stopAfter: 90 * MINUTE });
  using _ = control;
  await clock.advance(90 * MINUTE - 1);
  assert.equal(control.signal.aborted, false);
  await clock.advance(1001);
  assert.equal(control.signal.reason.message, "the 1:30:00 of --stop-after are over");
  assert.deepEqual(notes, ["ending: the 1:30:00 of --stop-after are over"]);
  assert.equal(clock.waiting, 0);
});

Deno.test("verify ends after --stop-after, and the next one goes on", async () => {
  using world = new DiskWorld({ large: "x".repeat(2 ** 20) });
  assert.equal((await world.run()).summary.outcome, "in sync");
  const words = ["verify", world.db, "--log", world.log];
  const early = await sluice([...words, "--stop-after", "1s", "--bwlimit", "64K"]);
  assert.equal(early.code, 0);
  assert.match(early.stdout, /^more pending after .*: the 0:01 of --stop-after are over$/m);
  const wrong = await sluice([...words, "--stop-at", "6"]);
  assert.deepEqual([wrong.code, /^sluice: --stop-at: cannot read "6"/.test(wrong.stderr)], [
    2,
    true,
  ]);
  assert.match((await sluice(words)).stdout, /^as recorded after/m);
});

Deno.test("RunControl ends a run at the time of --stop-at, also one that is paused", async () => {
  const { clock, control } = endingOf({ stopAt: 6 * 60, bandwidth: "20:00,pause 07:00,off" });
  using _ = control;
  await clock.advance((16 * 60 + 59) * MINUTE + 29_000);
  assert.equal(control.gate.closed, true);
  assert.equal(control.signal.aborted, false);
  await clock.advance(2000);
  assert.equal(control.signal.reason.message, "it is 06:00, as --stop-at says");
});
