import assert from "node:assert/strict";
import { withAround } from "../../src/backend/around.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import { Retry } from "../../src/backend/retry.ts";
import { SyncError } from "../../src/errors.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { scratchDirectory } from "../testing/scratch.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";

/** A backend with a file, under faults, that retries 3 times. */
function retrying(rules: Rule[], { alive = () => Promise.resolve() } = {}) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const memory = memoryBackend({ root: "/m", temporaryName: () => ".sluice-a-1-1-1.part" });
  memory.put("file", { content: "hello" });
  const faulty = withFaults(memory, rules);
  const looks = { count: 0 };
  const retry = new Retry({
    retries: 3,
    clock,
    signal: stop.signal,
    alive: () => {
      looks.count += 1;
      return alive();
    },
    random: () => 0,
  });
  return { clock, stop, looks, retry, calls: faulty.calls, backend: withAround(faulty, retry) };
}

const PASSING = [
  "EIO",
  "ESTALE",
  "ETIMEDOUT",
  "EAGAIN",
  "EBUSY",
  "EINTR",
  "ENOTCONN",
  "ECONNRESET",
];

for (const errno of PASSING) {
  Deno.test(`Retry makes a call again that failed with ${errno}, after longer and longer pauses`, async () => {
    const { clock, calls, backend } = retrying([{ call: "look", errno, times: 3 }]);
    const looking = backend.look("file");
    await clock.advance(499);
    assert.equal(calls.get("look"), 1);
    await clock.advance(1);
    assert.equal(calls.get("look"), 2);
    await clock.advance(999);
    assert.equal(calls.get("look"), 2);
    await clock.advance(1 + 2000);
    assert.equal((await looking)?.size, 5);
    assert.equal(calls.get("look"), 4);
    assert.equal(clock.waiting, 0);
  });
}

for (const errno of ["EACCES", "ENAMETOOLONG", "EFBIG", "ENOENT"]) {
  Deno.test(`Retry does not make a call again that failed with ${errno}`, async () => {
    const { calls, looks, backend } = retrying([{ call: "open", errno }]);
    await assert.rejects(backend.open("file"), { code: errno });
    assert.equal(calls.get("open"), 1);
    assert.equal(looks.count, 0);
  });
}

for (const errno of ["ENOSPC", "EINVAL"]) {
  Deno.test(`Retry makes an open again that failed with ${errno}, and no create`, async () => {
    const rules = (["open", "create"] as const).map((call) => ({ call, errno, times: 1 }));
    const { clock, calls, backend } = retrying(rules);
    await assert.rejects(backend.create("other"), { code: errno });
    assert.equal(calls.get("create"), 1);
    const opening = backend.open("file");
    await clock.advance(5000);
    await using _file = await opening;
    assert.equal(calls.get("open"), 2);
  });
}

Deno.test("Retry gives up after the last try, with its error", async () => {
  const { clock, calls, backend } = retrying([{ call: "open", errno: "ETIMEDOUT" }]);
  const failed = assert.rejects(backend.open("file"), { code: "ETIMEDOUT" });
  await clock.advance(60_000);
  await failed;
  assert.equal(calls.get("open"), 4);
});

Deno.test("Retry goes on with a file in the middle", async () => {
  const { clock, calls, backend } = retrying([{ call: "read", after: 1, times: 2, errno: "EIO" }]);
  await using file = await backend.open("file");
  const into = new Uint8Array(5);
  await file.read(into.subarray(0, 3), 0);
  const rest = file.read(into.subarray(3), 3);
  await clock.advance(5000);
  assert.equal(await rest, 2);
  assert.equal(new TextDecoder().decode(into), "hello");
  assert.equal(calls.get("read"), 4);
});

Deno.test("Retry does not repeat a read through a handle that is stale", async () => {
  const { calls, backend } = retrying([{ call: "read", errno: "ESTALE" }]);
  await using file = await backend.open("file");
  await assert.rejects(file.read(new Uint8Array(5), 0), { code: "ESTALE" });
  assert.equal(calls.get("read"), 1);
});

for (const call of ["write", "finish", "commit", "flush", "removeFile"] as const) {
  Deno.test(`Retry does not repeat a ${call}: it may have hidden a loss, or have been done`, async () => {
    const { calls, backend } = retrying([{ call, errno: "EIO" }]);
    const act = {
      write: async () => await (await backend.create("new")).write(new Uint8Array(1), 0),
      finish: async () => await (await backend.create("new")).finish({ mtime: 1n, atime: 1n }),
      commit: async () => await (await backend.create("new")).commit(),
      flush: () => backend.flush(),
      removeFile: () => backend.removeFile("file"),
    };
    await assert.rejects(act[call], { code: "EIO" });
    assert.equal(calls.get(call), 1);
  });
}

Deno.test("Retry begins a listing again only if nothing of it has come", async () => {
  const { clock, calls, backend } = retrying([{ call: "list", errno: "EIO", times: 1 }]);
  const names: string[] = [];
  const listing = (async () => {
    for await (const { entries } of backend.list("")) names.push(...entries.map((e) => e.name));
  })();
  await clock.advance(1000);
  await listing;
  assert.deepEqual(names, ["file"]);
  assert.equal(calls.get("list"), 2);
});

Deno.test("Retry goes on with a listing in the middle", async () => {
  const root = scratchDirectory();
  for (let i = 0; i < 5000; i++) Deno.writeTextFileSync(`${root}/file-${i}`, "");
  using libc = loadLibc();
  let calls = 0;
  const getdents64: typeof libc.pooled.getdents64 = (...parameters) =>
    ++calls === 2 || calls === 4 ? Promise.resolve(-5) : libc.pooled.getdents64(...parameters);
  const failing = { ...libc, pooled: { ...libc.pooled, getdents64 } };
  const temporaryName = () => ".sluice-t";
  await using posix = await openPosix(root, failing, { temporaryName, latency: "waiting" });
  const { clock, retry } = retrying([]);
  const names = new Set<string>();
  let listed = 0;
  const listing = (async () => {
    for await (const { entries } of withAround(posix, retry).list("")) {
      listed += entries.length;
      for (const { name } of entries) names.add(name);
    }
  })();
  let over = false;
  const end = listing.finally(() => over = true);
  // the calls are real ones
  for (; !over; await new Promise((resolve) => setTimeout(resolve, 1))) await clock.advance(1000);
  await end;
  assert.deepEqual([names.size, listed], [5000, 5000]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("Retry tries nothing again when the whole place is out of reach", async () => {
  const gone = new SyncError("EROOT", "gone", { scope: "run" });
  const { calls, looks, backend } = retrying([{ call: "look", errno: "ETIMEDOUT" }], {
    alive: () => Promise.reject(gone),
  });
  await assert.rejects(backend.look("file"), gone);
  assert.equal(calls.get("look"), 1);
  assert.equal(looks.count, 1);
});

Deno.test("Retry ends its pause when the run is to end", async () => {
  const { clock, stop, backend } = retrying([{ call: "look", errno: "EIO" }]);
  const reason = new Error("enough");
  const failed = assert.rejects(backend.look("file"), reason);
  await clock.advance(100);
  stop.abort(reason);
  await failed;
  assert.equal(clock.waiting, 0);
});
