import assert from "node:assert/strict";
import { Gate, gateMemory } from "../../src/lib/gate.ts";
import { FakeClock } from "../testing/fake_clock.ts";

Deno.test("Gate lets everybody pass while it is open", () => {
  assert.equal(new Gate(gateMemory(), new FakeClock()).pass(), undefined);
});

Deno.test("Gate holds back those of other threads until it is opened", async () => {
  const memory = gateMemory(), clock = new FakeClock();
  const owner = new Gate(memory, clock), other = new Gate(memory, clock);
  owner.closed = true;
  let passed = false;
  const passing = other.pass()!.then(() => passed = true);
  await clock.advance(60_000);
  assert.equal(passed, false);
  owner.closed = false;
  await clock.advance(100);
  assert.equal(passed, true);
  await passing;
  assert.equal(clock.waiting, 0);
});

Deno.test("Gate rejects with the signal's reason when that aborts", async () => {
  const gate = new Gate(gateMemory(), new FakeClock());
  gate.closed = true;
  const stop = new AbortController();
  const passing = gate.pass(stop)!;
  stop.abort(new Error("enough"));
  await assert.rejects(passing, /enough/);
});
