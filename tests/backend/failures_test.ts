import assert from "node:assert/strict";
import { componentsOf, failure, inTheWay, isAway, notAFile } from "../../src/backend/failures.ts";
import { posixError } from "../../src/backend/posix/errno.ts";
import { fileSystemOf, numberOf } from "../../src/backend/posix/file_systems.ts";

Deno.test("failure carries what a code means for the run", () => {
  const full = failure("ENOSPC", "write", "a/b");
  assert.equal(full.code, "ENOSPC");
  assert.equal(full.path, "a/b");
  assert.equal(full.scope, "run");
  assert.equal(full.retryable, false);
  assert.equal(full.message, "cannot write: no space left on device (ENOSPC)");
  assert.equal(failure("ESTALE", "open", "").retryable, true);
  assert.equal(failure("ENOENT", "open", "").scope, "entry");
});

Deno.test("failure stops the run for a place without room only when something was written", () => {
  for (const code of ["ENOSPC", "EDQUOT", "EROFS"]) {
    for (const doing of ["write", "make the directory", "rename over the final name"]) {
      assert.equal(failure(code, doing, "").scope, "run", `${doing}: ${code}`);
    }
    for (const doing of ["open", "look at", "list the directory", "read the symbolic link"]) {
      const { scope, retryable } = failure(code, doing, "");
      assert.deepEqual({ scope, retryable }, { scope: "entry", retryable: true }, doing);
    }
  }
  assert.equal(failure("ENODEV", "open", "").scope, "run");
});

Deno.test("isAway tells what is gone for a while from what is named wrongly", () => {
  const away = ["ENOTCONN", "ESTALE", "EIO", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT", "ENODEV"];
  for (const code of away) assert.equal(isAway(failure(code, "reach it", "")), true, code);
  for (const code of ["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"]) {
    assert.equal(isAway(failure(code, "reach it", "")), false, code);
  }
});

Deno.test("posixError has words for every code that it has a name for", () => {
  const named = Array.from({ length: 133 }, (_, i) => posixError(-i - 1, "open", ""))
    .filter(({ code }) => !/^E\d+$/.test(code));
  assert.ok(named.length > 40);
  for (const { message } of named) assert.doesNotMatch(message, /unknown/);
});

Deno.test("failure keeps the cause's words when the code is not known", () => {
  assert.equal(failure("EODD", "open", "", new Error("odd")).message, "cannot open: odd (EODD)");
  assert.equal(failure("EODD", "open", "").message, "cannot open: unknown error (EODD)");
});

Deno.test("posixError names the errno, or its number when it has no name here", () => {
  assert.equal(posixError(-2, "open", "a").code, "ENOENT");
  assert.equal(posixError(-116, "open", "a").code, "ESTALE");
  assert.equal(posixError(-4095, "open", "a").code, "E4095");
});

Deno.test("EINVAL blames the name only where something is given one", () => {
  for (
    const doing of ["create", "make the directory", "rename over the final name", "move out of"]
  ) {
    assert.match(failure("EINVAL", doing, "a").message, /the name may have characters/, doing);
  }
  for (
    const doing of ["read", "write", "flush", "set the times", "list the directory", "look at"]
  ) {
    const { message, retryable } = failure("EINVAL", doing, "a");
    assert.match(message, /: the file system refuses this call; the system's log/, doing);
    assert.doesNotMatch(message, /the name/);
    assert.equal(retryable, false);
  }
  assert.equal(failure("EINVAL", "open", "a").message, "cannot open: invalid argument (EINVAL)");
});

Deno.test("inTheWay and notAFile say what is there", () => {
  assert.match(inTheWay("file", "a").message, /has a file where/);
  assert.match(notAFile("special", "a").message, /but a special file$/);
});

Deno.test("componentsOf gives the names, and refuses what is none", () => {
  assert.deepEqual(componentsOf(""), []);
  assert.deepEqual(componentsOf("a/b c/..."), ["a", "b c", "..."]);
  for (const path of ["/", "/a", "a/", "a//b", ".", "a/..", "a\0"]) {
    assert.throws(() => componentsOf(path), { code: "EINVAL" }, path);
  }
});

Deno.test("fileSystemOf knows shares from disks, and coarse times", () => {
  const table: [number, string, boolean, bigint][] = [
    [0x6969, "nfs", true, 1n],
    [0xff534d42, "cifs", true, 100n],
    [0xef53, "ext4", false, 1n],
    [0x4d44, "vfat", false, 2_000_000_000n],
    [0x1234, "0x1234", false, 1n],
  ];
  for (const [magic, name, network, timePrecision] of table) {
    assert.deepEqual(fileSystemOf(magic), { name, network, timePrecision });
  }
});

Deno.test("numberOf takes of a share's number what stays, and of others all or nothing", () => {
  assert.equal(numberOf("ext4", 0x1122334455667788n), 0x1122334455667788n);
  assert.equal(numberOf("smb3", 0x1122334455667788n), 0x55667788n);
  assert.equal(numberOf("cifs", 0x1122334400000000n), null);
  assert.equal(numberOf("tmpfs", 0n), null);
  assert.equal(numberOf("nfs", 5n), null);
});
