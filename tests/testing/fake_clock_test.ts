import assert from "node:assert/strict";
import { FakeClock } from "./fake_clock.ts";

Deno.test("FakeClock wakes sleepers in order when time passes them", async () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  const sleeper = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name} at ${clock.now()}`);
    await clock.sleep(ms);
    woken.push(`${name} at ${clock.now()}`);
  };
  const done = Promise.all([sleeper("slow", 30), sleeper("fast", 20)]);
  await clock.advance(45);
  assert.deepEqual(woken, ["fast at 20", "slow at 30", "fast at 40"]);
  assert.equal(clock.now(), 45);
  await clock.advance(15);
  await done;
  assert.equal(clock.waiting, 0);
});

Deno.test("FakeClock rejects a sleep when its signal aborts", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const slept = clock.sleep(10, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(slept, reason);
  assert.equal(clock.waiting, 0);
});
