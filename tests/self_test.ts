import assert from "node:assert/strict";
import { temporaryNames, tokenOf } from "../src/backend/temporary.ts";
import { beginningOf, identifySelf } from "../src/self.ts";

Deno.test("identifySelf gives the same token again, which temporary names carry", async () => {
  const self = await identifySelf();
  assert.deepEqual(await identifySelf(), self);
  assert.equal(tokenOf(temporaryNames(self.token, 3)()), self.token);
  const [host, pid] = self.token.split("-");
  assert.deepEqual([host, Number(pid)], [self.host, Deno.pid]);
});

Deno.test({
  name: "beginningOf gives one moment for a live process, and none for one that has ended",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const command = new Deno.Command("cat", { stdin: "piped", stdout: "null" });
    const child = command.spawn();
    const began = beginningOf(child.pid);
    assert.match(String(began), /^\d+$/);
    assert.equal(beginningOf(child.pid), began);
    await child.stdin.close();
    await child.status;
    assert.equal(beginningOf(child.pid), null);
  },
});
