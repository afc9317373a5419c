import assert from "node:assert/strict";
import { BlockQueue } from "../../src/transfer/queue.ts";
import { turns } from "../testing/faulty_backend.ts";

Deno.test("BlockQueue gives items in the order in which they came", async () => {
  const queue = new BlockQueue<number>(3);
  const filled = ReadableStream.from([1, 2, 3, 4, 5, 6, 7]).pipeTo(queue.writable);
  assert.deepEqual(await Array.fromAsync(queue), [1, 2, 3, 4, 5, 6, 7]);
  await filled;
});

Deno.test("BlockQueue holds the writer back when it is full", async () => {
  const queue = new BlockQueue<number>(3);
  let taken = 0;
  const source = new ReadableStream<number>({
    pull: (controller) => controller.enqueue(++taken),
  }, { highWaterMark: 0 });
  const stop = new AbortController();
  const filled = source.pipeTo(queue.writable, { signal: stop.signal }).catch(() => {});
  await turns();
  // its slots, and what the streams around it hold
  assert.ok(taken >= 3 && taken <= 5, `${taken} taken`);
  const before = taken;
  const items = queue[Symbol.asyncIterator]();
  for (let i = 0; i < 4; i++) await items.next();
  await turns();
  assert.equal(taken, before + 4);
  stop.abort();
  queue.discard();
  await filled;
});

Deno.test("BlockQueue waits for an item when it is empty", async () => {
  const queue = new BlockQueue<string>(1);
  const writer = queue.writable.getWriter();
  const next = queue[Symbol.asyncIterator]().next();
  await turns();
  await writer.ready;
  const written = writer.write("late");
  assert.deepEqual(await next, { value: "late", done: false });
  await Promise.allSettled([written, writer.abort()]);
});

Deno.test("BlockQueue throws what the filling end was aborted with, after what is queued", async () => {
  const queue = new BlockQueue<number>(5);
  const reason = new Error("enough");
  const stream = new ReadableStream<number>({
    start(controller) {
      controller.enqueue(1);
      controller.enqueue(2);
    },
    async pull(controller) {
      await turns();
      controller.error(reason);
    },
  });
  const filled = stream.pipeTo(queue.writable);
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of queue) seen.push(item);
  }, reason);
  assert.deepEqual(seen, [1, 2]);
  await assert.rejects(filled, reason);
});

Deno.test("BlockQueue lets the filling end come to its end when it discards", async () => {
  const queue = new BlockQueue<number>(1);
  const filled = ReadableStream.from([1, 2, 3, 4, 5]).pipeTo(queue.writable);
  await turns();
  queue.discard();
  await filled;
});
