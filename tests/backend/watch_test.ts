import assert from "node:assert/strict";
import { memoryBackend } from "../../src/backend/memory.ts";
import { withAround } from "../../src/backend/around.ts";
import { Watch } from "../../src/backend/watch.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";

/** A backend with a file, whose calls hang where the rules say so. */
function watched(...rules: Rule[]) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const watch = new Watch({ side: "source", clock, signal: stop.signal, counts });
  const memory = memoryBackend({ root: "/m", temporaryName: () => ".sluice-a-1-1-1.part" });
  memory.put("d", { kind: "directory" });
  memory.put("d/file", { content: "hello" });
  const backend = withAround(withFaults(memory, rules, { clock }), watch);
  return { clock, stop, watch, backend, memory, counts };
}

const NEVER = new Promise<void>(() => {});

Deno.test("Watch knows which call has been under way longest, and since when", async () => {
  const { clock, watch, backend, counts } = watched(
    { call: "look", path: "d/file", stall: 10_000 },
    { call: "look", path: "d", stall: 5_000 },
  );
  using _ = watch;
  assert.equal(watch.oldest(), null);
  const first = backend.look("d/file");
  await clock.advance(1000);
  const second = backend.look("d");
  assert.deepEqual([...counts], [2, 0]);
  await clock.advance(3000);
  assert.deepEqual(watch.oldest(), { side: "source", path: "d/file", age: 4000 });
  await clock.advance(6000);
  assert.equal((await first)?.name, "file");
  assert.equal((await second)?.kind, "directory");
  assert.equal(watch.oldest(), null);
  assert.deepEqual([...counts], [0, 0]);
});

Deno.test("Watch passes on what calls resolve to and reject with", async () => {
  const { watch, backend, memory, counts } = watched({ call: "setTimes", errno: "EACCES" });
  using _ = watch;
  await using file = await backend.open("d/file");
  const bytes = new Uint8Array(5);
  assert.equal(await file.read(bytes, 0), 5);
  assert.equal(new TextDecoder().decode(bytes), "hello");
  assert.equal((await file.look())?.size, 5);
  const times = { mtime: 1n, atime: 2n };
  await assert.rejects(backend.setTimes("d", times), { code: "EACCES" });
  const writer = await backend.create("new");
  await writer.write(bytes, 0);
  await writer.finish(times);
  await writer.commit();
  assert.equal(memory.tree()["new"]?.mtime, 1n);
  const names: string[] = [];
  for await (const { entries } of backend.list("")) names.push(...entries.map(({ name }) => name));
  assert.deepEqual(names.sort(), ["d", "new"]);
  assert.deepEqual([...counts], [0, 0]);
});

Deno.test("Watch gives up on a call that hung before the abort, and on those after it", async () => {
  const { clock, stop, watch, backend } = watched({ call: "read", until: NEVER });
  using _ = watch;
  const file = await backend.open("d/file");
  const reading = file.read(new Uint8Array(5), 0);
  await clock.advance(60_000);
  const reason = new Error("enough");
  stop.abort(reason);
  const outcome = assert.rejects(reading, reason);
  await clock.advance(1200);
  await outcome;
  await assert.rejects(backend.look("d"), reason);
  // what only lets go does not fail for it
  await file[Symbol.asyncDispose]();
});

Deno.test("Watch waits after an abort for a call that has only just begun", async () => {
  const { clock, stop, watch, backend } = watched({ call: "flush", stall: 2000 });
  using _ = watch;
  const flushing = backend.flush();
  stop.abort(new Error("enough"));
  await clock.advance(2000);
  await flushing;
  // and what is left to settle may still be settled
  assert.equal((await backend.look("d"))?.kind, "directory");
});

Deno.test("Watch leaves no timer behind when it is disposed of after an abort", async () => {
  const { clock, stop, watch } = watched();
  stop.abort(new Error("enough"));
  await clock.advance(500);
  assert.equal(clock.waiting, 1);
  watch[Symbol.dispose]();
  await clock.advance(0);
  assert.equal(clock.waiting, 0);
});
