import assert from "node:assert/strict";
import { Holders } from "../../src/backend/posix/holders.ts";

Deno.test("Holders closes once, when the last of them has let go", () => {
  let closed = 0;
  const holders = new Holders(() => closed += 1);
  const [one, two] = [holders.hold(), holders.hold()];
  holders[Symbol.dispose]();
  one[Symbol.dispose]();
  assert.equal(closed, 0);
  two[Symbol.dispose]();
  assert.equal(closed, 1);
});

Deno.test("Holders takes a holder that lets go again for the same one", () => {
  let closed = 0;
  const holders = new Holders(() => closed += 1);
  const one = holders.hold();
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  assert.equal(closed, 0);
  holders[Symbol.dispose]();
  holders[Symbol.dispose]();
  assert.equal(closed, 1);
});

for (const how of ["ends", "fails"] as const) {
  Deno.test(`Holders stays open for work whose maker let go, until it ${how}`, async () => {
    let closed = 0;
    const holders = new Holders(() => closed += 1);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const work = holders.use(() => promise);
    holders[Symbol.dispose]();
    assert.equal(closed, 0);
    if (how === "ends") resolve();
    else reject(new Error("the call failed"));
    await work.catch((error) => assert.equal(error.message, "the call failed"));
    assert.equal(closed, 1);
  });
}
