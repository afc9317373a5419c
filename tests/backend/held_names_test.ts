import assert from "node:assert/strict";
import type { HeldNames } from "../../src/backend/backend.ts";
import { Operations, withOperations } from "../../src/backend/operations.ts";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import { SyncError } from "../../src/errors.ts";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { namesIn, put, rejectsWith, TIME, TIMES } from "./actions.ts";
import { mountedSubject } from "./mounted.ts";

// outside of a test, where no sanitizer asks for it to be unloaded
const libc = loadLibc();

function make(latency: "immediate" | "waiting" = "immediate") {
  return mountedSubject(
    (root, temporaryName) => openPosix(root, libc, { temporaryName, latency }),
    { linkTimes: true, earlyTimes: true },
  );
}

/** What became of each: "kind size", "-" for what is not there, or the code of an error. */
function told(found: ReturnType<HeldNames["look"]>): string[] {
  return found.map((one) =>
    one === undefined ? "-" : one instanceof SyncError ? one.code : `${one.kind} ${one.size}`
  );
}

Deno.test("HeldNames.look says of each name what is there", async () => {
  const { backend, dispose } = await make();
  await backend.makeDirectory("d");
  await put(backend, "d/file", "12345");
  await put(backend, "d/odd\udcff", "1");
  await backend.makeDirectory("d/sub");
  await backend.createLink("d/link", { target: "nowhere", times: TIMES });
  {
    using held = await backend.holdNames!("d");
    const found = held.look(["odd\udcff", "not there", "file", "x".repeat(300), "link"]);
    assert.deepEqual(told(found), ["file 1", "-", "file 5", "ENAMETOOLONG", "symlink 7"]);
    const [file, sub] = held.look(["file", "sub"]);
    assert.ok(file !== undefined && !(file instanceof SyncError));
    assert.equal(file.mtime, TIME);
    assert.ok(sub !== undefined && !(sub instanceof SyncError));
    assert.equal(sub.kind, "directory");
    assert.deepEqual(held.look([]), []);
    for (const name of ["", ".", "..", "a\0b"]) {
      assert.throws(() => held.look(["file", name]), { code: "EINVAL" });
      assert.throws(() => held.remove([{ name, kind: "file" }]), { code: "EINVAL" });
    }
  }
  await dispose();
});

Deno.test("HeldNames look at and remove more names than fit into one go", async () => {
  const { backend, dispose } = await make();
  const names = Array.from({ length: 600 }, (_, i) => `${"n".repeat(i % 200)}${i}`);
  await backend.makeDirectory("d");
  for (const name of names) await put(backend, `d/${name}`, "");
  {
    using held = await backend.holdNames!("d");
    assert.deepEqual(told(held.look(names)), names.map(() => "file 0"));
    const some = names.filter((_, i) => i % 3 !== 0);
    const errors = held.remove(some.map((name) => ({ name, kind: "file" })));
    assert.deepEqual(errors, some.map(() => null));
    assert.deepEqual(told(held.look(names)), names.map((_, i) => i % 3 === 0 ? "file 0" : "-"));
  }
  assert.deepEqual(await namesIn(backend, "d"), names.filter((_, i) => i % 3 === 0).sort());
  await dispose();
});

Deno.test("HeldNames.remove tells of each what became of it, and goes on", async () => {
  const { backend, dispose, outsideNames, outside } = await make();
  await put(backend, "a");
  await put(backend, "b");
  await backend.makeDirectory("empty");
  await backend.makeDirectory("full");
  await put(backend, "full/file");
  await backend.createLink("link", { target: outside, times: TIMES });
  {
    using held = await backend.holdNames!("");
    const errors = held.remove([
      { name: "a", kind: "file" },
      { name: "gone", kind: "file" },
      { name: "full", kind: "directory" },
      { name: "empty", kind: "directory" },
      { name: "b", kind: "directory" },
      { name: "link", kind: "symlink" },
    ]);
    assert.deepEqual(errors.map((error) => error?.code ?? null), [
      null,
      "ENOENT",
      "ENOTEMPTY",
      null,
      "ENOTDIR",
      null,
    ]);
    assert.equal(errors[2]?.path, "full");
  }
  assert.deepEqual(await namesIn(backend, ""), ["b", "full"]);
  assert.deepEqual(await outsideNames(), ["precious"]);
  await dispose();
});

Deno.test("HeldNames.setTimes tells of each what became of it, and follows no link", async () => {
  const { backend, dispose, outside } = await make();
  const names = Array.from({ length: 150 }, (_, i) => `d${i}`);
  for (const name of names) await backend.makeDirectory(name);
  await backend.createLink("link", { target: outside, times: TIMES });
  const before = (await Deno.stat(outside)).mtime;
  // before 1970 the fraction counts from the second before; the last is beyond 32 bits
  const times = [-1n, -1_500_000_000n, 1_700_000_000_123_456_789n, 5_000_000_000_000_000_001n];
  const timed = [...names, "gone", "link"].map((name, i) => ({
    name,
    mtime: times[i % times.length]!,
    atime: times[(i + 1) % times.length]!,
  }));
  {
    using held = await backend.holdNames!("");
    const errors = held.setTimes(timed);
    const codes = errors.map((error) => error?.code ?? null);
    assert.deepEqual(codes, timed.map(({ name }) => name === "gone" ? "ENOENT" : null));
    for (const name of ["", ".", ".."]) {
      assert.throws(() => held.setTimes([{ name, mtime: 0n, atime: 0n }]), { code: "EINVAL" });
    }
  }
  for (const { name, mtime, atime } of timed) {
    if (name === "gone") continue;
    const entry = await backend.look(name);
    assert.deepEqual([entry!.mtime, entry!.atime], [mtime, atime], name);
  }
  assert.deepEqual((await Deno.stat(outside)).mtime, before);
  await dispose();
});

Deno.test("holdNames opens a directory anew when it was replaced by another one of its name", async () => {
  const { backend, root, dispose } = await make();
  await backend.makeDirectory("a");
  await backend.makeDirectory("a/b");
  await put(backend, "a/b/old");
  await Deno.rename(`${root}/a`, `${root}/before`);
  await Deno.mkdir(`${root}/a/b`, { recursive: true });
  await Deno.writeTextFile(`${root}/a/b/new`, "");
  {
    using held = await backend.holdNames!("a/b", { anew: true });
    assert.deepEqual(told(held.look(["old", "new"])), ["-", "file 0"]);
  }
  await dispose();
});

Deno.test("holdNames names what is missing, and follows no link", async () => {
  const { backend, outside, dispose } = await make();
  await backend.makeDirectory("a");
  await put(backend, "a/file");
  await backend.createLink("link", { target: outside, times: TIMES });
  const error = await rejectsWith(backend.holdNames!("a/b/c/d", { anew: true }), "ENOENT");
  assert.equal(error.path, "a/b");
  await rejectsWith(backend.holdNames!("a/file/x"), "ENOTDIR");
  await rejectsWith(backend.holdNames!("link"), "ENOTDIR", "ELOOP");
  await rejectsWith(backend.holdNames!("../a"), "EINVAL");
  const signal = AbortSignal.abort(new Error("stop"));
  await assert.rejects(backend.holdNames!("a", { signal }), /stop/);
  await dispose();
});

Deno.test("holdNames is missing where calls are waited for, or paced", async () => {
  const share = await make("waiting");
  assert.equal(share.backend.holdNames, undefined);
  await share.dispose();
  const local = await make();
  const bucket = new TokenBucket(bucketMemory(), new FakeClock());
  const { signal } = new AbortController();
  const paced = withOperations(local.backend, new Operations(bucket, { signal }));
  assert.equal(paced.holdNames, undefined);
  await local.dispose();
});
