import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { lookAtRoot, openSameRoot, RootGuard } from "../../src/backend/root_guard.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";

const NEVER = new AbortController().signal;

function setUp(rules: readonly Rule[] = []) {
  const clock = new FakeClock();
  const inner = memoryBackend();
  const backend = withFaults(inner, rules);
  const guard = new RootGuard(backend, {
    side: "source",
    expected: inner.identity,
    clock,
    signal: NEVER,
  });
  return { clock, backend, guard, looks: () => backend.calls.get("identify") ?? 0 };
}

Deno.test("RootGuard looks anew only when the last look is too old", async () => {
  const { clock, guard, looks } = setUp();
  await guard.check(100);
  assert.equal(guard.check(100), undefined);
  await clock.advance(99);
  assert.equal(guard.check(100), undefined);
  await clock.advance(1);
  await guard.check(100);
  assert.equal(looks(), 2);
  await guard.check();
  assert.equal(looks(), 3);
});

Deno.test("RootGuard shares a look that goes on, or the next one where it must be later", async () => {
  const { guard, looks } = setUp();
  await Promise.all([guard.check(), guard.check(100), guard.check(100)]);
  assert.equal(looks(), 1);
  await Promise.all([guard.check(), guard.check(), guard.check(), guard.check()]);
  assert.equal(looks(), 3);
});

Deno.test("RootGuard looks again at once when the last look did not find the root", async () => {
  const { guard } = setUp([{ call: "identify", times: 1, errno: "ENOENT" }]);
  await assert.rejects(async () => await guard.check(100), { code: "EROOT", scope: "run" });
  await guard.check(100);
});

Deno.test("lookAtRoot takes a root that cannot be looked at for gone", async () => {
  const look = (backend: Backend) => lookAtRoot(backend, { side: "source", signal: NEVER });
  const inner = memoryBackend({ root: "/mnt/old" });
  assert.equal((await look(inner)).kind, "directory");
  const failing: [Rule, RegExp][] = [
    [{ call: "look", errno: "EIO" }, /^the source \/mnt\/old cannot be reached: .*\(EIO\)/],
    [{ call: "look", absent: true }, /^the source \/mnt\/old is gone .*there is nothing/],
  ];
  for (const [rule, message] of failing) {
    const expected = { code: "EROOT", scope: "run", message };
    await assert.rejects(look(withFaults(inner, [rule])), expected);
  }
});

Deno.test("openSameRoot takes nothing but what was there before", async () => {
  const was = memoryBackend({ root: "/mnt/new" }), bare = memoryBackend({ root: "/mnt/new" });
  const expected = { side: "destination", expected: was.identity } as const;
  assert.equal(await openSameRoot("/mnt/new", () => Promise.resolve(was), expected), was);
  await assert.rejects(openSameRoot("/mnt/new", () => Promise.resolve(bare), expected), {
    code: "EROOT",
    scope: "run",
    message: /the destination \/mnt\/new is gone .*another directory is there now/,
  });
});
