import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { EINVAL } from "../../src/backend/posix/errno.ts";
import { type Libc, loadLibc, O, type Syscalls } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import { TIMES } from "./actions.ts";
import { mountedSubject } from "./mounted.ts";

const BLOCK = 300_000;

// outside of a test, where no sanitizer asks for it to be unloaded
const libc = loadLibc();

/** What a place was asked. */
interface Asked {
  /** Files that were opened to be written directly, and those that were not. */
  direct: number;
  cached: number;
  /** Writes by way of the page cache that were followed by a flush. */
  flushed: number;
}

/** A disk whose kind is said to take direct writes, and which does, or refuses some time. */
async function withPlace(
  refuses: "open" | "write" | "never",
  run: (backend: Backend, asked: Asked, root: string) => Promise<void>,
): Promise<void> {
  const asked: Asked = { direct: 0, cached: 0, flushed: 0 };
  const direct = new Set<number>();
  const pooled: Syscalls = {
    ...libc.pooled,
    async openat(directory, name, flags, mode) {
      // a disk would want aligned memory
      const fd = await libc.pooled.openat(directory, name, flags & ~O.DIRECT, mode);
      if ((flags & O.CREAT) === 0 || fd < 0) return fd;
      asked[(flags & O.DIRECT) === 0 ? "cached" : "direct"] += 1;
      if ((flags & O.DIRECT) === 0) return fd;
      if (refuses === "open") {
        await libc.pooled.close(fd);
        return -EINVAL;
      }
      direct.add(fd);
      return fd;
    },
    pwrite64: (fd, ...rest) =>
      refuses === "write" && direct.has(fd) ? -EINVAL : libc.pooled.pwrite64(fd, ...rest),
    fcntl(fd, ...rest) {
      direct.delete(fd);
      return libc.pooled.fcntl(fd, ...rest);
    },
    fdatasync(fd) {
      asked.flushed += 1;
      return libc.pooled.fdatasync(fd);
    },
  };
  const watched: Libc = { ...libc, pooled };
  const { backend, root, dispose } = await mountedSubject(
    (root, temporaryName) =>
      openPosix(root, watched, {
        temporaryName,
        latency: "waiting",
        durability: "file",
        flush: "direct",
      }),
    { linkTimes: true, earlyTimes: true },
  );
  try {
    await run(backend, asked, root);
  } finally {
    await dispose();
  }
}

/** Writes two blocks, at the same time. */
async function write(backend: Backend, path: string): Promise<void> {
  const writer = await backend.create(path);
  await Promise.all([0, 1].map((i) => {
    const data = new Uint8Array(BLOCK).fill(i + 1);
    return writer.write(data, i * BLOCK);
  }));
  await writer.finish(TIMES);
  await writer.commit();
}

async function demandWhole(root: string, path: string): Promise<void> {
  const content = await Deno.readFile(`${root}/${path}`);
  assert.equal(content.length, 2 * BLOCK);
  assert.ok(content.every((byte, i) => byte === (i < BLOCK ? 1 : 2)));
}

Deno.test("Creator has blocks written past the page cache, and flushes once, at the end", async () => {
  await withPlace("never", async (backend, asked, root) => {
    await write(backend, "file");
    await demandWhole(root, "file");
    assert.deepEqual(asked, { direct: 1, cached: 0, flushed: 1 });
  });
});

for (
  const [name, refuses, cached] of [
    [
      "Creator goes by way of the page cache when a place takes no file that is written directly",
      "open",
      2,
    ],
    [
      "PosixWriter goes by way of the page cache when a place takes no direct write",
      "write",
      1,
    ],
  ] as const
) {
  Deno.test(name, async () => {
    await withPlace(refuses, async (backend, asked, root) => {
      await write(backend, "first");
      await write(backend, "second");
      for (const path of ["first", "second"]) await demandWhole(root, path);
      // each block, and each file at its end
      assert.deepEqual(asked, { direct: 1, cached, flushed: 6 });
      assert.deepEqual(
        (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).sort(),
        ["first", "second"],
      );
    });
  });
}
