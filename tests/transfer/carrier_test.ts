import assert from "node:assert/strict";
import type { Job, Outcome } from "../../src/job.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { checkRoot } from "../../src/backend/root_guard.ts";
import { Carrier, type CarrierOptions } from "../../src/transfer/carrier.ts";
import { LARGE_JOB } from "../../src/transfer/supply.ts";
import { type Rule, turns, withFaults } from "../testing/faulty_backend.ts";
import { essence } from "../testing/world.ts";
import { jobOf, memory, open, unlimited } from "./parts.ts";

const TREE = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`f${i}`, String(i).repeat(i * 50)]),
);
const NAMES = Object.keys(TREE);

interface Faults {
  readonly source?: readonly Rule[];
  readonly destination?: readonly Rule[];
}

/** A carrier with 1000-byte blocks, and what it says. */
async function parts(faults: Faults = {}, changes: Partial<CarrierOptions> = {}) {
  const from = memory(TREE), to = memory();
  const source = withFaults(from, faults.source ?? []);
  const destination = withFaults(to, faults.destination ?? []);
  const outcomes: Outcome[] = [];
  const over: Job[] = [];
  const hungry: number[] = [];
  const carrier = new Carrier({
    source,
    destination,
    identities: { source: await from.identify(), destination: await to.identify() },
    lanes: 4,
    slots: 2,
    blockSize: 1000,
    algorithm: "sha256",
    preserve: [],
    links: "kept",
    buckets: { read: unlimited(), write: unlimited() },
    gate: open(),
    clock: systemClock(),
    signal: new AbortController().signal,
    settled: (settled) => {
      outcomes.push(...settled.outcomes);
      over.push(...settled.jobs);
    },
    hungry: (files) => void hungry.push(files),
    ...changes,
  });
  return { carrier, from, to, source, destination, outcomes, over, hungry };
}

function jobs(): Job[] {
  return [0, 20, 40].map((at) => jobOf("", NAMES.slice(at, at + 20), TREE));
}

Deno.test("Carrier carries all jobs and settles each file once", async () => {
  const { carrier, from, to, outcomes, over, hungry } = await parts();
  const all = jobs();
  const running = carrier.run();
  await turns();
  assert.ok(hungry.length > 0);
  carrier.add(all);
  carrier.close();
  await running;
  assert.deepEqual(essence(to), essence(from));
  assert.deepEqual(outcomes.map(({ name }) => name).sort(), NAMES.toSorted());
  assert.ok(outcomes.every(({ status, hash }) => status === "success" && hash!.length === 64));
  assert.deepEqual(new Set(over), new Set(all));
  assert.deepEqual(carrier.underway(), { active: [], bytes: 0 });
});

Deno.test("Carrier ends when there is nothing to carry", async () => {
  const { carrier, outcomes } = await parts();
  carrier.close();
  await carrier.run();
  assert.deepEqual(outcomes, []);
});

Deno.test("Carrier has no more files open than it has lanes", async () => {
  let open = 0, most = 0;
  const { carrier } = await parts({
    destination: [
      { call: "create", act: () => void (most = Math.max(most, ++open)) },
      { call: "commit", act: () => void (open -= 1) },
    ],
  });
  carrier.add(jobs());
  carrier.close();
  await carrier.run();
  assert.ok(most > 1 && most <= 4, `${most} at a time`);
});

Deno.test("Carrier says what is under way", async () => {
  const release = Promise.withResolvers<void>();
  const { carrier } = await parts({
    destination: [{ call: "finish", path: "f59", until: release.promise }],
  });
  carrier.add([jobOf("", ["f59"], TREE)]);
  carrier.close();
  const running = carrier.run();
  await turns(20);
  const size = TREE.f59!.length;
  assert.deepEqual(carrier.underway(), {
    active: [{ path: "f59", size, done: size }],
    bytes: size,
  });
  release.resolve();
  await running;
});

Deno.test("Carrier settles what is done when it is aborted, and leaves nothing else", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const { carrier, from, to, outcomes } = await parts({
    destination: [{ call: "write", after: 20, act: () => stop.abort(reason) }],
  }, { signal: stop.signal });
  carrier.add(jobs());
  await assert.rejects(carrier.run(), reason);
  const done = outcomes.filter(({ status }) => status === "success").map(({ name }) => name);
  assert.ok(done.length > 0 && done.length < NAMES.length, `${done.length} done`);
  assert.deepEqual(Object.keys(to.tree()).sort(), done.toSorted());
  for (const name of done) assert.deepEqual(essence(to)[name], essence(from)[name]);
});

for (const call of ["create", "write", "finish", "commit"] as const) {
  Deno.test(`Carrier stops at once when ${call} says that the disk is full`, async () => {
    const { carrier, to, source, outcomes } = await parts({
      destination: [{ call, after: 5, errno: "ENOSPC" }],
    });
    carrier.add(jobs());
    // more jobs would come: a lane that only waited for their end would wait for ever
    await assert.rejects(carrier.run(), { code: "ENOSPC" });
    assert.ok(source.calls.get("open")! < NAMES.length, "it did not read on");
    const done = outcomes.filter(({ status }) => status === "success").map(({ name }) => name);
    assert.deepEqual(Object.keys(to.tree()).sort(), done.toSorted());
  });
}

Deno.test("Carrier stops when a root is another directory now", async () => {
  const { carrier } = await parts({ source: [{ call: "open", errno: "ENOENT" }] }, {
    identities: {
      source: { device: 1n, inode: 1n },
      destination: { device: 1n, inode: 1n },
    },
  });
  carrier.add(jobs());
  await assert.rejects(carrier.run(), /the source memory: is gone \(unmounted\?\)/);
});

Deno.test("checkRoot takes another device, another inode and any error for a root that is gone", async () => {
  const { signal } = new AbortController();
  const backend = memory();
  const { device, inode } = await backend.identify();
  await checkRoot(backend, { device, inode }, "source", signal);
  for (const other of [{ device: 0n, inode }, { device, inode: inode + 1n }]) {
    await assert.rejects(checkRoot(backend, other, "source", signal), { code: "EROOT" });
  }
  const gone = withFaults(backend, [{ call: "identify", errno: "ESTALE" }]);
  await assert.rejects(checkRoot(gone, { device, inode }, "destination", signal), {
    code: "EROOT",
    scope: "run",
  });
});

Deno.test("Carrier carries with as many lanes as are wanted, more or fewer than at first", async () => {
  let wanted: number | null = null;
  let asked = 0;
  const held = Promise.withResolvers<void>();
  const { carrier, from, to, source } = await parts(
    { source: [{ call: "open", until: held.promise }] },
    { lanes: 2, wantedLanes: () => (asked += 1, wanted) },
  );
  const opened = () => source.calls.get("open") ?? 0;
  const running = carrier.run();
  carrier.add(NAMES.map((name) => jobOf("", [name], TREE)));
  carrier.close();
  await until(() => opened() === 2);
  wanted = 5;
  await until(() => opened() === 5);
  wanted = 1;
  const before = asked;
  await until(() => asked > before + 1);
  assert.equal(opened(), 5);
  held.resolve();
  await running;
  assert.deepEqual(essence(to), essence(from));
});

Deno.test("Carrier with no lane wanted carries what it has, asks for nothing, and then goes on", async () => {
  let wanted: number | null = 0;
  let asked = 0;
  const { carrier, from, to, outcomes, hungry } = await parts({}, {
    wantedLanes: () => (asked += 1, wanted),
  });
  const [first, ...rest] = jobs();
  const running = carrier.run();
  carrier.add([first!]);
  await until(() => outcomes.length === first!.files.length);
  const before = asked;
  await until(() => asked > before + 1);
  assert.deepEqual(hungry, []);
  wanted = 1;
  await until(() => hungry.length > 0);
  carrier.add(rest);
  carrier.close();
  await running;
  assert.deepEqual(essence(to), essence(from));
});

Deno.test("Carrier takes up small jobs first, and asks for nothing to wait behind a large one", async () => {
  const held = Promise.withResolvers<void>();
  const finished: string[] = [];
  const { carrier, from, to, source, hungry } = await parts({
    source: [{ call: "open", path: "f59", until: held.promise }],
    destination: NAMES.map((path) => ({
      call: "finish",
      path,
      act: () => void finished.push(path),
    })),
  }, { lanes: 1 });
  const [first, second, third] = jobs();
  const large = jobOf("", ["f59"]);
  const running = carrier.run();
  await until(() => hungry.length === 1);
  carrier.add([{ ...large, files: [{ ...large.files[0]!, size: LARGE_JOB }] }, first!]);
  await until(() => finished.length === first!.files.length && source.calls.get("open") === 21);
  await turns();
  assert.deepEqual(hungry, [0], "what came now would wait");
  held.resolve();
  await until(() => hungry.length === 2);
  carrier.add([second!, { ...third!, files: third!.files.slice(0, -1) }]);
  carrier.close();
  await running;
  assert.equal(finished.indexOf("f59"), first!.files.length);
  assert.deepEqual(essence(to), essence(from));
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turns();
}
