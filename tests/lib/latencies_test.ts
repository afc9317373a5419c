import assert from "node:assert/strict";
import { Histograms, Latencies, latencyMemory } from "../../src/lib/latencies.ts";

Deno.test("Latencies tells the median of each kind to a tenth", () => {
  const latencies = new Latencies(latencyMemory(3));
  for (const ms of [0, 0.01, 0.3, 7, 40, 1300, 90_000]) {
    for (let i = 0; i < 50; i++) latencies.add(1, ms);
    const taken = new Histograms();
    latencies.take(taken);
    const [only, ...none] = taken.all();
    assert.deepEqual([only!.kind, only!.count, none], [1, 50, []]);
    assert.ok(
      ms < 0.0625 ? only!.median < 0.0625 : Math.abs(only!.median / ms - 1) < 0.12,
      `${ms}`,
    );
  }
});

Deno.test("Latencies tells a median that few slow ones do not move", () => {
  const latencies = new Latencies(latencyMemory(1));
  for (let i = 0; i < 100; i++) latencies.add(0, i < 60 ? 10 : 60_000);
  const taken = new Histograms();
  latencies.take(taken);
  assert.ok(taken.all()[0]!.median < 11);
});

Deno.test("Latencies gives out once what many have added, also what takes longer than it can tell", () => {
  const memory = latencyMemory(2);
  for (let i = 0; i < 3; i++) new Latencies(memory).add(0, 5);
  new Latencies(memory).add(1, 1e12);
  const taken = new Histograms(), again = new Histograms();
  new Latencies(memory).take(taken);
  new Latencies(memory).take(again);
  assert.deepEqual(taken.all().map(({ kind, count }) => [kind, count]), [[0, 3], [1, 1]]);
  assert.deepEqual(again.all(), []);
  new Latencies(memory).add(0, 5);
  new Latencies(memory).take(taken);
  assert.equal(taken.all()[0]!.count, 4);
  taken.clear();
  assert.deepEqual(taken.all(), []);
});
