import assert from "node:assert/strict";
import { settlingTime, unsettledSince } from "../../src/backend/settling.ts";

const NOW = 1_700_000_000_500;
const wait = (
  age: number,
  options: { wholeSeconds?: boolean; sameClock?: boolean; since?: number } = {},
) => settlingTime(NOW - age, { wholeSeconds: false, sameClock: true, now: NOW, ...options });

Deno.test("settlingTime waits for nothing that is older than a tick", () => {
  assert.equal(wait(21), 0);
  assert.equal(wait(1e9), 0);
  assert.equal(wait(2021, { wholeSeconds: true }), 0);
  assert.equal(wait(70_000, { sameClock: false }), 0);
});

Deno.test("settlingTime waits until the tick of a change is over", () => {
  for (const age of [0, 0.5, 10, 20]) assert.ok(wait(age) + age > 20, `${age} ms old`);
  assert.ok(wait(500, { wholeSeconds: true }) + 500 > 2020);
});

Deno.test("settlingTime waits a whole tick when the clocks may differ, or one was set back", () => {
  assert.equal(wait(-5000), 20);
  for (const age of [-1e6, 0, 30_000]) assert.equal(wait(age, { sameClock: false }), 20);
  assert.equal(wait(30_000, { sameClock: false, wholeSeconds: true }), 2020);
});

Deno.test("settlingTime counts from when the file was seen to have this time", () => {
  const share = { sameClock: false, wholeSeconds: true };
  assert.equal(wait(30_000, { ...share, since: NOW - 2021 }), 0);
  assert.equal(wait(30_000, { ...share, since: NOW - 500 }), 1521);
  // a clock that was set back tells nothing
  assert.equal(wait(30_000, { ...share, since: NOW + 1 }), 2020);
  assert.equal(wait(500, { wholeSeconds: true, since: NOW - 3000 }), 0);
  assert.equal(wait(500, { wholeSeconds: true, since: NOW - 100 }), 1521);
});

Deno.test("unsettledSince leaves out no file that must be waited for", () => {
  for (let age = -3000; age < 3000; age += 7) {
    const ctime = NOW - age;
    const some = [true, false].some((wholeSeconds) => wait(age, { wholeSeconds }) > 0);
    if (some) assert.ok(Math.floor(ctime / 1000) >= unsettledSince(NOW), `${age} ms old`);
  }
});
