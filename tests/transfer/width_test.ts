import assert from "node:assert/strict";
import { Widths } from "../../src/transfer/width.ts";

/** Widths of `allowed` lanes, of which the first `busy` have something to write. */
function widths(allowed: number, busy: number): Widths {
  const all = new Widths(() => allowed);
  for (let lane = 0; lane < busy; lane++) all.mark(lane, true);
  return all;
}

Deno.test("Widths gives lanes that write what idle ones leave, and no more than there are lanes", () => {
  const each = (busy: number) => widths(16, busy).each;
  assert.deepEqual([16, 9, 8, 6, 5, 4].map(each), [1, 1, 2, 2, 3, 4]);
});

Deno.test("Widths has an end", () => {
  assert.equal(widths(16, 1).each, 4);
  assert.equal(widths(16, 0).each, 4);
});

Deno.test("Widths is never less than one, even where more lanes write than may", () => {
  assert.equal(widths(1, 1).each, 1);
  assert.equal(widths(0, 3).each, 1);
});

Deno.test("Widths counts a lane once, and not after it is done", () => {
  const all = widths(4, 2);
  all.mark(1, true);
  assert.equal(all.each, 2);
  all.mark(1, false);
  all.mark(1, false);
  assert.equal(all.each, 4);
});
