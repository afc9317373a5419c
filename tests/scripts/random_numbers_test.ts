import assert from "node:assert/strict";
import { randomNumbers } from "../../scripts/random_numbers.ts";

Deno.test("randomNumbers gives the same numbers for the same seed", () => {
  const a = randomNumbers(7), b = randomNumbers(7), c = randomNumbers(8);
  const first = Array.from({ length: 100 }, a);
  assert.deepEqual(Array.from({ length: 100 }, b), first);
  assert.notDeepEqual(Array.from({ length: 100 }, c), first);
  assert.ok(first.every((number) => number >= 0 && number < 1));
  assert.equal(new Set(first).size, 100);
});
