import assert from "node:assert/strict";
import fc from "fast-check";
import { joinTime, splitTime } from "../src/stamp.ts";

const SECOND = 1_000_000_000n, WORD = 2n ** 32n;

Deno.test("joinTime gives back what splitTime split, around 1970 and 2106 too", () => {
  const edges = [0n, WORD, WORD / 2n, 65536n, 1_763_800_000n].flatMap((seconds) =>
    [-1n, 0n, 1n].map((more) => seconds * SECOND + more)
  );
  for (const time of edges) assert.equal(joinTime(...splitTime(time)), time);
  const any = fc.bigInt({ min: -9_223_372_036n * SECOND, max: 9_223_372_036n * SECOND });
  fc.assert(fc.property(any, (time) => assert.equal(joinTime(...splitTime(time)), time)));
  const now = fc.bigInt({ min: 0n, max: WORD * SECOND });
  fc.assert(fc.property(now, (time) => assert.equal(joinTime(...splitTime(time)), time)));
});
