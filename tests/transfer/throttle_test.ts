import assert from "node:assert/strict";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { costOf, OVERHEAD, throttle } from "../../src/transfer/throttle.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { blockOf, carriedOf, jobOf } from "./parts.ts";

const job = jobOf("", ["a"]);
const block = (bytes: number) => blockOf(carriedOf(job, "a"), "x".repeat(bytes));

Deno.test("throttle passes batches on at the pace of its bucket", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(bucketMemory(), clock);
  bucket.rate = 1000;
  const passed: number[] = [];
  const batches = ReadableStream.from([[block(500)], [block(200), block(300)], [block(500)]]);
  const done = (async () => {
    for await (const _ of throttle(batches, bucket)) passed.push(clock.now());
  })();
  await clock.advance(3000);
  await done;
  // each goes when the one before is paid
  assert.deepEqual(passed, [0, 500, 1000]);
});

Deno.test("throttle lets pass at once what has no bytes", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(bucketMemory(), clock);
  bucket.rate = 1;
  const batches = [[{ type: "begin" as const, job }], [block(0)]];
  const passed = await Array.fromAsync(throttle(ReadableStream.from(batches), bucket));
  assert.deepEqual(passed, batches);
});

Deno.test("throttle ends with the signal's reason when it is aborted while it waits", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(bucketMemory(), clock);
  bucket.rate = 1;
  const stop = new AbortController();
  const reason = new Error("enough");
  const batches = ReadableStream.from([[block(1000)], [block(1000)]]);
  const all = Array.fromAsync(throttle(batches, bucket, { signal: stop.signal }));
  await clock.advance(10);
  stop.abort(reason);
  await assert.rejects(all, reason);
  assert.equal(clock.waiting, 0);
});

Deno.test("costOf counts what a small file costs beside its bytes where it goes over a wire", () => {
  assert.equal(costOf({ files: 3, bytes: 1000 }, false), 1000);
  assert.equal(costOf({ files: 3, bytes: 1000 }, true), 1000 + 3 * OVERHEAD);
});
