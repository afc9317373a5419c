/** The part of the conformance suite about never leaving the root, special files and signals. */
import assert from "node:assert/strict";
import { listAll, namesIn, put, rejectsWith, text, TIMES } from "./actions.ts";
import type { Register } from "./contract.ts";

export function safetyContract(test: Register): void {
  test("nothing goes through a link in place of a directory", async (subject) => {
    const { backend, outside, outsideNames } = subject;
    await backend.makeDirectory("a");
    await put(backend, "a/precious");
    // known as a directory first, then replaced: the cache must not lead there either
    await backend.removeFile("a/precious");
    await backend.removeDirectory("a");
    await backend.createLink("a", { target: outside, times: TIMES });
    const codes = ["ENOTDIR", "ELOOP"];
    await rejectsWith(backend.look("a/precious"), ...codes);
    await rejectsWith(listAll(backend, "a"), ...codes);
    await rejectsWith(listAll(backend, "a/below"), ...codes);
    await rejectsWith(backend.open("a/precious"), ...codes);
    await rejectsWith(backend.create("a/new"), ...codes);
    await rejectsWith(backend.createLink("a/new", { target: "x", times: TIMES }), ...codes);
    await rejectsWith(backend.makeDirectory("a/new"), ...codes);
    await rejectsWith(backend.setTimes("a/precious", TIMES), ...codes);
    await rejectsWith(backend.removeFile("a/precious"), ...codes);
    await rejectsWith(backend.removeDirectory("a/precious"), ...codes);
    assert.deepEqual(await outsideNames(), ["precious"]);
  });

  test("a link that appears while a file is written is not followed", async (subject) => {
    const { backend, outside, outsideNames } = subject;
    await backend.makeDirectory("a");
    const writer = await backend.create("a/file");
    await writer.write(new Uint8Array(5), 0);
    const [temporary] = (await listAll(backend, "a")).temporaries;
    await backend.removeFile(`a/${temporary}`);
    await backend.removeDirectory("a");
    await backend.createLink("a", { target: outside, times: TIMES });
    await assert.rejects(async () => {
      await writer.finish(TIMES);
      await writer.commit();
    });
    await writer.abort();
    assert.deepEqual(await outsideNames(), ["precious"]);
  });

  test("paths that lead out of the root are refused", async ({ backend, outsideNames }) => {
    await backend.makeDirectory("a");
    for (const path of ["..", ".", "a/..", "../outside/precious", "a/../../x", "a//b", "/etc"]) {
      await rejectsWith(backend.look(path), "EINVAL");
      await rejectsWith(backend.open(path), "EINVAL");
      await rejectsWith(backend.create(path), "EINVAL");
      await rejectsWith(backend.removeFile(path), "EINVAL");
      await rejectsWith(backend.removeDirectory(path), "EINVAL");
      await rejectsWith(backend.makeDirectory(path), "EINVAL");
      await rejectsWith(listAll(backend, path), "EINVAL");
    }
    await rejectsWith(backend.create("nul\0byte"), "EINVAL");
    assert.deepEqual(await outsideNames(), ["precious"]);
    assert.deepEqual(await namesIn(backend, ""), ["a"]);
  });

  test("a FIFO is special, and opening it does not wait", async ({ backend, makeSpecial }) => {
    await makeSpecial("fifo", "fifo");
    assert.equal((await backend.look("fifo"))?.kind, "special");
    assert.equal((await listAll(backend, "")).entries[0]?.kind, "special");
    await rejectsWith(backend.open("fifo"), "ECHANGED");
    await backend.removeFile("fifo");
  });

  test("a socket is special and cannot be opened", async ({ backend, makeSpecial }) => {
    await makeSpecial("socket", "socket");
    assert.equal((await backend.look("socket"))?.kind, "special");
    await rejectsWith(backend.open("socket"), "ECHANGED", "ENXIO");
  });

  test("a call rejects with the reason when its signal has aborted", async ({ backend }) => {
    await put(backend, "file");
    await backend.makeDirectory("a");
    await using reader = await backend.open("file");
    const writer = await backend.create("new");
    const reason = new Error("stop now");
    const options = { signal: AbortSignal.abort(reason) };
    const link = { target: "x", ...TIMES };
    const list = async () => {
      for await (const _ of backend.list("", options));
    };
    const calls: Record<string, () => Promise<unknown>> = {
      identify: () => backend.identify(options),
      look: () => backend.look("file", options),
      list,
      open: () => backend.open("file", options),
      read: () => reader.read(new Uint8Array(5), 0, options),
      "look anew": () => reader.look(options),
      create: () => backend.create("other", options),
      write: () => writer.write(new Uint8Array(5), 0, options),
      finish: () => writer.finish(TIMES, options),
      commit: () => writer.commit(options),
      createLink: () => backend.createLink("link", link, options),
      makeDirectory: () => backend.makeDirectory("b", options),
      setTimes: () => backend.setTimes("a", TIMES, options),
      removeFile: () => backend.removeFile("file", options),
      removeDirectory: () => backend.removeDirectory("a", options),
      flush: () => backend.flush(options),
    };
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call, (error) => error === reason, name);
    }
    await writer.abort();
    assert.deepEqual(await namesIn(backend, ""), ["a", "file"]);
  });

  test("list rejects with the reason when its signal aborts half-way", async ({ backend }) => {
    for (let i = 0; i < 1500; i++) await backend.makeDirectory(`directory ${i}`);
    const reason = new Error("stop now");
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of backend.list("", { signal: controller.signal })) {
        controller.abort(reason);
      }
    }, (error) => error === reason);
  });

  test("files of one directory may be written all at once", async ({ backend }) => {
    await backend.makeDirectory("a");
    const names = Array.from({ length: 60 }, (_, i) => `a/d${i % 7}/e${i}`);
    await Promise.all(names.map(async (name, i) => {
      await backend.makeDirectory(`a/d${i % 7}`);
      await backend.makeDirectory(name);
      await put(backend, `${name}/file`, name);
      assert.equal(await text(backend, `${name}/file`), name);
    }));
    for (const name of names) assert.equal(await text(backend, `${name}/file`), name);
  });
}
