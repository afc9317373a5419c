import assert from "node:assert/strict";
import { forEachLimited } from "../../src/backend/in_flight.ts";

Deno.test("forEachLimited works through all items, never more at once than the limit", async () => {
  const seen: number[] = [];
  let now = 0, most = 0;
  await forEachLimited(Array.from({ length: 50 }, (_, i) => i), 4, () => async (item) => {
    now += 1;
    most = Math.max(most, now);
    await Promise.resolve();
    seen.push(item);
    now -= 1;
  });
  assert.equal(most, 4);
  assert.deepEqual(seen.toSorted((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
});

Deno.test("forEachLimited rejects only when nothing is under way any longer", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done: number[] = [];
  let rejected = false;
  const all = forEachLimited([0, 1, 2, 3, 4], 2, () => async (item) => {
    if (item === 0) throw new Error("first");
    await promise;
    done.push(item);
  }).catch((error) => {
    rejected = true;
    return error;
  });
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.equal(rejected, false);
  resolve();
  assert.equal((await all).message, "first");
  assert.deepEqual(done, [1]);
});
