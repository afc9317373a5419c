import assert from "node:assert/strict";
import { COMMANDS } from "../src/commands/all.ts";
import { COMMAND_NAMES, isCommandName } from "../src/commands/names.ts";
import { isSync, mayNeedKeeper } from "../src/launch.ts";

const share = (path: string) =>
  path.startsWith("/v4/") ? "hanging" : path.startsWith("/v3/") ? "interruptible" : null;

Deno.test("mayNeedKeeper goes by the shares on which the trees and the files of a run may be", () => {
  const table: [string, boolean][] = [
    ["/v4/a /disk/b", true],
    ["-q --db /disk/x /disk/a /v4/b", true],
    ["/disk/a -- /v4/b", true],
    ["/disk/a /disk/b", false],
    ["", false],
    // what can be cut short keeps nothing from ending, unless the main thread waits for it
    ["/v3/a /v3/b", false],
    ["/v3/a /v3/b --db /disk/x --log=/disk/y", false],
    ["--db /disk/x -- /v3/a /v3/b", false],
    ["/v3/a /v3/b --log /v3/y", true],
    ["/v3/a /v3/b --db=/v3/y", true],
    ["/v3/a /v4/b", true],
    // it may be the value of the flag
    ["--mirror /v3/a /disk/b", true],
  ];
  for (const [line, expected] of table) {
    assert.equal(mayNeedKeeper(line.split(" "), share), expected, line);
  }
});

Deno.test("mayNeedKeeper says yes when the files of a run are on a share since the user is there", () => {
  const here = (path: string) => path === Deno.cwd() ? "interruptible" : null;
  assert.equal(mayNeedKeeper(["/disk/a", "/disk/b"], here), true);
});

Deno.test("mayNeedKeeper takes relative paths for what they are", () => {
  const asked: string[] = [];
  mayNeedKeeper(["from", "../to"], (path) => {
    asked.push(path);
    return null;
  });
  assert.equal(asked.length, 3);
  assert.ok(asked.every((path) => path.startsWith("/")));
});

Deno.test("mayNeedKeeper takes a command for one that does only where it reads the trees", () => {
  assert.equal(mayNeedKeeper(["doctor", "/disk/a", "/v3/b"], share), true);
  assert.equal(mayNeedKeeper(["doctor", "/disk/a", "/disk/b"], share), false);
  assert.equal(mayNeedKeeper(["why", "/v4/a"], share, () => true), false);
  assert.equal(mayNeedKeeper(["ctl", "status", "--db", "/v4/a"], share, () => true), false);
  // where it reads is in its database
  assert.equal(mayNeedKeeper(["verify", "/disk/db"], share, () => true), true);
  assert.equal(mayNeedKeeper(["verify", "/disk/db"], share, () => false), false);
});

Deno.test("isCommandName knows exactly the commands that there are", () => {
  assert.deepEqual(COMMAND_NAMES, COMMANDS.map(({ name }) => name));
  assert.equal(isCommandName("verify"), true);
  assert.equal(isCommandName(undefined), false);
  assert.equal(isCommandName("./verify"), false);
});

Deno.test("isSync knows the arguments with which threads may start before the program is loaded", () => {
  const table: [string, boolean][] = [
    ["/a /b", true],
    ["-q --db /x /a /b", true],
    ["/a /b --mirror", true],
    ["/a", false],
    ["", false],
    ["verify --db /x", false],
    ["/a /b --help", false],
    ["/a /b -V", false],
    // what it says must be done before there are threads
    ["/a /b --idle", false],
  ];
  for (const [line, expected] of table) assert.equal(isSync(line.split(" ")), expected, line);
});
