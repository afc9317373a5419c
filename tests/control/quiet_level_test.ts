import assert from "node:assert/strict";
import { QuietLevel } from "../../src/control/quiet_level.ts";

const MINUTE = 60_000;

/** A level that has learnt something in each of so many minutes. */
function learn(level: QuietLevel, from: number, minutes: number, ms: (minute: number) => number) {
  for (let minute = 0; minute < minutes; minute++) level.add(from + minute * MINUTE, ms(minute));
  return from + minutes * MINUTE;
}

Deno.test("QuietLevel knows nothing at first, and then the mean of its minute", () => {
  const level = new QuietLevel();
  assert.deepEqual([level.ms, level.seen], [null, -Infinity]);
  level.add(1000, 5);
  assert.equal(level.ms, 5);
  level.add(2000, 20);
  level.add(3000, 10);
  assert.deepEqual([Math.round(level.ms! * 100) / 100, level.seen], [10, 3000]);
  level.add(70_000, 0);
  assert.ok(level.ms! > 0 && level.ms! < 1);
});

Deno.test("QuietLevel does not follow the others for less than three quarters of an hour", () => {
  const level = new QuietLevel();
  let now = learn(level, 0, 1, () => 10);
  now = learn(level, now, 45, () => 80);
  assert.equal(level.ms, 10);
  now = learn(level, now, 20, () => 80);
  assert.equal(level.ms, 80);
});

Deno.test("QuietLevel comes down within minutes when it is quiet again", () => {
  const level = new QuietLevel();
  let now = learn(level, 0, 120, () => 80);
  now = learn(level, now, 12, () => 10);
  assert.equal(level.ms, 80);
  learn(level, now, 1, () => 10);
  assert.equal(level.ms, 10);
});

Deno.test("QuietLevel is not what a few lucky minutes were", () => {
  const level = new QuietLevel();
  learn(level, 0, 180, (minute) => minute % 10 === 0 ? 1 : 10);
  assert.equal(level.ms, 10);
});

Deno.test("QuietLevel stays through hours that told nothing", () => {
  const level = new QuietLevel();
  const now = learn(level, 0, 30, () => 10);
  level.add(now + 10 * 60 * MINUTE, 80);
  assert.equal(level.ms, 10);
});
