import assert from "node:assert/strict";
import { concatOwn } from "../../src/lib/concat.ts";
import { ColumnReader, ColumnWriter } from "../../src/lib/columns.ts";
import { giveBack } from "../../src/lib/give_back.ts";

Deno.test("giveBack leaves an array empty, also of what was given back before", () => {
  const array = new Uint8Array(100);
  const part = array.subarray(50);
  giveBack(array);
  giveBack(part);
  assert.deepEqual([array.length, part.length], [0, 0]);
});

Deno.test("concatOwn moves its parts: one alone is the result, several are empty then", () => {
  const one = Uint8Array.of(1, 2);
  assert.equal(concatOwn([one]), one);
  assert.deepEqual(concatOwn([one, Uint8Array.of(3)]), Uint8Array.of(1, 2, 3));
  assert.equal(one.length, 0);
  assert.equal(concatOwn([]).length, 0);
});

Deno.test("ColumnWriter begins anew after each take, and what it gave stays", () => {
  const writer = new ColumnWriter();
  const numbers = Array.from({ length: 1000 }, (_, i) => i % 7 === 0 ? null : i / 3);
  for (const number of numbers) writer.number(number);
  writer.text("first");
  const first = writer.take();
  writer.number(-1);
  const second = new ColumnReader(writer.take());
  const reader = new ColumnReader(first);
  assert.deepEqual(numbers.map(() => reader.optional()), numbers);
  assert.equal(reader.text(), "first");
  assert.equal(reader.more, false);
  assert.equal(second.number(), -1);
  assert.equal(second.more, false);
});
