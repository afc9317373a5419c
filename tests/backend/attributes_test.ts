import assert from "node:assert/strict";
import { writeAttributes } from "../../src/backend/posix/attributes.ts";
import { nulTerminated } from "../../src/backend/posix/directories.ts";
import { AT, loadLibc, O, type Syscalls } from "../../src/backend/posix/libc.ts";
import { scratchDirectory } from "../testing/scratch.ts";

const EPERM = 1;
const OTHER = { uid: 1234, gid: 1234 };

/** What is refused of an owner and a mode, and the mode that the file has then. */
async function written(mode: number, chown: number) {
  using libc = loadLibc();
  const root = scratchDirectory(), path = `${root}/file`;
  Deno.writeTextFileSync(path, "", { mode: 0o600 });
  const fd = await libc.pooled.openat(AT.FDCWD, nulTerminated(path), O.RDONLY | O.CLOEXEC, 0);
  try {
    const fchown: Syscalls["fchown"] = () => Promise.resolve(chown);
    const sys = { ...libc.pooled, fchown };
    const refusals = await writeAttributes(sys, fd, "file", { owner: OTHER, mode });
    return [Deno.statSync(path).mode! & 0o7777, ...refusals.map(({ what }) => what)];
  } finally {
    await libc.pooled.close(fd);
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("writeAttributes sets the whole mode of what has its owner", async () => {
  assert.deepEqual(await written(0o6755, 0), [0o6755]);
});

Deno.test("writeAttributes makes no program that would run as another owner", async () => {
  assert.deepEqual(await written(0o6755, -EPERM), [0o755, "owner", "mode"]);
  assert.deepEqual(await written(0o1755, -EPERM), [0o1755, "owner"]);
});
