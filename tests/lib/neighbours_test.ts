import assert from "node:assert/strict";
import { concat } from "../../src/lib/concat.ts";
import { neighbours } from "../../src/lib/neighbours.ts";

Deno.test("neighbours gives runs with the same key, in their order", () => {
  const runs = (text: string) => [...neighbours([...text], (one) => one.toLowerCase())];
  assert.deepEqual(runs(""), []);
  assert.deepEqual(runs("a"), [["a"]]);
  assert.deepEqual(runs("aAbaB"), [["a", "A"], ["b"], ["a"], ["B"]]);
});

Deno.test("concat gives a copy of all pieces in a row", () => {
  const one = Uint8Array.of(1, 2);
  assert.deepEqual([...concat([one, new Uint8Array(0), Uint8Array.of(3)])], [1, 2, 3]);
  assert.notEqual(concat([one]).buffer, one.buffer);
  assert.equal(concat([]).length, 0);
});
