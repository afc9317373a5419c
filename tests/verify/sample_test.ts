import assert from "node:assert/strict";
import { isInSample, parseShare, WHOLE } from "../../src/verify/sample.ts";

const PATHS = Array.from({ length: 20_000 }, (_, i) => `archive/${i % 97}/report-${i}.pdf`);

Deno.test("isInSample takes about the share, whatever the seed", () => {
  for (const millionths of [1000, 50_000, 500_000, 990_000]) {
    for (const seed of [0, 1, 2, 999_999_999]) {
      const taken = PATHS.filter((path) => isInSample(path, { millionths, seed })).length;
      const wanted = PATHS.length * millionths / WHOLE;
      // five standard deviations: the numbers are fixed, so that this never changes
      const allowed = 5 * Math.sqrt(wanted * (1 - millionths / WHOLE)) + 1;
      assert.ok(Math.abs(taken - wanted) < allowed, `${taken} of ${wanted}, seed ${seed}`);
    }
  }
});

Deno.test("isInSample takes the same files again, others by another seed, and more of the same", () => {
  const of = (millionths: number, seed: number) =>
    new Set(PATHS.filter((path) => isInSample(path, { millionths, seed })));
  const five = of(50_000, 1);
  assert.deepEqual(of(50_000, 1), five);
  assert.ok(five.isSubsetOf(of(60_000, 1)));
  const both = five.intersection(of(50_000, 2)).size;
  assert.ok(both < five.size / 5, `${both} of ${five.size}`);
  assert.equal(of(WHOLE, 1).size, PATHS.length);
});

Deno.test("parseShare reads percentages", () => {
  for (const [text, millionths] of [["5%", 50_000], ["100%", WHOLE], [" .1 % ", 1000]] as const) {
    assert.equal(parseShare(text), millionths);
  }
  for (const text of ["", "5", "0%", "100.1%", "-1%", "x%", "1e1%", "0.00001%"]) {
    assert.throws(() => parseShare(text), RangeError, text);
  }
});
