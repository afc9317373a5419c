import assert from "node:assert/strict";
import { nulTerminated } from "../../src/backend/posix/directories.ts";
import { timespecs } from "../../src/backend/posix/file.ts";
import { AT, loadLibc } from "../../src/backend/posix/libc.ts";
import { STATX_WANTED, StatxBuffer } from "../../src/backend/posix/statx.ts";

const libc = loadLibc();

function look(path: string) {
  const buffer = new StatxBuffer();
  const flags = AT.SYMLINK_NOFOLLOW;
  const name = nulTerminated(path);
  assert.equal(libc.now.statx(AT.FDCWD, name, flags, STATX_WANTED, buffer.bytes), 0);
  const entry = buffer.entry("name", "target");
  assert.equal(buffer.kind(), entry.kind);
  return entry;
}

Deno.test("StatxBuffer says what Deno.lstat says", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "12345");
  await Deno.chmod(path, 0o640);
  const seen = look(path);
  const info = await Deno.lstat(path);
  assert.equal(seen.name, "name");
  assert.equal(seen.target, "target");
  assert.equal(seen.kind, "file");
  assert.equal(seen.size, 5);
  assert.equal(seen.mode, 0o640);
  assert.equal(seen.uid, info.uid);
  assert.equal(seen.gid, info.gid);
  assert.equal(seen.links, info.nlink);
  assert.equal(seen.inode, BigInt(info.ino!));
  assert.equal(seen.mtime / 1_000_000n, BigInt(info.mtime!.getTime()));
  assert.equal(seen.atime / 1_000_000n, BigInt(info.atime!.getTime()));
  assert.equal(seen.ctime / 1_000_000_000n, BigInt(Math.floor(info.ctime!.getTime() / 1000)));
  await Deno.remove(path);
});

Deno.test("StatxBuffer tells the kinds apart", async () => {
  const directory = await Deno.makeTempDir();
  await Deno.symlink("somewhere", `${directory}/link`);
  assert.equal(look(directory).kind, "directory");
  assert.equal(look(`${directory}/link`).kind, "symlink");
  assert.equal(look("/dev/null").kind, "special");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("StatxBuffer reads sizes above 4 GiB", async () => {
  const path = await Deno.makeTempFile();
  await Deno.truncate(path, 3 * 2 ** 40 + 1);
  assert.equal(look(path).size, 3 * 2 ** 40 + 1);
  await Deno.remove(path);
});

Deno.test("timespecs gives nanoseconds from 0 up when the time is before 1970", () => {
  const words = (mtime: bigint) => [
    ...new BigInt64Array(timespecs({ atime: 0n, mtime }).buffer as ArrayBuffer),
  ];
  assert.deepEqual(words(0n), [0n, 0n, 0n, 0n]);
  assert.deepEqual(words(-1n), [0n, 0n, -1n, 999_999_999n]);
  assert.deepEqual(words(-1_000_000_000n), [0n, 0n, -1n, 0n]);
  assert.deepEqual(words(1_000_000_001n), [0n, 0n, 1n, 1n]);
});
