/** The part of the conformance suite about listings and names. */
import assert from "node:assert/strict";
import { isTemporary } from "../../src/backend/temporary.ts";
import { listAll, namesIn, put, rejectsWith, text, TIMES } from "./actions.ts";
import type { Register } from "./contract.ts";

const NAMES = [
  " leading and trailing ",
  "-rf",
  "--",
  "line\nbreak",
  "\r\t\x01\x7f",
  "'single' \"double\" `back` $(id)",
  "back\\slash",
  "*?[a]{b}",
  "...",
  "~",
  "caf\u00e9",
  "cafe\u0301",
  "日本語",
  "👩‍🚀",
  "\ufeffmark",
  "\u202eevil",
  "a".repeat(255),
  "é".repeat(127),
  ".sluice-nearly.part",
];

export function listingContract(test: Register): void {
  test("list gives what look gives for each entry", async ({ backend }) => {
    await put(backend, "file", "12345");
    await backend.makeDirectory("directory");
    await put(backend, "directory/inner");
    await backend.createLink("link", { target: "directory", times: TIMES });
    const { entries, problems } = await listAll(backend, "");
    assert.deepEqual(entries.map((entry) => entry.name), ["directory", "file", "link"]);
    assert.deepEqual(problems, []);
    for (const entry of entries) {
      const seen = await backend.look(entry.name);
      // reading a link or listing a directory may change its access time
      assert.deepEqual({ ...seen, atime: null }, { ...entry, atime: null });
    }
    assert.deepEqual(await namesIn(backend, "directory"), ["inner"]);
  });

  test("list gives nothing when the directory is empty", async ({ backend }) => {
    await backend.makeDirectory("empty");
    const { entries, temporaries, problems } = await listAll(backend, "empty");
    assert.deepEqual([...entries, ...temporaries, ...problems], []);
  });

  test("list rejects when there is no directory at the path", async ({ backend }) => {
    await put(backend, "file");
    await rejectsWith(listAll(backend, "none"), "ENOENT");
    await rejectsWith(listAll(backend, "file"), "ENOTDIR");
    await rejectsWith(listAll(backend, "file/below"), "ENOTDIR");
  });

  test("list is complete and without repetition when there are 5,000 entries", async (subject) => {
    const { backend } = subject;
    await backend.makeDirectory("many");
    const names = Array.from({ length: 5000 }, (_, i) => `entry ${String(i).padStart(20, "0")}`);
    for (let at = 0; at < names.length; at += 100) {
      const part = names.slice(at, at + 100);
      await Promise.all(part.map((name) => backend.makeDirectory(`many/${name}`)));
    }
    assert.deepEqual(await namesIn(backend, "many"), names);
  });

  test("list reports temporaries apart when files are being written", async ({ backend }) => {
    const writer = await backend.create("file");
    await put(backend, "other");
    const { entries, temporaries } = await listAll(backend, "");
    assert.deepEqual(entries.map((entry) => entry.name), ["other"]);
    assert.equal(temporaries.length, 1);
    assert.ok(isTemporary(temporaries[0]!));
    await writer.abort();
    assert.deepEqual((await listAll(backend, "")).temporaries, []);
  });

  test("list stops and can be repeated when its consumer does not go on", async ({ backend }) => {
    await put(backend, "file");
    for await (const _ of backend.list("")) break;
    assert.deepEqual(await namesIn(backend, ""), ["file"]);
  });

  test("names are carried byte for byte when they are unusual", async ({ backend }) => {
    await backend.makeDirectory("names");
    for (const name of NAMES) await put(backend, `names/${name}`, name);
    assert.deepEqual(await namesIn(backend, "names"), [...NAMES].sort());
    for (const name of NAMES) {
      assert.equal(await text(backend, `names/${name}`), name);
      await backend.removeFile(`names/${name}`);
      assert.equal(await backend.makeDirectory(`names/${name}`), true);
      await put(backend, `names/${name}/file`);
      assert.deepEqual(await namesIn(backend, `names/${name}`), ["file"]);
      await backend.removeFile(`names/${name}/file`);
      await backend.removeDirectory(`names/${name}`);
    }
    assert.deepEqual(await namesIn(backend, "names"), []);
  });

  test("targets of links are carried byte for byte", async ({ backend }) => {
    const targets = [...NAMES.slice(0, 12), "/", "..", "a//b/", "x".repeat(1000)];
    for (const [i, target] of targets.entries()) {
      await backend.createLink(`link ${i}`, { target, times: TIMES });
      assert.equal((await backend.look(`link ${i}`))?.target, target);
    }
  });

  test("names that are not UTF-8 are carried exactly or refused by name", async ({ backend }) => {
    const odd = ["\udcff", "a\udc80b", "\udcc3", "\udce2\udc82", "é\udca9", "twin\udcfe"];
    if (!backend.capabilities.exactNames) {
      await rejectsWith(backend.create(odd[0]!), "EILSEQ");
      await rejectsWith(backend.look(odd[0]!), "EILSEQ");
      await rejectsWith(backend.createLink("link", { target: odd[0]!, times: TIMES }), "EILSEQ");
      return;
    }
    await put(backend, "twin\ufffd", "another one");
    for (const name of odd) {
      await put(backend, name, name === odd[1] ? "one" : "other");
      await backend.createLink(`to ${name}`, { target: name, times: TIMES });
    }
    const all = [...odd, ...odd.map((name) => `to ${name}`), "twin\ufffd"];
    assert.deepEqual(await namesIn(backend, ""), all.sort());
    assert.equal(await text(backend, odd[1]!), "one");
    assert.equal((await backend.look(`to ${odd[2]}`))?.target, odd[2]);
  });

  test("a name of 256 bytes is refused with ENAMETOOLONG", async ({ backend }) => {
    const name = "a".repeat(256);
    await rejectsWith(backend.makeDirectory(name), "ENAMETOOLONG");
    const writer = await backend.create(name);
    await writer.finish(TIMES);
    await rejectsWith(writer.commit(), "ENAMETOOLONG");
    await writer.abort();
    assert.deepEqual(await listAll(backend, ""), { entries: [], temporaries: [], problems: [] });
  });
}
