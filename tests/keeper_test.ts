import assert from "node:assert/strict";
import { parseState, Watch } from "../src/keeper.ts";

const line = (state: string, status: number) =>
  `17 (a (name) D) ${state} ${Array.from({ length: 48 }, (_, i) => i).join(" ")} ${status}\n`;

Deno.test("parseState reads the state and the exit code of a process", () => {
  assert.deepEqual(parseState(line("S", 0)), { state: "S", exitCode: 0 });
  assert.deepEqual(parseState(line("Z", 130 << 8)), { state: "Z", exitCode: 130 });
  assert.deepEqual(parseState(line("Z", 9)), { state: "Z", exitCode: 137 });
});

Deno.test("parseState understands what this system says", () => {
  if (Deno.build.os !== "linux") return;
  const text = Deno.readTextFileSync("/proc/self/stat");
  assert.match(parseState(text).state, /^[RSD]$/);
  assert.equal(parseState(text).exitCode, 0);
  assert.equal(text.slice(text.lastIndexOf(")") + 2).trim().split(" ").length, 50);
});

Deno.test("Watch leaves a child that works alone, signalled or not", () => {
  const watch = new Watch();
  for (let i = 0; i < 100; i++) {
    // it may hang for a moment now and then
    const state = { state: i % 10 === 0 ? "S" : "D", exitCode: 0 };
    assert.equal(watch.look(state, i > 50 ? "SIGINT" : null), null);
  }
  assert.equal(watch.look(null, "SIGINT"), null);
});

Deno.test("Watch gives the exit code of a child that has ended but for a thread that hangs", () => {
  const watch = new Watch();
  const ended = { state: "Z", exitCode: 3 };
  // a child that is really over is seen so by whoever waits for it
  assert.equal(watch.look(ended, null), null);
  assert.equal(watch.look(ended, null), 3);
});

Deno.test("Watch gives up on a child that cannot answer a signal", () => {
  const watch = new Watch();
  const hangs = { state: "D", exitCode: 0 };
  for (let i = 0; i < 20; i++) assert.equal(watch.look(hangs, null), null);
  for (let i = 0; i < 14; i++) assert.equal(watch.look(hangs, "SIGTERM"), null);
  assert.equal(watch.look(hangs, "SIGTERM"), 143);
});

Deno.test("Watch says once that a child hangs which cannot say it itself", () => {
  const watch = new Watch();
  const hangs = { state: "D", exitCode: 0 };
  const said = Array.from({ length: 200 }, () => watch.look(hangs, null)).filter((one) =>
    one !== null
  );
  assert.deepEqual(said, ["hangs"]);
});
