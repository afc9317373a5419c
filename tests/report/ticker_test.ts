import assert from "node:assert/strict";
import { everyUnref } from "../../src/report/ticker.ts";

Deno.test("everyUnref ticks until it is stopped", async () => {
  let ticks = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  // the ticker alone would not keep this test waiting
  const alive = setTimeout(() => resolve(), 10_000);
  const stop = everyUnref(1, () => {
    ticks += 1;
    if (ticks === 3) {
      stop();
      resolve();
    }
  });
  await promise;
  clearTimeout(alive);
  assert.equal(ticks, 3);
});

Deno.test("everyUnref lets the process end when it is never stopped", async () => {
  const url = new URL("../../src/report/ticker.ts", import.meta.url);
  const code = `import { everyUnref } from "${url}"; everyUnref(60_000, () => {});`;
  const signal = AbortSignal.timeout(20_000);
  const { code: exitCode } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    stdout: "null",
    signal,
  }).output();
  assert.equal(exitCode, 0);
});
