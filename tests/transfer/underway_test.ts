import assert from "node:assert/strict";
import { Underway } from "../../src/transfer/underway.ts";

Deno.test("Underway waits when as many are under way as may be", async () => {
  const underway = new Underway(() => 2);
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await underway.add(first.promise);
  let room = false;
  const added = underway.add(second.promise).then(() => room = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(room, false);
  first.resolve();
  await added;
  second.resolve();
  await underway.all();
});

Deno.test("Underway with a most of one waits for each", async () => {
  const underway = new Underway(() => 1);
  let done = false;
  await underway.add(Promise.resolve().then(() => void (done = true)));
  assert.equal(done, true);
});

Deno.test("Underway throws a failure once, to whoever waits next", async () => {
  const underway = new Underway(() => 3);
  const failure = new Error("no");
  await underway.add(Promise.reject(failure));
  await assert.rejects(underway.all(), failure);
  await underway.all();
});
