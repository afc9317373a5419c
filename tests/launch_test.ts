import assert from "node:assert/strict";
import { COMMANDS } from "../src/commands/all.ts";
import { COMMAND_NAMES, isCommandName } from "../src/commands/names.ts";
import { mayWorkOnShare } from "../src/launch.ts";

const onShare = (path: string) => path.startsWith("/share/");

Deno.test("mayWorkOnShare finds a root on a share among options, before and after a --", () => {
  assert.equal(mayWorkOnShare(["/share/a", "/disk/b"], onShare), true);
  assert.equal(mayWorkOnShare(["-q", "--db", "/disk/x", "/disk/a", "/share/b"], onShare), true);
  assert.equal(mayWorkOnShare(["/disk/a", "--", "/share/b"], onShare), true);
  assert.equal(mayWorkOnShare(["/disk/a", "/disk/b"], onShare), false);
  assert.equal(mayWorkOnShare([], onShare), false);
});

Deno.test("mayWorkOnShare takes relative paths for what they are", () => {
  const asked: string[] = [];
  mayWorkOnShare(["from", "../to"], (path) => {
    asked.push(path);
    return false;
  });
  assert.deepEqual(asked.map((path) => path.startsWith("/")), [true, true]);
});

Deno.test("mayWorkOnShare takes a command for one that does only where it reads the trees", () => {
  assert.equal(mayWorkOnShare(["doctor", "/disk/a", "/share/b"], onShare), true);
  assert.equal(mayWorkOnShare(["doctor", "/disk/a", "/disk/b"], onShare), false);
  assert.equal(mayWorkOnShare(["why", "/share/a"], onShare, () => true), false);
  assert.equal(mayWorkOnShare(["ctl", "status", "--db", "/share/a"], onShare, () => true), false);
  // where it reads is in its database
  assert.equal(mayWorkOnShare(["verify", "/disk/db"], onShare, () => true), true);
  assert.equal(mayWorkOnShare(["verify", "/disk/db"], onShare, () => false), false);
});

Deno.test("isCommandName knows exactly the commands that there are", () => {
  assert.deepEqual(COMMAND_NAMES, COMMANDS.map(({ name }) => name));
  assert.equal(isCommandName("verify"), true);
  assert.equal(isCommandName(undefined), false);
  assert.equal(isCommandName("./verify"), false);
});
