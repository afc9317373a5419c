import assert from "node:assert/strict";
import { within } from "../../src/backend/around.ts";
import type { Backend } from "../../src/backend/backend.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { openBackend } from "../../src/backend/open.ts";
import { Operations, withOperations } from "../../src/backend/operations.ts";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { DiskWorld, essence, MemoryWorld } from "../testing/world.ts";

const signal = new AbortController().signal;

function limited(inner: Backend, rate: number, clock = new FakeClock(1000)) {
  const bucket = new TokenBucket(bucketMemory(), clock);
  bucket.rate = rate;
  return { backend: withOperations(inner, new Operations(bucket, { signal })), clock, bucket };
}

/** How long something takes by the clock, in ms. */
async function timed(clock: FakeClock, work: () => Promise<unknown>): Promise<number> {
  const began = clock.now();
  let over = false;
  const working = work().finally(() => over = true);
  while (!over) await clock.advance(10);
  await working;
  return clock.now() - began;
}

Deno.test("Operations lets so many looks happen in a second, whoever asks", async () => {
  await using inner = memoryBackend();
  inner.put("file", { content: "1" });
  const { backend, clock } = limited(inner, 50);
  const time = await timed(clock, async () => {
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 25; i++) await backend.look("file");
    }));
  });
  assert.ok(time >= 3900 && time <= 4100, `${time} ms`);
});

Deno.test("Operations counts what a file costs, and no byte of it", async () => {
  await using inner = memoryBackend();
  const { backend, clock } = limited(inner, 10);
  const time = await timed(clock, async () => {
    for (let i = 0; i < 10; i++) {
      const file = await backend.create(`${i}`);
      for (let at = 0; at < 3; at++) await file.write(new Uint8Array(1000), at * 1000);
      await file.finish({ mtime: 1n, atime: 1n });
      await file.commit();
    }
  });
  // create, finish and commit
  assert.ok(time >= 2800 && time <= 3100, `${time} ms`);
});

Deno.test("Operations counts a listing by its names, and looks at the root for nothing", async () => {
  await using inner = memoryBackend();
  for (let i = 0; i < 640; i++) inner.put(`d/${i}`, { content: "" });
  const { backend, clock } = limited(inner, 10);
  let names = 0;
  const time = await timed(clock, async () => {
    for (let i = 0; i < 100; i++) await backend.identify();
    for (let i = 0; i < 3; i++) {
      for await (const { entries } of backend.list("d")) names += entries.length;
    }
  });
  assert.equal(names, 1920);
  // eleven for each; the last ones are what the next call would wait for
  assert.ok(time >= 2200 && time <= 2700, `${time} ms`);
});

Deno.test("Operations has no short way, and gives up when its signal aborts", async () => {
  using world = new DiskWorld({ file: "1" });
  const temporaryName = () => "x";
  await using inner = await openBackend(world.source, { temporaryName });
  const stop = new AbortController();
  const clock = new FakeClock(1000);
  const bucket = new TokenBucket(bucketMemory(), clock);
  bucket.rate = 1;
  const operations = new Operations(bucket, stop);
  const around = within(operations, {
    call: (_, __, make) => make(),
    now: (_, __, make) => make(),
  });
  const backend = withOperations(inner, around);
  assert.equal(backend.small, undefined);
  await timed(clock, () => backend.look("file"));
  const waiting = backend.look("file");
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});

for (const [where, World] of [["in memory", MemoryWorld], ["on disk", DiskWorld]] as const) {
  Deno.test(`sync does the same with a limit for operations, ${where}`, async () => {
    using world = new World({ "a/1": "one", "a/b/2": "two", link: { target: "a" }, c: null });
    const { summary } = await world.run({ opsLimit: 10_000 });
    assert.deepEqual([summary.outcome, summary.copied.files], ["in sync", 3]);
    if (world instanceof MemoryWorld) assert.deepEqual(essence(world.to), essence(world.from));
    assert.deepEqual((await world.run({ dryRun: true, opsLimit: 10_000 })).planned, []);
  });
}
