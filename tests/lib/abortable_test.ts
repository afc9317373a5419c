import assert from "node:assert/strict";
import { abortable } from "../../src/lib/abortable.ts";

Deno.test("abortable gives the value, or the reason when the signal is first", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  assert.equal(await abortable(() => Promise.resolve(1)), 1);
  assert.equal(await abortable(() => Promise.resolve(1), signal), 1);
  await assert.rejects(abortable(() => Promise.reject(new Error("own")), signal), /own/);
  const never = new Promise<number>(() => {});
  const waiting = abortable(() => never, signal);
  const reason = new Error("stop");
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(abortable(() => never, signal), (error) => error === reason);
  // what has aborted before is not begun
  const begun = () => assert.fail("begun");
  await assert.rejects(abortable(begun, signal), (error) => error === reason);
});
