import assert from "node:assert/strict";
import type { Capabilities } from "../src/backend/backend.ts";
import { transferPlan } from "../src/lanes.ts";

const disk: Capabilities = {
  latency: "immediate",
  durability: "group",
  exactNames: true,
  timePrecision: 1n,
  kind: "ext4",
};
const share: Capabilities = { ...disk, latency: "waiting", durability: "file", kind: "nfs" };

Deno.test("transferPlan gives a disk a lane in each of a few threads", () => {
  const sides = { source: disk, destination: disk };
  assert.deepEqual(transferPlan(sides, { wanted: null, cores: 1 }), {
    threads: 1,
    lanes: 1,
    adapts: false,
  });
  assert.deepEqual(transferPlan(sides, { wanted: null, cores: 64 }), {
    threads: 4,
    lanes: 1,
    adapts: false,
  });
  assert.deepEqual(transferPlan(sides, { wanted: 7, cores: 2 }), {
    threads: 7,
    lanes: 1,
    adapts: false,
  });
});

Deno.test("transferPlan divides many lanes on a disk among a few threads, since each thread costs memory", () => {
  const sides = { source: disk, destination: disk };
  assert.deepEqual(transferPlan(sides, { wanted: 256, cores: 2 }), {
    threads: 16,
    lanes: 16,
    adapts: false,
  });
  assert.deepEqual(transferPlan(sides, { wanted: 17, cores: 64 }), {
    threads: 16,
    lanes: 2,
    adapts: false,
  });
});

Deno.test("transferPlan gives a share many lanes, and a thread no more than its pool serves", () => {
  for (
    const sides of [{ source: share, destination: disk }, { source: disk, destination: share }]
  ) {
    assert.deepEqual(transferPlan(sides, { wanted: null, cores: 1 }), {
      threads: 1,
      lanes: 16,
      adapts: true,
    });
    assert.deepEqual(transferPlan(sides, { wanted: null, cores: 8 }), {
      threads: 2,
      lanes: 16,
      adapts: true,
    });
    assert.deepEqual(transferPlan(sides, { wanted: 1, cores: 8 }), {
      threads: 1,
      lanes: 1,
      adapts: false,
    });
    assert.deepEqual(transferPlan(sides, { wanted: 8, cores: 1 }), {
      threads: 1,
      lanes: 8,
      adapts: false,
    });
    assert.deepEqual(transferPlan(sides, { wanted: 8, cores: 8 }), {
      threads: 2,
      lanes: 4,
      adapts: false,
    });
    assert.deepEqual(transferPlan(sides, { wanted: 100, cores: 8 }), {
      threads: 7,
      lanes: 15,
      adapts: false,
    });
  }
});
