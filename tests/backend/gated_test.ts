import assert from "node:assert/strict";
import { withGate } from "../../src/backend/gated.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { Gate, gateMemory } from "../../src/lib/gate.ts";
import { FakeClock } from "../testing/fake_clock.ts";

Deno.test("withGate holds calls back until the gate is open, and answers for the root", async () => {
  const clock = new FakeClock();
  const gate = new Gate(gateMemory(), clock);
  await using inner = memoryBackend();
  const backend = withGate(inner, gate);
  assert.equal(await backend.makeDirectory("before"), true);
  gate.closed = true;
  let made = false;
  const making = backend.makeDirectory("later").then(() => made = true);
  await clock.advance(10_000);
  assert.equal(made, false);
  assert.deepEqual(await backend.identify(), inner.identity);
  assert.equal(backend.root, inner.root);
  gate.closed = false;
  await clock.advance(100);
  await making;
  assert.ok("later" in inner.tree());
});

Deno.test("withGate gives up when the signal of a call aborts", async () => {
  const gate = new Gate(gateMemory(), new FakeClock());
  gate.closed = true;
  await using inner = memoryBackend();
  const stop = new AbortController();
  const removing = withGate(inner, gate).removeFile("a", stop);
  stop.abort(new Error("enough"));
  await assert.rejects(removing, /enough/);
});
