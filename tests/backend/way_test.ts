import assert from "node:assert/strict";
import { withAround } from "../../src/backend/around.ts";
import { extentOf } from "../../src/backend/around_small.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { isData, kindOf, Way, WayControl, wayMemory } from "../../src/backend/way.ts";
import { Histograms } from "../../src/lib/latencies.ts";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { Parcel, PROGRESS } from "../../src/parcel.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { jobOf } from "../transfer/parts.ts";

const EXTENT = { files: 1, bytes: 0 };

function begin({ share = 1, width = null as number | null } = {}) {
  const clock = new FakeClock(1000), stop = new AbortController(), memory = wayMemory();
  const control = new WayControl(memory);
  control.width = width;
  const bucket = new TokenBucket(bucketMemory(), clock);
  const way = new Way(memory, { clock, signal: stop.signal, share, bucket });
  let underway = 0, most = 0, done = 0;
  /** A call that takes 10 ms. */
  const call = async (extent = EXTENT) => {
    await way.call("create", "", async () => {
      underway += 1;
      most = Math.max(most, underway);
      await clock.sleep(10);
      underway -= 1;
    }, extent);
    done += 1;
  };
  const state = () => ({ underway, most, done });
  return { clock, stop, control, bucket, way, call, state };
}

function many(count: number, call: () => Promise<void>): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, call));
}

Deno.test("Way lets everything go at once where it is not narrow", async () => {
  const { clock, call, state, control } = begin();
  const calls = many(100, call);
  await clock.advance(10);
  await calls;
  assert.deepEqual(state(), { underway: 0, most: 100, done: 100 });
  assert.deepEqual(control.take(), { held: 0, busy: 1000 });
});

Deno.test("Way lets as many calls go at a time as it is wide, divided among the threads", async () => {
  for (
    const { width, share, most } of [{ width: 8, share: 1, most: 8 }, {
      width: 8,
      share: 0.5,
      most: 4,
    }]
  ) {
    const { clock, call, state, control } = begin({ width, share });
    const calls = many(40, call);
    await clock.advance(40 / most * 10);
    await calls;
    assert.deepEqual(state(), { underway: 0, most, done: 40 });
    assert.equal(control.take().held, 40 - most);
  }
});

Deno.test("Way has a rest after each call where it is narrower than one", async () => {
  const { clock, call, state } = begin({ width: 1 / 4 });
  const calls = many(5, call);
  await clock.advance(40 * 4 - 1);
  assert.deepEqual(state(), { underway: 0, most: 1, done: 4 });
  await clock.advance(20);
  await calls;
  assert.equal(clock.waiting, 0);
});

Deno.test("Way is as wide as it is now for those who wait already", async () => {
  const { clock, call, state, control } = begin({ width: 1 });
  const calls = many(21, call);
  await clock.advance(5);
  control.width = 20;
  await clock.advance(15);
  assert.deepEqual(state(), { underway: 0, most: 20, done: 21 });
  await calls;
});

Deno.test("Way holds nothing back after an abort, so that what is done settles", async () => {
  const { clock, call, state, stop } = begin({ width: 1 / 8 });
  const calls = many(10, call);
  await clock.advance(15);
  assert.equal(state().done, 1);
  stop.abort();
  await clock.advance(10);
  await calls;
  assert.equal(state().done, 10);
  await clock.advance(1000);
  assert.equal(clock.waiting, 0);
});

Deno.test("Way draws bytes anew from the budget that were held back", async () => {
  const { clock, call, bucket, state, control } = begin({ width: 1 });
  bucket.rate = 100_000;
  // a tenth of a second each
  const calls = many(10, () => call({ files: 1, bytes: 10_000 }));
  // what is paced by the way itself does not pay twice
  await clock.advance(40);
  assert.equal(state().done, 4);
  control.width = null;
  await clock.advance(100);
  // without the budget all would be over by now
  assert.ok(state().done < 8, `${state().done} done`);
  // and what needs none passes them
  const other = call();
  await clock.advance(10);
  await other;
  await clock.advance(1000);
  assert.equal(state().done, 11);
  await calls;
});

Deno.test("Way lets the look at a root, and what frees something, pass at any time", async () => {
  const { clock, call, way } = begin({ width: 1 });
  const calls = many(2, call);
  for (const free of ["identify", "close", "abort", "flush"] as const) {
    assert.equal(await way.call(free, "", () => Promise.resolve(free)), free);
  }
  await clock.advance(20);
  await calls;
});

Deno.test("Way goes on after a call that fails", async () => {
  const { way, call, clock } = begin({ width: 1 });
  await assert.rejects(way.call("look", "", () => Promise.reject(new Error("EIO"))), /EIO/);
  const calls = call();
  await clock.advance(10);
  await calls;
});

Deno.test("Way times calls by kind, and parcels by the file", async () => {
  const { way, clock, control } = begin();
  const extent = { files: 10, bytes: 40_960 };
  const reading = way.call("readParcel", "", () => clock.sleep(100), extent);
  const writing = way.call("write", "", () => clock.sleep(50), { files: 1, bytes: 5 * 2 ** 20 });
  await clock.advance(100);
  await Promise.all([reading, writing]);
  way.now("commitParcel", "", () => clock.jump(20), extent);
  const taken = new Histograms();
  control.latencies.take(taken);
  const found = taken.all().map(({ kind, median }) => [kind, Math.round(median)]);
  const kind = (call: Parameters<typeof kindOf>[0], extent: Parameters<typeof kindOf>[1]) =>
    kindOf(call, extent)!;
  assert.deepEqual(
    new Map(found as [number, number][]),
    new Map([
      [kind("readParcel", extent), 10],
      // told to a tenth
      [kind("write", { files: 1, bytes: 5 * 2 ** 20 }), 49],
      [kind("commitParcel", extent), 2],
    ]),
  );
});

Deno.test("Way does not time a parcel of which no file has got on: all take the ordinary way", async () => {
  const { way, control, clock } = begin();
  const working = way.call("commitParcel", "", () => clock.sleep(5), { files: 0, bytes: 0 });
  await clock.advance(5);
  await working;
  const taken = new Histograms();
  control.latencies.take(taken);
  assert.deepEqual(taken.all(), []);
});

Deno.test("extentOf counts the files of a parcel with which a step has got on", () => {
  const texts = { a: "1", b: "22", c: "333", d: "4444" };
  const job = jobOf("", Object.keys(texts), texts);
  const parcel = new Parcel(job, job.files, { data: new Uint8Array(100), release() {}, began: 0 });
  const reading = extentOf("readParcel", parcel), committing = extentOf("commitParcel", parcel);
  assert.deepEqual([reading.files, reading.bytes], [0, 0]);
  parcel.progress.set([PROGRESS.read, PROGRESS.alone, PROGRESS.read, PROGRESS.taken]);
  assert.deepEqual([reading.files, reading.bytes], [2, 5]);
  parcel.progress.set([PROGRESS.committed, PROGRESS.alone, PROGRESS.written, PROGRESS.taken]);
  assert.deepEqual([committing.files, extentOf("writeParcel", parcel).files], [1, 1]);
});

Deno.test("kindOf keeps apart what takes differently long by itself", () => {
  const read = (bytes: number) => kindOf("read", { files: 1, bytes })!;
  assert.notEqual(read(64 * 1024), read(5 * 2 ** 20));
  assert.equal(read(5 * 2 ** 20), read(5 * 2 ** 20 - 1000));
  assert.notEqual(read(4096), kindOf("write", { files: 1, bytes: 4096 }));
  const list = (files: number) => kindOf("list", { files, bytes: 0 })!;
  assert.notEqual(list(3), list(1000));
  assert.equal(list(3), kindOf("listMore", { files: 3, bytes: 0 }));
  assert.deepEqual([list(0), read(0)].map((kind) => Number.isInteger(kind)), [true, true]);
  assert.equal(kindOf("identify", EXTENT), null);
  assert.deepEqual([list(1), kindOf("open", EXTENT)!, read(1)].map(isData), [false, false, true]);
});

Deno.test("Way knows how many names a listing had, in whatever way they come", async () => {
  const { way, control } = begin();
  await using inner = memoryBackend();
  for (let i = 0; i < 100; i++) inner.put(`d/${i}`, { content: "" });
  for await (const _ of withAround(inner, way).list("d")) { /* all of it */ }
  const taken = new Histograms();
  control.latencies.take(taken);
  const kinds = taken.all().map(({ kind }) => kind);
  assert.ok(kinds.includes(kindOf("list", { files: 100, bytes: 0 })!), `${kinds}`);
});
