import assert from "node:assert/strict";
import type { JobFile } from "../../src/job.ts";
import { TransferBudget } from "../../src/transfer/budget.ts";

function files(...sizes: number[]): JobFile[] {
  const scanned = { mtime: 0, mtimeNanos: 0, ctime: 0, ctimeNanos: 0 };
  return sizes.map((size, i) => ({
    name: `${i}`,
    kind: "file",
    size,
    reason: "not at the destination",
    scanned,
  }));
}

function sizes(taken: readonly JobFile[]): number[] {
  return taken.map(({ size }) => size);
}

Deno.test("TransferBudget without a bound takes everything", () => {
  const budget = new TransferBudget(null);
  assert.equal(budget.isBound, false);
  assert.equal(budget.take(files(2 ** 50, 1)).length, 2);
  assert.equal(budget.isFull, false);
});

Deno.test("TransferBudget ends at the first file that does not fit, and is never exceeded", () => {
  const budget = new TransferBudget(100);
  assert.deepEqual(sizes(budget.take(files(60, 0, 40))), [60, 0, 40]);
  assert.equal(budget.isFull, false);
  assert.deepEqual(sizes(budget.take(files(0))), [0]);
  assert.deepEqual(sizes(budget.take(files(1, 0))), []);
  assert.equal(budget.isFull, true);
});

Deno.test("TransferBudget passes over what is larger than all of it, and counts it once", () => {
  const budget = new TransferBudget(100);
  for (let pass = 0; pass < 2; pass++) {
    budget.begin();
    assert.deepEqual(sizes(budget.take(files(101, 30, 500))), [30]);
  }
  assert.deepEqual([budget.tooLarge, budget.isFull], [2, false]);
});

Deno.test("TransferBudget takes again what was given back", () => {
  const budget = new TransferBudget(100);
  budget.take(files(100));
  budget.giveBack(40);
  assert.deepEqual(sizes(budget.take(files(40))), [40]);
});
