import assert from "node:assert/strict";
import { Directories, lastName, nulTerminated } from "../../src/backend/posix/directories.ts";
import type { Syscalls } from "../../src/backend/posix/libc.ts";
import { rejectsWith } from "./actions.ts";

const ROOT = 3;

/** System calls that only count: a directory is there unless its name is in `missing`. */
function fakeSystem({ slow = false } = {}) {
  const names = new Map<number, string>([[ROOT, ""]]);
  const opened: string[] = [];
  const missing = new Set<string>();
  let next = ROOT;
  const openat = (parent: number, name: Uint8Array): number => {
    // a handle that was closed under its user would show here
    assert.ok(names.has(parent), `parent ${parent} is closed`);
    const path = `${names.get(parent)}/${new TextDecoder().decode(name.subarray(0, -1))}`;
    opened.push(path);
    if (missing.has(path)) return -2;
    next += 1;
    names.set(next, path);
    return next;
  };
  const close = (fd: number) => {
    assert.ok(names.delete(fd), `${fd} was closed twice`);
    return 0;
  };
  const sys = {
    openat: (...args: [number, Uint8Array]) =>
      slow ? Promise.resolve().then(() => openat(...args)) : openat(...args),
    close,
  } as unknown as Syscalls;
  return { sys, opened, missing, open: () => names.size - 1 };
}

Deno.test("Directories.hold opens each directory from its parent, once", async () => {
  const { sys, opened } = fakeSystem();
  const directories = new Directories(sys, sys, ROOT);
  using one = await directories.hold("a/b");
  using two = await directories.hold("a/b");
  using _ = await directories.hold("a/c");
  assert.equal(one.fd, two.fd);
  assert.deepEqual(opened, ["/a", "/a/b", "/a/c"]);
});

Deno.test("Directories.hold opens once when several ask at the same time", async () => {
  const { sys, opened, open } = fakeSystem({ slow: true });
  const directories = new Directories(sys, sys, ROOT);
  const all = await Promise.all(["a/b", "a/b", "a/c", "a"].map((path) => directories.hold(path)));
  assert.deepEqual(opened.toSorted(), ["/a", "/a/b", "/a/c"]);
  for (const held of all) held[Symbol.dispose]();
  directories.close();
  assert.equal(open(), 0);
});

Deno.test("Directories gives the root as it is, and never closes it", async () => {
  const { sys, opened } = fakeSystem();
  const directories = new Directories(sys, sys, ROOT);
  {
    using held = await directories.hold("");
    assert.equal(held.fd, ROOT);
  }
  directories.forgetWay("");
  directories.close();
  assert.deepEqual(opened, []);
});

Deno.test("Directories evicts the one not used for longest when it is full", async () => {
  const { sys, opened, open } = fakeSystem();
  const directories = new Directories(sys, sys, ROOT, 2);
  for (const path of ["a", "b", "a", "c", "a", "b"]) {
    using _ = await directories.hold(path);
  }
  assert.deepEqual(opened, ["/a", "/b", "/c", "/b"]);
  assert.equal(open(), 2);
});

Deno.test("Directories keeps handles open while they are used", async () => {
  const { sys, open } = fakeSystem();
  const directories = new Directories(sys, sys, ROOT, 1);
  const held = [];
  for (const path of ["a", "b", "c"]) held.push(await directories.hold(path));
  assert.equal(open(), 3);
  directories.forgetWay("a");
  assert.equal(open(), 3);
  for (const one of held) one[Symbol.dispose]();
  using _ = await directories.hold("d");
  assert.equal(open(), 1);
  directories.close();
  assert.equal(open(), 1);
});

Deno.test("Directories.forgetWay makes the next user open the whole way anew", async () => {
  const { sys, opened } = fakeSystem();
  const directories = new Directories(sys, sys, ROOT);
  (await directories.hold("a/b/c"))[Symbol.dispose]();
  (await directories.hold("x"))[Symbol.dispose]();
  opened.length = 0;
  directories.forgetWay("a/b/c");
  using _ = await directories.hold("a/b/c");
  using _x = await directories.hold("x");
  assert.deepEqual(opened, ["/a", "/a/b", "/a/b/c"]);
});

Deno.test("Directories does not keep a handle that was forgotten while it was opened", async () => {
  const { sys, opened, open } = fakeSystem({ slow: true });
  const directories = new Directories(sys, sys, ROOT);
  const holding = directories.hold("a");
  directories.forget("a");
  (await holding)[Symbol.dispose]();
  assert.equal(open(), 0);
  (await directories.hold("a"))[Symbol.dispose]();
  assert.deepEqual(opened, ["/a", "/a"]);
});

Deno.test("Directories.hold asks again when it failed before", async () => {
  for (const slow of [false, true]) {
    const { sys, missing, open } = fakeSystem({ slow });
    const directories = new Directories(sys, sys, ROOT);
    missing.add("/a/b");
    await Promise.all([
      rejectsWith(directories.hold("a/b"), "ENOENT"),
      rejectsWith(directories.hold("a/b/c"), "ENOENT"),
    ]);
    missing.clear();
    (await directories.hold("a/b/c"))[Symbol.dispose]();
    directories.close();
    assert.equal(open(), 0);
  }
});

Deno.test("Directories stays consistent when many hold and forget at random", async () => {
  const { sys, open } = fakeSystem({ slow: true });
  const directories = new Directories(sys, sys, ROOT, 3);
  let seed = 1;
  const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  await Promise.all(Array.from({ length: 40 }, async () => {
    for (let i = 0; i < 50; i++) {
      using _ = await directories.hold(["a", "a/b", "c", "c/d/e", "f"][random(5)]!);
      if (random(4) === 0) directories.forgetWay(["a/b", "c/d/e", "f"][random(3)]!);
      await Promise.resolve();
    }
  }));
  directories.close();
  assert.equal(open(), 0);
});

Deno.test("nulTerminated ends with a NUL and keeps odd bytes", () => {
  assert.deepEqual([...nulTerminated("é\udcff")], [0xc3, 0xa9, 0xff, 0]);
  assert.deepEqual([...nulTerminated("")], [0]);
});

Deno.test("lastName refuses what is no name in its directory", () => {
  assert.deepEqual([...lastName("a/b")], [0x62, 0]);
  for (const path of ["", "a/", "/a", "a/.", "a/..", "a/b\0c"]) {
    assert.throws(() => lastName(path), { code: "EINVAL" }, path);
  }
});
