import assert from "node:assert/strict";
import { plainReporter, type PlainReporterOptions, progressLine } from "../../src/report/plain.ts";
import type { RunEvent } from "../../src/event.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { assertGolden } from "./golden.ts";
import { EMPTY, GIVES_WAY, RESUMED, SCAN, START, SUMMARY, TRANSFER } from "./samples.ts";

const OPERATION: RunEvent = {
  type: "operation",
  action: "copy",
  path: "a/b\n",
  size: 4,
  reason: "not at the destination",
};

async function report(options: Partial<PlainReporterOptions>, ...events: RunEvent[]) {
  const clock = new FakeClock();
  let text = "";
  const output = { write: (more: string) => void (text += more) };
  await using reporter = plainReporter({
    snapshot: () => TRANSFER,
    output,
    every: clock.every,
    ...options,
  });
  for (const event of events) reporter.event(event);
  await clock.advance(12_000);
  return { text, clock };
}

Deno.test("plainReporter prints the start, what is resumed and a line every 5 s when it runs", async () => {
  const { text } = await report({}, { ...START, resumed: RESUMED });
  assert.equal(
    text,
    "sluice 0.1.0: /mnt/old/projects -> /mnt/new/projects\n" +
      "resuming: 1,204 files, 3.1 GiB pending from 2026-11-20 14:02\n" +
      `${progressLine(TRANSFER)}\n`.repeat(2),
  );
});

Deno.test("plainReporter prints a whole run without control codes", async () => {
  const { text, clock } = await report(
    {},
    { ...START, dryRun: true },
    OPERATION,
    { type: "failure", path: "x", message: "EACCES: permission\x1b[2J denied" },
    { type: "note", message: "removed 3 temporaries" },
    { type: "end", summary: SUMMARY },
  );
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]/);
  assertGolden("plain.txt", text);
  assert.equal(clock.waiting, 0);
});

Deno.test("plainReporter prints no progress when progress is off", async () => {
  const { text } = await report({ progress: false }, START, OPERATION);
  assert.equal(text.split("\n").length, 3);
  assert.match(text, /^copy {7}\$'a\/b\\n' {2}\(not at the destination\)$/m);
});

Deno.test("plainReporter prints nothing when quiet", async () => {
  const { text } = await report({ quiet: true }, START, OPERATION, {
    type: "end",
    summary: SUMMARY,
  });
  assert.equal(text, "");
});

Deno.test("progressLine names both sides when the scan runs", () => {
  assert.equal(
    progressLine(SCAN),
    "12:34 scan; source 1,204,567 directories, 32,345,678 files, 63.1 TiB, 0 errors, done; " +
      "destination 987 directories, 98,001 files, 2.90 TiB, 3 errors; " +
      "pending so far 22,456,000 files, 41.3 TiB",
  );
});

Deno.test("progressLine has finite figures when nothing is known yet", () => {
  assert.doesNotMatch(progressLine(EMPTY), /NaN|Infinity|undefined|null/);
});

Deno.test("progressLine says where the run gives way, and nothing where it does not", () => {
  assert.match(
    progressLine({ ...TRANSFER, ...GIVES_WAY }),
    /; gives way at the source: 6\.0 ms an operation, 0\.8 ms in quiet; one, then a rest; gives way at the destination: 141 ms a block, 44 ms in quiet; 3 at a time$/,
  );
  const quiet = progressLine({ ...TRANSFER, givesWay: [], gaveWay: 0 });
  assert.equal(quiet, progressLine(TRANSFER));
});
