/** The part of the conformance suite about reading and writing files. */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { kept, listAll, put, readAll, rejectsWith, text, TIME, TIMES } from "./actions.ts";
import type { Register } from "./contract.ts";

/** Bytes that differ everywhere, so that a piece at the wrong place shows. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff;
  return bytes;
}

export function filesContract(test: Register): void {
  test("a file appears only when it is committed", async ({ backend }) => {
    const writer = await backend.create("file");
    assert.equal(writer.path, "file");
    await writer.write(new TextEncoder().encode("hello"), 0);
    assert.equal(await backend.look("file"), undefined);
    await writer.finish(TIMES);
    assert.equal(await backend.look("file"), undefined);
    await writer.commit();
    const entry = await backend.look("file");
    assert.equal(entry?.size, 5);
    assert.equal(entry?.mtime, kept(backend, TIMES.mtime));
    assert.equal(entry?.atime, kept(backend, TIMES.atime));
    assert.equal(await text(backend, "file"), "hello");
    assert.deepEqual((await listAll(backend, "")).temporaries, []);
  });

  test("a file is empty when nothing was written", async ({ backend }) => {
    await put(backend, "file", "");
    assert.equal((await backend.look("file"))?.size, 0);
    assert.equal(await text(backend, "file"), "");
  });

  test("the old file stays until commit", async ({ backend }) => {
    await put(backend, "file", "old");
    const writer = await backend.create("file");
    await writer.write(new TextEncoder().encode("new and longer"), 0);
    await writer.finish({ mtime: TIME + 10n ** 9n, atime: TIME });
    assert.equal(await text(backend, "file"), "old");
    await writer.commit();
    assert.equal(await text(backend, "file"), "new and longer");
    assert.equal((await backend.look("file"))?.mtime, kept(backend, TIME + 10n ** 9n));
  });

  test("abort leaves nothing at every stage before commit", async ({ backend }) => {
    await put(backend, "file", "old");
    for (const stage of [0, 1, 2]) {
      const writer = await backend.create("file");
      if (stage > 0) await writer.write(new TextEncoder().encode("new"), 0);
      if (stage > 1) await writer.finish(TIMES);
      await writer.abort();
      await writer.abort();
      const { entries, temporaries } = await listAll(backend, "");
      assert.deepEqual(entries.map((entry) => entry.name), ["file"]);
      assert.deepEqual(temporaries, []);
      assert.equal(await text(backend, "file"), "old");
    }
  });

  test("abort does no harm when the file was committed", async ({ backend }) => {
    const writer = await backend.create("file");
    await writer.finish(TIMES);
    await writer.commit();
    await writer.abort();
    assert.equal((await backend.look("file"))?.kind, "file");
  });

  test("abort waits when a write is under way", async ({ backend }) => {
    const writer = await backend.create("file");
    const writing = writer.write(pattern(3_000_000), 0).catch(() => {});
    await writer.abort();
    await put(backend, "next", "next");
    await writing;
    assert.equal(await text(backend, "next"), "next");
    assert.deepEqual((await listAll(backend, "")).temporaries, []);
  });

  test("abort does not throw when the directory is gone", async ({ backend }) => {
    await backend.makeDirectory("a");
    const writer = await backend.create("a/file");
    const [temporary] = (await listAll(backend, "a")).temporaries;
    await backend.removeFile(`a/${temporary}`);
    await backend.removeDirectory("a");
    await writer.abort();
  });

  test("a write after finish is an error", async ({ backend }) => {
    const writer = await backend.create("file");
    await writer.finish(TIMES);
    await rejectsWith(writer.write(new Uint8Array(5), 0), "EBADF");
    await writer.abort();
  });

  test("create rejects when the directory is not there", async ({ backend }) => {
    await rejectsWith(backend.create("none/file"), "ENOENT");
    await put(backend, "file");
    await rejectsWith(backend.create("file/below"), "ENOTDIR");
  });

  test("create gives two writers of one path names of their own", async ({ backend }) => {
    const one = await backend.create("file");
    const two = await backend.create("file");
    await one.write(new TextEncoder().encode("one"), 0);
    await two.write(new TextEncoder().encode("two"), 0);
    await one.finish(TIMES);
    await two.finish(TIMES);
    await one.commit();
    await two.commit();
    assert.equal(await text(backend, "file"), "two");
  });

  test("commit over a directory fails and leaves the rest as it was", async ({ backend }) => {
    await backend.makeDirectory("name");
    await put(backend, "name/inner");
    const writer = await backend.create("name");
    await writer.finish(TIMES);
    const error = await rejectsWith(writer.commit(), "EISDIR", "EEXIST", "ENOTEMPTY", "EPERM");
    assert.equal(error.path, "name");
    assert.match(error.message, /^cannot rename over the final name: /);
    await writer.abort();
    assert.deepEqual((await listAll(backend, "")).temporaries, []);
    assert.equal(await text(backend, "name/inner"), "content");
  });

  test("blocks of all sizes arrive at their places", async ({ backend }) => {
    const bytes = pattern(1_500_001);
    const writer = await backend.create("file");
    const cuts = [0, 1, 4097, 262_144, 262_145, 600_000, 1_200_000, bytes.length];
    for (let i = 1; i < cuts.length; i++) {
      await writer.write(bytes.subarray(cuts[i - 1], cuts[i]), cuts[i - 1]!);
    }
    await writer.finish(TIMES);
    await writer.commit();
    await using reader = await backend.open("file");
    assert.equal(reader.entry.size, bytes.length);
    assert.ok(Buffer.compare(await readAll(reader), bytes) === 0);
    for (const [from, length] of [[0, 1], [262_143, 3], [5, 262_144], [1_000, 1_400_000]]) {
      const into = new Uint8Array(length!);
      assert.equal(await reader.read(into, from!), length);
      assert.ok(Buffer.compare(into, bytes.subarray(from, from! + length!)) === 0);
    }
  });

  test("reads and writes in flight at once do not mix", async ({ backend }) => {
    const bytes = pattern(1_000_000);
    const writer = await backend.create("file");
    const starts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => i * 100_000);
    await Promise.all(starts.map((at) => writer.write(bytes.subarray(at, at + 100_000), at)));
    await writer.finish(TIMES);
    await writer.commit();
    await using reader = await backend.open("file");
    await Promise.all(
      starts.toReversed().map(async (at) => {
        const into = new Uint8Array(100_000);
        assert.equal(await reader.read(into, at), into.length);
        assert.ok(Buffer.compare(into, bytes.subarray(at, at + 100_000)) === 0);
      }),
    );
  });

  test("blocks may be views of shared memory", async ({ backend }) => {
    const shared = new Uint8Array(new SharedArrayBuffer(700_000));
    const bytes = pattern(600_000);
    shared.set(bytes, 100_000);
    await put(backend, "small", shared.subarray(100_000, 100_100));
    await put(backend, "large", shared.subarray(100_000));
    for (const [path, length] of [["small", 100], ["large", 600_000]] as const) {
      await using reader = await backend.open(path);
      shared.fill(0);
      assert.equal(await reader.read(shared.subarray(1), 0), length);
      assert.ok(Buffer.compare(shared.subarray(1, 1 + length), bytes.subarray(0, length)) === 0);
    }
  });

  test("read is short at the end of the file and 0 past it", async ({ backend }) => {
    await put(backend, "file", "0123456789");
    await using reader = await backend.open("file");
    const into = new Uint8Array(8);
    assert.equal(await reader.read(into, 0), 8);
    assert.equal(await reader.read(into, 8), 2);
    assert.equal(await reader.read(into, 10), 0);
    assert.equal(await reader.read(into, 1_000_000), 0);
    assert.equal(await reader.read(new Uint8Array(300_000), 5), 5);
    assert.equal(await reader.read(new Uint8Array(0), 0), 0);
  });

  test("a reader keeps the file that it opened when another takes its name", async (subject) => {
    const { backend } = subject;
    await put(backend, "file", "old");
    await using reader = await backend.open("file");
    await put(backend, "file", "newer", { mtime: TIME + 10n ** 9n, atime: TIME });
    assert.equal(reader.entry.mtime, kept(backend, TIMES.mtime));
    assert.equal(new TextDecoder().decode(await readAll(reader)), "old");
    const now = await reader.look();
    assert.equal(now?.size, 5);
    assert.equal(now?.mtime, kept(backend, TIME + 10n ** 9n));
    await backend.removeFile("file");
    assert.equal(await reader.look(), undefined);
  });

  test("a reader may be disposed of twice, and does not read afterwards", async ({ backend }) => {
    await put(backend, "file");
    const reader = await backend.open("file");
    await reader[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose]();
    await using other = await backend.open("file");
    if (backend.capabilities.kind !== "memory") {
      await rejectsWith(reader.read(new Uint8Array(5), 0), "EBADF");
    }
    assert.equal(new TextDecoder().decode(await readAll(other)), "content");
  });

  test("open rejects when there is no regular file", async ({ backend }) => {
    await backend.makeDirectory("directory");
    await put(backend, "file");
    await backend.createLink("link", { target: "file", times: TIMES });
    await rejectsWith(backend.open("none"), "ENOENT");
    await rejectsWith(backend.open("file/below"), "ENOTDIR");
    await rejectsWith(backend.open("link"), "ELOOP");
    const error = await rejectsWith(backend.open("directory"), "ECHANGED");
    assert.match(error.message, /no longer a file but a directory/);
  });
}
