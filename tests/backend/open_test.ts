import assert from "node:assert/strict";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openBackend } from "../../src/backend/open.ts";
import { put, rejectsWith, text } from "./actions.ts";
import { temporaryNames } from "../../src/backend/temporary.ts";

const temporaryName = temporaryNames("12345678-1-1", 0);
const linux = Deno.build.os === "linux";

Deno.test("openBackend makes system calls where it can", async () => {
  const root = await Deno.makeTempDir();
  {
    await using backend = await openBackend(root, { temporaryName });
    assert.equal(backend.capabilities.exactNames, linux);
    assert.equal(backend.capabilities.kind === "portable", !linux);
    await put(backend, "file");
    assert.equal(await text(backend, "file"), "content");
  }
  await Deno.remove(root, { recursive: true });
});

Deno.test("openBackend takes the portable way when it is told to", async () => {
  const root = await Deno.makeTempDir();
  {
    await using backend = await openBackend(root, { temporaryName, portable: true });
    assert.equal(backend.capabilities.kind, "portable");
    await put(backend, "file");
  }
  await Deno.remove(root, { recursive: true });
});

Deno.test("openBackend unloads what it loaded when the root cannot be opened", async () => {
  // the resource sanitizer would tell
  await rejectsWith(openBackend("/no/such/directory", { temporaryName }), "ENOENT");
});

Deno.test("openBackend rejects with the reason when its signal has aborted", async () => {
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(openBackend("/", { temporaryName, signal }), (error) => error === reason);
});

Deno.test(
  { name: "openBackend leaves a libc that it was given to its owner", ignore: !linux },
  async () => {
    using libc = loadLibc();
    const root = await Deno.makeTempDir();
    for (let i = 0; i < 2; i++) {
      await using backend = await openBackend(root, { temporaryName, libc, latency: "waiting" });
      assert.equal(backend.capabilities.latency, "waiting");
      assert.equal((await backend.look(""))?.kind, "directory");
    }
    await Deno.remove(root);
  },
);

Deno.test({
  name: "openBackend does without system calls when loading is not allowed",
  permissions: { read: true, write: true, ffi: false },
  ignore: !linux,
}, async () => {
  const root = await Deno.makeTempDir();
  const [, minor = 0] = Deno.version.deno.split(".").map(Number);
  if (minor < 8) await rejectsWith(openBackend(root, { temporaryName }), "ENOSYS");
  else {
    await using backend = await openBackend(root, { temporaryName });
    assert.equal(backend.capabilities.kind, "portable");
  }
  await Deno.remove(root);
});
