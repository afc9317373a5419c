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

Deno.test("Syscalls return places beyond 4 GiB", async () => {
  await each(async (sys, directory) => {
    const fd = await open(sys, `${directory}/file`, O.CREAT | 2);
    for (const far of [0, 2 ** 31, 5 * 2 ** 32 + 3, 2 ** 42]) {
      assert.equal(await sys.lseek(fd, far, 0), far);
    }
    assert.equal(await sys.lseek(-1, 0, 0), -EBADF);
    assert.equal(await sys.close(fd), 0);
  });
});

Deno.test("Syscalls take inputs of any length, and views into larger memory", async () => {
  await each(async (sys, directory) => {
    const [a, b] = ["a".repeat(255), "b".repeat(255)];
    await Deno.writeTextFile(`${directory}/${a}`, "1");
    // some are just at the bound up to which an input is copied, and some far beyond it
    for (const length of [511, 512, 513, 4095]) {
      const way = `${directory}${"/.".repeat(2048)}`.slice(0, length - 257).replace(/\.?$/, "/");
      const path = `${way}${a}`;
      const fd = await open(sys, path);
      assert.ok(fd >= 0, String(length));
      await sys.close(fd);
      const to = nulTerminated(`${way}${b}`), from = nulTerminated(path);
      assert.equal(await sys.renameat2(AT.FDCWD, from, AT.FDCWD, to, 0), 0);
      assert.equal(await sys.renameat2(AT.FDCWD, to, AT.FDCWD, from, 0), 0);
    }
    const memory = new TextEncoder().encode(`xxx${directory}/${a}\0yyy`);
    const fd = await sys.openat(AT.FDCWD, memory.subarray(3, -3), O.RDONLY | O.CLOEXEC, 0);
    assert.ok(fd >= 0);
    const into = new Uint8Array(64);
    assert.equal(await sys.pread64(fd, into.subarray(10, 20), 10, 0), 1);
    assert.deepEqual([...into.subarray(8, 12)], [0, 0, 0x31, 0]);
    await sys.close(fd);
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
