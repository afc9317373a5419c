import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { memoryBackend, type MemoryOptions } from "../../src/backend/memory.ts";
import { openBackend } from "../../src/backend/open.ts";
import { probe } from "../../src/backend/probe.ts";
import { withProbeDirectory } from "../../src/backend/probe_names.ts";
import { temporaryNames } from "../../src/backend/temporary.ts";
import { LOST, usualKeeping, WRAP } from "../../src/times.ts";
import { withFaults } from "../testing/faulty_backend.ts";

const PLACE = {
  name: ".sluice-12345678-1-1-0z1.part",
  stays: (error: Error) => assert.fail(error.message),
};
const SECOND = 1_000_000_000n, HOUR = 3600n * SECOND;
const down = (unit: bigint) => (time: bigint) => time - ((time % unit) + unit) % unit;

async function probed(keepTime: NonNullable<MemoryOptions["keepTime"]>) {
  const backend = memoryBackend({ keepTime });
  await backend.setTimes("", { mtime: 8n * SECOND, atime: 8n * SECOND });
  const before = (await backend.look(""))!.mtime;
  const { times } = await withProbeDirectory(backend, PLACE, (place) => probe(backend, place));
  assert.deepEqual(backend.tree(), {});
  assert.equal((await backend.look(""))!.mtime, before);
  return times;
}

Deno.test("probe finds the precision when the place rounds down, up or to the nearest", async () => {
  const units = [1n, 100n, 1000n, 1_000_000n, 10_000_000n, SECOND, 2n * SECOND];
  for (const unit of units) {
    const none = usualKeeping(unit);
    assert.deepEqual(await probed(down(unit)), none, `down to ${unit}`);
    const up = (time: bigint) => down(unit)(time + unit - 1n);
    assert.deepEqual(await probed(up), none, `up to ${unit}`);
    // which moves nothing by more than half of it
    const { precision } = await probed((time) => down(unit)(time + unit / 2n));
    assert.ok(precision <= unit && precision >= unit / 2n, `nearest ${unit}: ${precision}`);
  }
});

Deno.test("probe finds the range when the place keeps no other times", async () => {
  const latest = (2n ** 31n - 1n) * SECOND, earliest = -(2n ** 31n) * SECOND;
  const clamped = (time: bigint) => {
    const whole = down(SECOND)(time);
    return whole > latest ? latest : whole < earliest ? earliest : whole;
  };
  assert.deepEqual(await probed(clamped), { ...usualKeeping(SECOND), earliest, latest });
  // a number that goes over its edge is no limit
  const wrapped = (time: bigint) => BigInt.asIntN(32, time / SECOND) * SECOND;
  const rule = { ...usualKeeping(SECOND), shifts: [0n, -WRAP, WRAP] };
  assert.deepEqual(await probed(wrapped), rule);
  const unsigned = (time: bigint) => BigInt.asUintN(32, time / SECOND) * SECOND + HOUR;
  assert.deepEqual(await probed(unsigned), { ...rule, shifts: [HOUR, HOUR - WRAP, HOUR + WRAP] });
});

Deno.test("probe finds that times are lost, but not when they are only inexact", async () => {
  const now = 1_790_000_000n * SECOND;
  for (const always of [0n, now]) {
    assert.equal((await probed(() => always)).precision, LOST);
  }
  assert.equal(
    (await probed((time) => time > 1_710_000_000n * SECOND ? now : time)).precision,
    LOST,
  );
  // as where they go through a floating point number
  assert.equal((await probed((time) => time + 1_234_567n)).precision, 2n * SECOND);
});

Deno.test("probe finds shifts when the place reckons with local time", async () => {
  const summer = 1_711_846_800n * SECOND;
  const times = await probed((time) => down(2n * SECOND)(time) + (time > summer ? HOUR : 0n));
  assert.deepEqual(times.shifts, [0n, HOUR]);
  assert.equal(times.precision, 2n * SECOND);
  assert.deepEqual((await probed((time) => time - 5n * HOUR - HOUR / 2n)).shifts, [
    -5n * HOUR - HOUR / 2n,
  ]);
});

Deno.test("probe finds whether the times of links are kept, as far as those of files are", async () => {
  const kept = async (keepTime: MemoryOptions["keepTime"]) => (await probed(keepTime!)).links;
  const now = 1_790_000_000n * SECOND;
  assert.equal(await kept((time, kind) => kind === "symlink" ? now : time), "lost");
  assert.equal(await kept((time) => down(2n * SECOND)(time) + HOUR), "kept");
  assert.equal(await kept((time, kind) => kind === "symlink" ? time + 1n : time), "lost");
});

Deno.test("probe finds that links are followed when a time is set where one leads", async () => {
  const backend = memoryBackend();
  const links = async (errno: string) => {
    const path = /link$/;
    const faulty = withFaults(backend, [{ call: "setTimes", path, errno }]);
    const { times } = await probe(faulty, "");
    assert.deepEqual(backend.tree(), {});
    return times.links;
  };
  assert.equal(await links("ENOENT"), "followed");
  assert.equal(await links("EOPNOTSUPP"), "lost");
});

Deno.test("probe asks nothing of links where there are none", async () => {
  const backend = memoryBackend();
  const refusing = withFaults(backend, [{ call: "createLink", errno: "EOPNOTSUPP" }]);
  assert.deepEqual(await probe(refusing, ""), { times: usualKeeping(1n), hardLinks: true });
  assert.deepEqual(backend.tree(), {});
});

Deno.test("probe goes on when a time is refused, and cleans up when it cannot", async () => {
  const backend = memoryBackend();
  const refusing = withFaults(backend, [{ call: "setTimes", path: /part$/, errno: "EINVAL" }]);
  assert.equal((await probe(refusing, "")).times.precision, 1n);
  const failing = withFaults(backend, [{ call: "look", path: /part$/, errno: "EIO", times: 1 }]);
  await assert.rejects(probe(failing, ""), { code: "EIO" });
  assert.deepEqual(backend.tree(), {});
});

Deno.test("probe takes hard links for missing when a second name does not show them", async () => {
  const backend = memoryBackend();
  assert.equal((await probe(backend, "")).hardLinks, true);
  const look: Backend["look"] = async (path, options) => {
    const entry = await backend.look(path, options);
    return entry && { ...entry, links: 1 };
  };
  const hiding = new Proxy<Backend>(backend, {
    get: (inner, key) => key === "look" ? look : Reflect.get(inner, key).bind(inner),
  });
  assert.equal((await probe(hiding, "")).hardLinks, false);
  const refusing = withFaults(backend, [{ call: "link", errno: "EPERM" }]);
  assert.equal((await probe(refusing, "")).hardLinks, false);
  assert.deepEqual(backend.tree(), {});
});

Deno.test("probe takes a call that fails once for no answer", async () => {
  const latest = (2n ** 31n - 1n) * SECOND;
  const make = () => memoryBackend({ keepTime: (time) => time > latest ? latest : time });
  const expected = await probe(make(), "");
  for (const rule of [{ call: "link", after: 0 }, { call: "setTimes", after: 1 }] as const) {
    const backend = withFaults(make(), [{ ...rule, times: 1, errno: "EIO" }]);
    assert.deepEqual(await probe(backend, ""), expected, rule.call);
  }
});

Deno.test("probe leaves a real directory as it was", async () => {
  const root = Deno.makeTempDirSync();
  try {
    for (const portable of [false, true]) {
      Deno.utimeSync(root, 1000, 2000);
      await using backend = await openBackend(root, {
        portable,
        temporaryName: temporaryNames("00000000-1-1", 0),
      });
      const { times } = await withProbeDirectory(backend, PLACE, (place) => probe(backend, place));
      assert.deepEqual(times.shifts, [0n]);
      assert.ok(times.precision >= backend.capabilities.timePrecision);
      assert.deepEqual([...Deno.readDirSync(root)], []);
      assert.equal(Deno.statSync(root).mtime!.getTime(), 2_000_000);
    }
  } finally {
    Deno.removeSync(root);
  }
});
