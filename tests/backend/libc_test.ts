import assert from "node:assert/strict";
import { AT, type Libc, loadLibc, O, type Syscalls } from "../../src/backend/posix/libc.ts";
import { Handle } from "../../src/backend/posix/handle.ts";
import { nulTerminated } from "../../src/backend/posix/directories.ts";

const ENOENT = 2, EBADF = 9, ENOTDIR = 20;

/** Runs with both variants, in a directory of its own. */
async function each(run: (sys: Syscalls, directory: string) => Promise<void>): Promise<void> {
  using libc: Libc = loadLibc();
  for (const sys of [libc.now, libc.pooled]) {
    const directory = await Deno.makeTempDir();
    await run(sys, directory);
    await Deno.remove(directory, { recursive: true });
  }
}

function open(sys: Syscalls, path: string, flags: number = O.RDONLY) {
  return sys.openat(AT.FDCWD, nulTerminated(path), flags | O.CLOEXEC, 0o600);
}

Deno.test("loadLibc gives two different variants, so its machine code works", async () => {
  using libc = loadLibc();
  assert.notEqual(libc.now, libc.pooled);
  assert.equal(typeof libc.now.close(-1), "number");
  const promise = libc.pooled.close(-1);
  assert.ok(promise instanceof Promise);
  assert.equal(await promise, -EBADF);
});

Deno.test("Syscalls return the negative errno when the kernel refuses", async () => {
  await each(async (sys, directory) => {
    await Deno.writeTextFile(`${directory}/file`, "");
    assert.equal(await open(sys, `${directory}/none`), -ENOENT);
    assert.equal(await open(sys, `${directory}/file/below`), -ENOTDIR);
    assert.equal(await sys.fsync(-1), -EBADF);
    assert.equal(await sys.pread64(-1, new Uint8Array(4), 4, 0), -EBADF);
    const name = nulTerminated("none");
    const result = await sys.statx(AT.FDCWD, name, 0, 0xfff, new Uint8Array(256));
    assert.equal(result, -ENOENT);
  });
});

Deno.test("Syscalls move bytes at positions beyond 4 GiB", async () => {
  await each(async (sys, directory) => {
    const fd = await open(sys, `${directory}/file`, O.CREAT | 2);
    const far = 5 * 2 ** 32 + 3;
    assert.equal(await sys.pwrite64(fd, Uint8Array.of(1, 2, 3), 3, far), 3);
    const into = new Uint8Array(8);
    assert.equal(await sys.pread64(fd, into, 8, far - 2), 5);
    assert.deepEqual([...into], [0, 0, 1, 2, 3, 0, 0, 0]);
    assert.equal(await sys.fdatasync(fd), 0);
    assert.equal(await sys.close(fd), 0);
    assert.equal((await Deno.stat(`${directory}/file`)).size, far + 3);
  });
});

Deno.test("Syscalls of five arguments pass all of them", async () => {
  await each(async (sys, directory) => {
    await Deno.writeTextFile(`${directory}/a`, "a");
    await Deno.writeTextFile(`${directory}/b`, "b");
    const fd = await open(sys, directory, O.PATH | O.DIRECTORY);
    const [a, b] = [nulTerminated("a"), nulTerminated("b")];
    const RENAME_NOREPLACE = 1, EEXIST = 17;
    assert.equal(await sys.renameat2(fd, a, fd, b, RENAME_NOREPLACE), -EEXIST);
    assert.equal(await sys.renameat2(fd, a, fd, b, 0), 0);
    assert.equal(await Deno.readTextFile(`${directory}/b`), "a");
    await sys.close(fd);
  });
});

Deno.test("pooled Syscalls give each call its own result when many are in flight", async () => {
  await each(async (sys, directory) => {
    await Deno.writeTextFile(`${directory}/file`, "x".repeat(500));
    const fd = await open(sys, `${directory}/file`);
    const results = await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        if (i % 3 === 0) return await open(sys, `${directory}/none${i}`) === -ENOENT;
        const into = new Uint8Array(i + 1);
        return await sys.pread64(fd, into, i, 0) === i && into[i] === 0;
      }),
    );
    assert.ok(results.every(Boolean));
    await sys.close(fd);
  });
});

Deno.test("Handle closes only when the calls under way have returned", async () => {
  const closed: number[] = [];
  const sys = { close: (fd: number) => closed.push(fd) && 0 } as unknown as Syscalls;
  const handle = new Handle(sys, 7);
  const { promise, resolve } = Promise.withResolvers<number>();
  const using_ = handle.use(() => promise);
  const closing = handle.close();
  assert.equal(await handle.use(() => 1), -EBADF);
  assert.deepEqual(closed, []);
  resolve(3);
  assert.equal(await using_, 3);
  assert.equal(await closing, 0);
  assert.equal(await handle.close(), 0);
  assert.deepEqual(closed, [7]);
});
