import assert from "node:assert/strict";
import { temporaryNames } from "../../src/backend/temporary.ts";
import { beginningOf, identifySelf } from "../../src/self.ts";
import { isLeftover } from "../../src/transfer/temporaries.ts";

const NOBODY = new Set<string>();

/** A temporary of the process with this token. */
function temporaryOf(token: string): string {
  return temporaryNames(token, 0)();
}

Deno.test("isLeftover leaves alone what is none, its own, and that of another host", async () => {
  const self = await identifySelf();
  for (const name of ["file", ".sluice", ".part", temporaryOf(self.token)]) {
    assert.equal(isLeftover(name, self, NOBODY), false, name);
  }
  const other = self.host === "00000000" ? "00000001" : "00000000";
  assert.equal(isLeftover(temporaryOf(`${other}-1-1`), self, NOBODY), false);
});

Deno.test("isLeftover takes what an earlier run of the database has left, of any host", async () => {
  const self = await identifySelf();
  const token = "12345678-1-1";
  assert.equal(isLeftover(temporaryOf(token), self, new Set([token])), true);
  assert.equal(isLeftover(temporaryOf(token), self, new Set(["12345678-1-2"])), false);
});

Deno.test({
  name: "isLeftover takes what a process of this host has left, once it is gone",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const self = await identifySelf();
    const command = new Deno.Command("cat", { stdin: "piped", stdout: "null" });
    const child = command.spawn();
    const began = beginningOf(child.pid);
    const name = temporaryOf(`${self.host}-${child.pid}-${began}`);
    assert.equal(isLeftover(name, self, NOBODY), false);
    // another process that had the same number before
    assert.equal(isLeftover(temporaryOf(`${self.host}-${child.pid}-1`), self, NOBODY), true);
    await child.stdin.close();
    await child.status;
    assert.equal(isLeftover(name, self, NOBODY), true);
  },
});
