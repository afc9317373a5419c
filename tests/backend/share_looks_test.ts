/** Many names of a share, looked at several in one go. */
import assert from "node:assert/strict";
import { nulTerminated } from "../../src/backend/posix/directories.ts";
import { AT, type Libc, loadLibc, O } from "../../src/backend/posix/libc.ts";
import { type Seen, ShareLooks } from "../../src/backend/posix/share_looks.ts";

const ENOENT = 2, ENAMETOOLONG = 36;

/** A directory with a file of `i` bytes for each name, held open. */
async function withFiles(
  names: readonly string[],
  run: (libc: Libc, fd: number) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  for (const [i, name] of names.entries()) {
    await Deno.writeFile(`${directory}/${name}`, new Uint8Array(i));
  }
  using libc = loadLibc();
  const fd = await libc.now.openat(AT.FDCWD, nulTerminated(directory), O.RDONLY, 0);
  try {
    await run(libc, fd);
  } finally {
    await libc.now.close(fd);
    await Deno.remove(directory, { recursive: true });
  }
}

/** Names one after the other in a buffer, with something other than a NUL between them. */
function spansOf(names: readonly string[]) {
  const encoded = names.map((name) => new TextEncoder().encode(name));
  const starts: number[] = [], ends: number[] = [];
  let at = 0;
  for (const { length } of encoded) {
    starts.push(at);
    ends.push(at + length);
    at += length + 1;
  }
  const buffer = new Uint8Array(at).fill(0x78);
  encoded.forEach((name, i) => buffer.set(name, starts[i]));
  return { buffer, spans: { starts, ends, count: names.length } };
}

/** The sizes that were seen, or the negative errno, by the number of the name. */
function sizes() {
  const found = new Map<number, number>();
  const seen: Seen = (index, result, answer, at) => {
    assert.ok(!found.has(index), `${index} is seen twice`);
    found.set(index, result < 0 ? result : answer.entry("", "", at).size);
  };
  return { found, seen };
}

for (const count of [0, 1, 31, 33, 3000]) {
  Deno.test(`ShareLooks looks at each of ${count} names once`, async () => {
    const names = Array.from({ length: count }, (_, i) => `file-${i}`);
    await withFiles(names, async (libc, fd) => {
      const looks = new ShareLooks(libc), { buffer, spans } = spansOf(names);
      const { found, seen } = sizes();
      await looks.each(fd, buffer, spans, { seen });
      assert.equal(found.size, count);
      for (let i = 0; i < count; i++) assert.equal(found.get(i), i);
      looks.close();
    });
  });
}

Deno.test("ShareLooks takes names of any length, short ones after long ones, and missing ones", async () => {
  const long = "l".repeat(255), names = [long, "a", "\u00fc".repeat(127), "b"];
  await withFiles(names, async (libc, fd) => {
    const looks = new ShareLooks(libc);
    // the same memory is used again and again
    for (const asked of [[long, "none", "b"], ["a", long, "\u00fc".repeat(127)]]) {
      const { buffer, spans } = spansOf(asked), { found, seen } = sizes();
      await looks.each(fd, buffer, spans, { seen });
      const expected = asked.map((name) => names.includes(name) ? names.indexOf(name) : -ENOENT);
      assert.deepEqual(asked.map((_, i) => found.get(i)), expected);
    }
    looks.close();
  });
});

Deno.test("ShareLooks takes names that are longer than a local disk has, beside others", async () => {
  // 255 characters of three bytes each, as a client of SMB may list them
  const long = "\u20ac".repeat(255), names = ["a", "b", "c"];
  await withFiles(names, async (libc, fd) => {
    const looks = new ShareLooks(libc);
    // 64 to a program, of which the last is long too
    const asked = Array.from({ length: 2048 }, (_, i) => i % 2 === 0 ? names[i % 3]! : long);
    const { buffer, spans } = spansOf(asked), { found, seen } = sizes();
    await looks.each(fd, buffer, spans, { seen });
    const expected = asked.map((name) => name === long ? -ENAMETOOLONG : names.indexOf(name));
    assert.deepEqual(asked.map((_, i) => found.get(i)), expected);
    looks.close();
  });
});

Deno.test("ShareLooks serves more directories at once than it has memory for", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `file-${i}`);
  await withFiles(names, async (libc, fd) => {
    const looks = new ShareLooks(libc);
    const all = Array.from({ length: 20 }, async () => {
      const { buffer, spans } = spansOf(names), { found, seen } = sizes();
      await looks.each(fd, buffer, spans, { seen });
      assert.deepEqual(names.map((_, i) => found.get(i)), names.map((_, i) => i));
    });
    // what is in use when it is closed stays until it is not
    looks.close();
    await Promise.all(all);
  });
});

Deno.test("ShareLooks begins with nothing more when it is told to stop", async () => {
  const names = Array.from({ length: 4000 }, (_, i) => `file-${i}`);
  await withFiles(names.slice(0, 1), async (libc, fd) => {
    const looks = new ShareLooks(libc), { buffer, spans } = spansOf(names);
    const stop = new AbortController(), reason = new Error("enough");
    let count = 0;
    const seen: Seen = () => {
      count += 1;
      stop.abort(reason);
    };
    // 64 names are one program, and 32 of 63 have begun when the first has ended
    await assert.rejects(looks.each(fd, buffer, spans, { seen, signal: stop.signal }), reason);
    assert.ok(count > 0 && count < names.length, `${count} were looked at`);
    looks.close();
  });
});
