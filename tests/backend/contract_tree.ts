/** The part of the conformance suite about looking, directories, links, times and removing. */
import assert from "node:assert/strict";
import { kept, namesIn, put, rejectsWith, text, TIME, TIMES } from "./actions.ts";
import type { Register } from "./contract.ts";

export function treeContract(test: Register): void {
  test("identify gives equal identities when asked twice", async ({ backend }) => {
    assert.deepEqual(await backend.identify(), await backend.identify());
  });

  test("look describes the root when the path is empty", async ({ backend }) => {
    const entry = await backend.look("");
    assert.equal(entry?.kind, "directory");
    assert.equal(entry?.name, "");
  });

  test("look describes files, directories and links", async ({ backend, linkTimes }) => {
    await put(backend, "file", "12345");
    await backend.makeDirectory("directory");
    await backend.createLink("link", { target: "no/such/thing", times: TIMES });
    const file = (await backend.look("file"))!;
    assert.deepEqual(
      { name: file.name, kind: file.kind, size: file.size, target: file.target },
      { name: "file", kind: "file", size: 5, target: "" },
    );
    assert.equal(file.mtime, kept(backend, TIMES.mtime));
    assert.equal(file.atime, kept(backend, TIMES.atime));
    assert.ok(file.ctime > TIME);
    assert.equal((await backend.look("directory"))?.kind, "directory");
    const link = (await backend.look("link"))!;
    assert.equal(link.kind, "symlink");
    assert.equal(link.target, "no/such/thing");
    if (linkTimes) assert.equal(link.mtime, kept(backend, TIMES.mtime));
  });

  test("look gives undefined when the file or a directory above is not there", async (subject) => {
    const { backend } = subject;
    assert.equal(await backend.look("none"), undefined);
    assert.equal(await backend.look("none/below"), undefined);
    await backend.makeDirectory("directory");
    assert.equal(await backend.look("directory/none"), undefined);
    assert.equal(await backend.look("directory/none/below/that"), undefined);
  });

  test("look rejects with ENOTDIR when the parent is a file", async ({ backend }) => {
    await put(backend, "file");
    const error = await rejectsWith(backend.look("file/below"), "ENOTDIR");
    assert.equal(error.scope, "entry");
    await rejectsWith(backend.look("file/below/that"), "ENOTDIR");
  });

  test("makeDirectory tells whether it made one", async ({ backend }) => {
    assert.equal(await backend.makeDirectory("a"), true);
    assert.equal(await backend.makeDirectory("a"), false);
    assert.equal(await backend.makeDirectory("a/b"), true);
    await rejectsWith(backend.makeDirectory("none/b"), "ENOENT");
  });

  test("makeDirectory says what is in the way when that is no directory", async ({ backend }) => {
    await put(backend, "file");
    await backend.createLink("link", { target: ".", times: TIMES });
    const error = await rejectsWith(backend.makeDirectory("file"), "ENOTDIR");
    assert.match(error.message, /has a file where/);
    assert.equal(error.path, "file");
    const other = await rejectsWith(backend.makeDirectory("link"), "ENOTDIR");
    assert.match(other.message, /has a symlink where/);
  });

  test("createLink replaces a file or a link in one step", async ({ backend }) => {
    await put(backend, "a");
    await backend.createLink("a", { target: "one", times: TIMES });
    await backend.createLink("a", { target: "/two", times: TIMES });
    assert.equal((await backend.look("a"))?.target, "/two");
    assert.deepEqual(await namesIn(backend, ""), ["a"]);
  });

  test("createLink leaves nothing behind when a directory has the name", async (subject) => {
    const { backend } = subject;
    await backend.makeDirectory("a");
    await rejectsWith(backend.createLink("a", { target: "x", times: TIMES }), "EISDIR", "EEXIST");
    await rejectsWith(backend.createLink("none/a", { target: "x", times: TIMES }), "ENOENT");
    for await (const batch of backend.list("")) assert.deepEqual(batch.temporaries, []);
    assert.equal((await backend.look("a"))?.kind, "directory");
  });

  test("link gives a file a further name in place of what was there", async ({ backend }) => {
    await put(backend, "a", "new");
    await put(backend, "b", "old and longer");
    await backend.makeDirectory("d");
    await backend.link("a", "b");
    await backend.link("b", "d/c");
    // once more: that changes nothing and leaves nothing
    await backend.link("a", "d/c");
    const [a, b, c] = await Promise.all(["a", "b", "d/c"].map((path) => backend.look(path)));
    assert.equal(await text(backend, "d/c"), "new");
    assert.deepEqual([a!.inode, a!.links, b!.links, c!.links], [b!.inode, 3, 3, 3]);
    assert.equal(a!.inode, c!.inode);
    assert.equal(c!.mtime, a!.mtime);
    for (const path of ["", "d"]) {
      for await (const batch of backend.list(path)) assert.deepEqual(batch.temporaries, []);
    }
    await backend.removeFile("b");
    assert.equal((await backend.look("a"))!.links, 2);
  });

  test("link leaves nothing behind when it fails", async ({ backend }) => {
    await put(backend, "a");
    await backend.makeDirectory("d");
    await rejectsWith(backend.link("none", "b"), "ENOENT");
    await rejectsWith(backend.link("a", "none/b"), "ENOENT");
    await rejectsWith(backend.link("d", "b"), "EPERM", "EACCES");
    await rejectsWith(backend.link("a", "d"), "EISDIR", "EEXIST");
    for await (const batch of backend.list("")) assert.deepEqual(batch.temporaries, []);
    assert.deepEqual(await namesIn(backend, ""), ["a", "d"]);
  });

  test("setTimes keeps times of files and directories as finely as it says", async (subject) => {
    const { backend, earlyTimes } = subject;
    await put(backend, "file");
    await backend.makeDirectory("directory");
    const moments = [0n, 1n, TIME, 2n ** 32n * 1_000_000_000n + 987_654_321n];
    // 1969-12-31 23:59:59.999999999, and 1938
    if (earlyTimes) moments.push(-1n, -1_000_000_000_000_000_001n);
    for (const path of ["file", "directory", ""]) {
      for (const mtime of moments) {
        await backend.setTimes(path, { mtime, atime: mtime + 5_000_000n });
        const entry = await backend.look(path);
        assert.equal(entry?.mtime, kept(backend, mtime), `mtime of "${path}"`);
        assert.equal(entry?.atime, kept(backend, mtime + 5_000_000n), `atime of "${path}"`);
      }
    }
    await rejectsWith(backend.setTimes("none", TIMES), "ENOENT");
  });

  test("setTimes does not follow a link", async ({ backend, linkTimes }) => {
    await put(backend, "file");
    await backend.createLink("link", { target: "file", times: TIMES });
    const other = { mtime: TIME + 7_000_000_000n, atime: TIME };
    if (linkTimes) {
      await backend.setTimes("link", other);
      assert.equal((await backend.look("link"))?.mtime, kept(backend, other.mtime));
    } else {
      await rejectsWith(backend.setTimes("link", other), "EOPNOTSUPP");
    }
    assert.equal((await backend.look("file"))?.mtime, kept(backend, TIMES.mtime));
  });

  test("removeFile removes files and links, and no directory", async ({ backend }) => {
    await backend.makeDirectory("directory");
    await put(backend, "directory/file");
    await put(backend, "file");
    await backend.createLink("link", { target: "directory", times: TIMES });
    await backend.removeFile("link");
    await backend.removeFile("file");
    await rejectsWith(backend.removeFile("file"), "ENOENT");
    await rejectsWith(backend.removeFile("directory"), "EISDIR", "EPERM");
    assert.equal(await text(backend, "directory/file"), "content");
    await backend.removeFile("directory/file");
    await rejectsWith(backend.removeFile("directory"), "EISDIR", "EPERM");
    assert.deepEqual(await namesIn(backend, ""), ["directory"]);
  });

  test("removeDirectory removes only a directory that is empty", async ({ backend }) => {
    await backend.makeDirectory("directory");
    await put(backend, "directory/file");
    await backend.createLink("link", { target: "directory", times: TIMES });
    await rejectsWith(backend.removeDirectory("directory"), "ENOTEMPTY");
    await rejectsWith(backend.removeDirectory("directory/file"), "ENOTDIR");
    await rejectsWith(backend.removeDirectory("link"), "ENOTDIR");
    await backend.removeFile("directory/file");
    await backend.removeDirectory("directory");
    await rejectsWith(backend.removeDirectory("directory"), "ENOENT");
    assert.deepEqual(await namesIn(backend, ""), ["link"]);
  });

  test("a directory is usable when it was removed and made anew", async ({ backend }) => {
    for (let i = 0; i < 3; i++) {
      await backend.makeDirectory("a");
      await backend.makeDirectory("a/b");
      await put(backend, "a/b/file", String(i));
      assert.equal(await text(backend, "a/b/file"), String(i));
      await backend.removeFile("a/b/file");
      await backend.removeDirectory("a/b");
      await backend.removeDirectory("a");
    }
  });

  test("flush resolves when files were committed", async ({ backend }) => {
    await put(backend, "file");
    await backend.flush();
    assert.equal(await text(backend, "file"), "content");
  });
}
