/** The part of the conformance suite about moving things out of the tree into a trash. */
import assert from "node:assert/strict";
import { kept, namesIn, put, rejectsWith, text, TIME, TIMES } from "./actions.ts";
import type { Register } from "./contract.ts";

export function trashContract(test: Register): void {
  test("openTrash moves files and links with their times", async ({ backend, outside }) => {
    await backend.makeDirectory("a");
    await put(backend, "a/file", "text");
    await backend.createLink("link", { target: "no/such/thing", times: TIMES });
    await using trash = await backend.openTrash(`${outside}-trash`, { make: true });
    assert.equal(trash.root, `${outside}-trash`);
    await trash.take("a/file", "run/a/file");
    await trash.take("link", "run/link");
    assert.deepEqual(await namesIn(backend, ""), ["a"]);
    assert.deepEqual(await namesIn(backend, "a"), []);
    const file = (await trash.look("run/a/file"))!;
    assert.equal(file.size, 4);
    assert.equal(file.mtime, kept(backend, TIME));
    assert.equal((await trash.look("run/link"))?.target, "no/such/thing");
    // what was moved out of the tree is no way back into it
    await put(backend, "a/file", "new");
    assert.equal(await text(backend, "a/file"), "new");
  });

  test("openTrash makes its directory only when it is asked to", async ({ backend, outside }) => {
    await rejectsWith(backend.openTrash(`${outside}-trash`), "ENOENT");
    await using _made = await backend.openTrash(`${outside}-trash`, { make: true });
    await using _again = await backend.openTrash(`${outside}-trash`, { make: true });
    await using opened = await backend.openTrash(`${outside}-trash`);
    assert.equal((await opened.look(""))?.kind, "directory");
  });

  test("a trash may be inside the tree", async ({ backend }) => {
    await put(backend, "file");
    await using trash = await backend.openTrash(`${backend.root}/.sluice-trash`, { make: true });
    await trash.take("file", "run/file");
    assert.deepEqual(await namesIn(backend, ""), [".sluice-trash"]);
    assert.equal(await text(backend, ".sluice-trash/run/file"), "content");
  });

  test("take never replaces what is in the trash", async ({ backend, outside }) => {
    await using trash = await backend.openTrash(`${outside}-trash`, { make: true });
    await put(backend, "file", "first");
    await trash.take("file", "file");
    await put(backend, "file", "the second");
    await rejectsWith(trash.take("file", "file"), "EEXIST");
    assert.equal(await text(backend, "file"), "the second");
    assert.equal((await trash.look("file"))?.size, 5);
    await trash.makeDirectory("directory");
    await rejectsWith(trash.take("file", "directory"), "EEXIST");
  });

  test("take rejects with ENOENT when there is nothing to take", async ({ backend, outside }) => {
    await using trash = await backend.openTrash(`${outside}-trash`, { make: true });
    await rejectsWith(trash.take("none", "none"), "ENOENT");
    await rejectsWith(trash.take("none/below", "run/none/below"), "ENOENT");
  });

  test("take goes through no link on either side", async (subject) => {
    const { backend, outside, outsideNames } = subject;
    await backend.createLink("way", { target: outside, times: TIMES });
    await put(backend, "file");
    await using trash = await backend.openTrash(`${outside}-trash`, { make: true });
    await rejectsWith(trash.take("way/precious", "precious"), "ENOTDIR", "ELOOP");
    await trash.take("way", "way");
    await rejectsWith(trash.take("file", "way/file"), "ENOTDIR", "ELOOP");
    assert.equal(await text(backend, "file"), "content");
    assert.deepEqual(await outsideNames(), ["precious"]);
    await rejectsWith(trash.take("file", "../file"), "EINVAL");
    await rejectsWith(trash.take("../outside/precious", "precious"), "EINVAL");
  });

  test("makeDirectory of a trash makes those above it and keeps times", async (subject) => {
    const { backend, outside } = subject;
    await using trash = await backend.openTrash(`${outside}-trash`, { make: true });
    assert.equal(await trash.makeDirectory("run/a/b"), true);
    assert.equal(await trash.makeDirectory("run/a/b"), false);
    await trash.setTimes("run/a/b", TIMES);
    assert.equal((await trash.look("run/a/b"))?.mtime, kept(backend, TIME));
  });

  test("take rejects with the reason when its signal has aborted", async ({ backend, outside }) => {
    await put(backend, "file");
    await using trash = await backend.openTrash(`${outside}-trash`, { make: true });
    const reason = new Error("stop now");
    const options = { signal: AbortSignal.abort(reason) };
    await assert.rejects(trash.take("file", "file", options), (error) => error === reason);
    await assert.rejects(backend.openTrash(`${outside}-trash`, options), (e) => e === reason);
    assert.equal(await text(backend, "file"), "content");
  });
}
