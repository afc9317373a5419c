import assert from "node:assert/strict";
import { backoff } from "../../src/lib/backoff.ts";

Deno.test("backoff doubles up to its longest, less up to a half of it", () => {
  const pauses = (random: () => number) =>
    Array.from({ length: 6 }, (_, tries) => backoff(tries, { first: 100, longest: 1000, random }));
  assert.deepEqual(pauses(() => 0), [100, 200, 400, 800, 1000, 1000]);
  assert.deepEqual(pauses(() => 0.5), [75, 150, 300, 600, 750, 750]);
  for (const pause of pauses(() => 0.999_999)) assert.ok(pause > 50);
  assert.equal(backoff(5000, { first: 1, longest: 7, random: () => 0 }), 7);
});
