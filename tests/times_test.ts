import assert from "node:assert/strict";
import { EXACT, isSameTime, recordedTime, timeRule, usualKeeping } from "../src/times.ts";

const SECOND = 1_000_000_000n;

Deno.test("isSameTime asks for equality when both sides keep nanoseconds", () => {
  assert.ok(isSameTime(5n, 5n, EXACT));
  assert.ok(!isSameTime(5n, 6n, EXACT));
  assert.ok(!isSameTime(5n, 4n, EXACT));
});

Deno.test("isSameTime lets a place round up or down by less than its precision", () => {
  const rule = { ...EXACT, window: 2n * SECOND };
  assert.ok(isSameTime(3n * SECOND - 1n, 2n * SECOND, rule));
  assert.ok(isSameTime(3n * SECOND, 4n * SECOND, rule));
  assert.ok(!isSameTime(4n * SECOND, 2n * SECOND, rule));
  // before 1970 as well
  assert.ok(isSameTime(-1n, -2n * SECOND, rule));
  assert.ok(!isSameTime(-1n, -3n * SECOND, rule));
});

Deno.test("isSameTime knows that a place keeps no time beyond its range", () => {
  const rule = { ...EXACT, earliest: 10n, latest: 20n };
  assert.ok(isSameTime(25n, 20n, rule));
  assert.ok(isSameTime(-25n, 10n, rule));
  assert.ok(!isSameTime(25n, 19n, rule));
  assert.ok(isSameTime(15n, 15n, rule));
});

Deno.test("isSameTime takes any of the shifts", () => {
  const hour = 3600n * SECOND;
  const rule = { ...EXACT, window: 2n * SECOND, shifts: [0n, hour] };
  assert.ok(isSameTime(SECOND, hour, rule));
  assert.ok(isSameTime(SECOND, 0n, rule));
  assert.ok(!isSameTime(SECOND, -hour, rule));
});

Deno.test("timeRule takes the coarser side, or what a person says", () => {
  const keeping = { ...usualKeeping(SECOND), latest: 9n };
  assert.equal(timeRule(1n, keeping, null).window, SECOND);
  assert.equal(timeRule(2n * SECOND, keeping, null).window, 2n * SECOND);
  assert.equal(timeRule(1n, keeping, 0).window, 1n);
  // the window itself is still no difference
  assert.equal(timeRule(1n, keeping, 100).window, 101n);
  assert.equal(timeRule(1n, keeping, 0).latest, 9n);
});

Deno.test("recordedTime keeps what fits a database and ends where that ends", () => {
  for (const time of [0n, -1n, 7_258_118_400n * SECOND + 1n, -9_223_372_035n * SECOND]) {
    assert.equal(recordedTime(time), time);
  }
  // 1601, where the times of Windows begin, and 2446, where those of ext4 end
  assert.equal(recordedTime(-11_644_473_600n * SECOND), -9_223_372_035n * SECOND);
  assert.equal(recordedTime(15_032_385_535n * SECOND + 7n), 9_223_372_035n * SECOND);
});

Deno.test("isSameTime compares what is beyond the range of records with a record", () => {
  const late = 15_032_385_535n * SECOND;
  assert.ok(isSameTime(recordedTime(late), late, EXACT));
  assert.ok(isSameTime(late, recordedTime(late), EXACT));
  assert.ok(!isSameTime(late, -late, EXACT));
  assert.ok(!isSameTime(late, 0n, EXACT));
});
