import assert from "node:assert/strict";
import { mapConcurrently } from "../../src/lib/concurrent.ts";

Deno.test("mapConcurrently keeps the order of the items, whichever ends first", async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const done = mapConcurrently([0, 1, 2], 3, async (i) => {
    await gates[i]!.promise;
    return i * 10;
  });
  for (const gate of gates.toReversed()) gate.resolve();
  assert.deepEqual(await done, [0, 10, 20]);
});

Deno.test("mapConcurrently has no more than `width` calls in flight", async () => {
  let now = 0, most = 0;
  await mapConcurrently(Array.from({ length: 50 }), 7, async () => {
    most = Math.max(most, ++now);
    await Promise.resolve();
    now -= 1;
  });
  assert.equal(most, 7);
});

Deno.test("mapConcurrently makes no call when there is no item", async () => {
  assert.deepEqual(await mapConcurrently([], 4, () => assert.fail("called")), []);
});

Deno.test("mapConcurrently rejects with the first failure after the others have ended", async () => {
  const slow = Promise.withResolvers<void>();
  const begun: number[] = [];
  let slowEnded = false;
  const done = mapConcurrently([0, 1, 2, 3], 2, async (i) => {
    begun.push(i);
    if (i === 0) {
      await slow.promise;
      slowEnded = true;
    } else throw new Error(`failed ${i}`);
  });
  done.catch(() => {});
  await Promise.resolve();
  slow.resolve();
  await assert.rejects(done, /failed 1/);
  assert.ok(slowEnded);
  assert.deepEqual(begun, [0, 1]);
});
