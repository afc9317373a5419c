import assert from "node:assert/strict";
import { inLanes } from "../../src/verify/lanes.ts";
import { FakeClock } from "../testing/fake_clock.ts";

const GRACE = 1500;

/** Comes back when the signal aborts, as a lane does that is waiting. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

Deno.test("inLanes resolves when all lanes have come back", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const back: number[] = [];
  await inLanes(3, async (index) => {
    await Promise.resolve();
    back.push(index);
  }, { signal, grace: GRACE, clock });
  assert.deepEqual(back, [0, 1, 2]);
  assert.equal(clock.waiting, 0);
});

Deno.test("inLanes ends all lanes when one fails, and rejects with what it failed with", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const error = new Error("no");
  const reasons: unknown[] = [];
  const ended = inLanes(3, async (index, signal) => {
    if (index === 1) throw error;
    await untilAborted(signal).catch((reason) => reasons.push(reason));
  }, { signal, grace: GRACE, clock });
  await assert.rejects(ended, (thrown) => thrown === error);
  assert.deepEqual(reasons, [error, error]);
  assert.equal(clock.waiting, 0);
});

for (const when of ["before it begins", "while it works"]) {
  Deno.test(`inLanes leaves behind what hangs when its signal aborts ${when}`, async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const reason = new Error("interrupted");
    if (when === "before it begins") abort.abort(reason);
    const hung = Promise.withResolvers<void>();
    let over = false;
    const ended = inLanes(
      2,
      (index, signal) => index === 0 ? hung.promise : untilAborted(signal),
      { signal: abort.signal, grace: GRACE, clock },
    ).finally(() => over = true);
    ended.catch(() => {});
    abort.abort(reason);
    await clock.advance(GRACE - 1);
    assert.equal(over, false);
    await clock.advance(1);
    await assert.rejects(ended, (thrown) => thrown === reason);
    assert.equal(clock.waiting, 0);
    hung.resolve();
  });
}
