import assert from "node:assert/strict";
import { jsonLinesReporter } from "../../src/report/json_lines.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { assertGolden } from "./golden.ts";
import { GIVES_WAY, RESUMED, SCAN, START, SUMMARY, TRANSFER } from "./samples.ts";

function setUp() {
  const clock = new FakeClock(Date.UTC(2026, 10, 20, 14, 2));
  const lines: string[] = [];
  const state = { snapshot: SCAN };
  const reporter = jsonLinesReporter({
    snapshot: () => state.snapshot,
    output: { write: (text) => void lines.push(text) },
    today: () => clock.now(),
    every: clock.every,
  });
  return { clock, lines, state, reporter };
}

Deno.test("jsonLinesReporter writes the documented lines when a run goes through all events", async () => {
  const { clock, lines, state, reporter } = setUp();
  const since = Date.UTC(2026, 10, 19, 3, 4, 5);
  reporter.event({ ...START, resumed: { ...RESUMED, since } });
  reporter.event({
    type: "operation",
    action: "overwrite",
    path: "bad\udcff/name\n.bin",
    size: 4096,
    reason: "sizes differ",
  });
  await clock.advance(1000);
  reporter.event({ type: "failure", path: "a/b", message: "EIO: input/output\nerror" });
  reporter.event({ type: "note", message: "removed 3 temporaries" });
  state.snapshot = TRANSFER;
  await clock.advance(1000);
  reporter.event({ type: "end", summary: SUMMARY });
  await clock.advance(5000);
  assertGolden("run.jsonl", lines.join(""));
  assert.equal(clock.waiting, 0);
});

Deno.test("jsonLinesReporter writes one object per line when texts have line breaks", () => {
  const { lines, reporter } = setUp();
  reporter.event({ type: "failure", path: "a\nb\u2028c", message: "x\ny" });
  assert.equal(lines.length, 1);
  assert.equal(lines[0]!.split("\n").length, 2);
  const { time, ...object } = JSON.parse(lines[0]!);
  assert.deepEqual(object, { type: "failure", path: "a\nb\u2028c", message: "x\ny" });
  assert.equal(time, "2026-11-20T14:02:00.000Z");
});

Deno.test("jsonLinesReporter stops its timer when disposed before the end", async () => {
  const { clock, reporter } = setUp();
  reporter.event(START);
  await reporter[Symbol.asyncDispose]();
  assert.equal(clock.waiting, 0);
});

Deno.test("jsonLinesReporter tells where a run gives way and for how long in all", async () => {
  const { clock, lines, state, reporter } = setUp();
  state.snapshot = { ...TRANSFER, ...GIVES_WAY };
  reporter.event(START);
  await clock.advance(1000);
  const { gives_way, gave_way } = JSON.parse(lines.at(-1)!);
  assert.deepEqual(gives_way, [
    { side: "source", what: "names", latency_ms: 6, quiet_ms: 0.8, calls: 0.1 },
    { side: "destination", what: "data", latency_ms: 141.3, quiet_ms: 43.6, calls: 3.4 },
  ]);
  assert.equal(gave_way, 754.3);
  await reporter[Symbol.asyncDispose]();
});
