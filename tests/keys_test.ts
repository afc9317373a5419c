import assert from "node:assert/strict";
import { parseBandwidth } from "../src/bandwidth.ts";
import { RunControl } from "../src/control/run_control.ts";
import { Keys } from "../src/keys.ts";
import { Statistics } from "../src/report/statistics.ts";
import { FakeClock } from "./testing/fake_clock.ts";

const MiB = 2 ** 20;

function setUp(bandwidth = "20M") {
  const clock = new FakeClock();
  const control = new RunControl({ bandwidth: parseBandwidth(bandwidth), clock });
  const keys = new Keys({ control, statistics: new Statistics(clock), clock });
  const press = (text: string) => keys.press(new TextEncoder().encode(text));
  return { clock, control, keys, press };
}

Deno.test("Keys pauses a run and lets it go on, and says which it is", () => {
  const { control, keys, press } = setUp();
  assert.equal(keys.hint, "p pause   + - limit   q end the run");
  press("p");
  assert.equal(control.state.paused, "the keyboard");
  assert.equal(keys.hint, "p go on   + - limit   q end the run");
  press("P");
  assert.equal(control.state.paused, null);
});

Deno.test("Keys raises and lowers the limit, several times for several keys", () => {
  const { control, press } = setUp();
  press("++");
  assert.deepEqual(control.state.rates, { read: 50 * MiB, write: 50 * MiB });
  press("-_-");
  assert.deepEqual(control.state.rates, { read: 15 * MiB, write: 15 * MiB });
  press("=");
  assert.equal(control.state.by, "the keyboard");
});

Deno.test("Keys says in its line why a key has done nothing, for some seconds", async () => {
  const { clock, control, keys, press } = setUp("off");
  const usual = keys.hint;
  press("-");
  const said = "there is no limit, and nothing flows yet from which one could be taken";
  assert.equal(keys.hint, said);
  assert.deepEqual(control.state.rates, { read: null, write: null });
  await clock.advance(5000);
  assert.equal(keys.hint, usual);
  press("+");
  assert.equal(keys.hint, "there is no limit to raise");
  press("q");
  assert.equal(keys.hint, "q once more ends the run; it can be resumed");
});

Deno.test("Keys ends a run when q is pressed twice within some seconds, and nothing between", async () => {
  const { clock, control, keys, press } = setUp();
  press("q");
  assert.equal(keys.hint, "q once more ends the run; it can be resumed");
  await clock.advance(5000);
  assert.equal(keys.hint, "p pause   + - limit   q end the run");
  press("q");
  press("x");
  press("q");
  assert.equal(control.signal.aborted, false);
  press("Q");
  assert.equal(control.signal.reason.message, "the keyboard has asked for it");
  assert.equal(keys.hint, "");
  press("p");
  assert.equal(control.state.paused, null);
});

Deno.test("Keys does nothing for keys that it does not know", () => {
  const { control, press } = setUp();
  const before = control.state;
  for (const text of ["x", " ", "\n", "\x1b[A", "\x1bOq", "é", "\x00\x7f"]) press(text);
  press("cp --quiet qq ++ --");
  assert.deepEqual(control.state, before);
  assert.equal(control.signal.aborted, false);
});
