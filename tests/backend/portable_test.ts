import assert from "node:assert/strict";
import { openPortable } from "../../src/backend/portable.ts";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import { portableNames } from "../../src/backend/portable_names.ts";
import { codeOf, portableError } from "../../src/backend/portable_errors.ts";
import { SyncError } from "../../src/errors.ts";
import { listAll, namesIn, put, rejectsWith } from "./actions.ts";
import { backendContract } from "./contract.ts";
import { mountedSubject } from "./mounted.ts";

const libc = Deno.build.os === "linux" ? loadLibc() : null;
const [, minor = 0] = Deno.version.deno.split(".").map(Number);

function make() {
  return mountedSubject(
    (root, temporaryName) => openPortable(root, { temporaryName }),
    { linkTimes: false, earlyTimes: minor >= 9 },
  );
}

backendContract("openPortable", make);

Deno.test("openPortable rejects when the root is no directory", async () => {
  const file = await Deno.makeTempFile();
  await rejectsWith(openPortable(file, { temporaryName: () => "" }), "ENOTDIR");
  await Deno.remove(file);
  await rejectsWith(openPortable(file, { temporaryName: () => "" }), "ENOENT");
});

Deno.test({
  name: "PortableBackend.list refuses names by name when they are not Unicode",
  // older versions leave them out; open.ts does not use this backend there
  ignore: libc === null || minor < 8,
  fn: async () => {
    const { backend, root, dispose } = await make();
    const exact = await openPosix(root, libc!, { temporaryName: () => ".sluice-t.part" });
    await put(exact, "bad\udcff");
    await put(exact, "bad\ufffd2");
    await put(exact, "good");
    await exact.createLink("link", { target: "\udcff" });
    const { entries, problems } = await listAll(backend, "");
    assert.deepEqual(entries.map((entry) => entry.name), ["good"]);
    assert.deepEqual(problems.map(({ name, code }) => [name, code]), [
      ["bad\ufffd", "EILSEQ"],
      ["bad\ufffd2", "EILSEQ"],
      ["link", "EILSEQ"],
    ]);
    await exact[Symbol.asyncDispose]();
    await dispose();
  },
});

Deno.test("PortableBackend.look rejects when the root is gone", async () => {
  const { backend, root, dispose } = await make();
  await put(backend, "file");
  assert.deepEqual(await namesIn(backend, ""), ["file"]);
  await Deno.rename(root, `${root}-moved`);
  await rejectsWith(backend.look("file"), "ENOENT");
  await dispose();
});

Deno.test("portableNames refuses what Windows would take for something else", () => {
  const bad = ["a\\b", "c:", "..\\x", "con", "NUL.txt", "com1", "dot.", "space ", "a?", "\x1f"];
  for (const name of bad) {
    assert.throws(() => portableNames(`d/${name}`, "windows"), { code: "EINVAL" }, name);
    assert.deepEqual(portableNames(`d/${name}`, "linux"), ["d", name]);
  }
  assert.deepEqual(portableNames("console/com10/é", "windows"), ["console", "com10", "é"]);
});

Deno.test("portableError takes the code, or the class when there is none", () => {
  assert.equal(codeOf(new Deno.errors.NotFound("x")), "ENOENT");
  assert.equal(codeOf(new Deno.errors.PermissionDenied("x")), "EACCES");
  assert.equal(codeOf(new Deno.errors.InvalidData("x")), "EILSEQ");
  assert.equal(codeOf(Object.assign(new Error("x"), { code: "ENOSPC" })), "ENOSPC");
  assert.equal(codeOf(new Error("x")), null);
  if (Deno.build.os === "linux") {
    // as Deno words what it has no code for
    assert.equal(codeOf(new Error("Stale file handle (os error 116): stat '/x'")), "ESTALE");
    assert.equal(codeOf(new Error("Host is down (os error 112)")), "EHOSTDOWN");
  }
  assert.equal(codeOf("x"), null);
  const error = portableError(new Deno.errors.NotFound("x"), "open", "a/b");
  assert.equal(error.message, "cannot open: no such file or directory (ENOENT)");
  assert.equal(error.path, "a/b");
  assert.equal(portableError(error, "list", ""), error);
  const unknown = portableError(new RangeError("odd"), "open", "a");
  assert.ok(unknown instanceof SyncError);
  assert.equal(unknown.scope, "run");
});
