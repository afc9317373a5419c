import assert from "node:assert/strict";
import { TOO_LARGE } from "../../src/event.ts";
import { summaryLines } from "../../src/report/summary.ts";
import { GIVES_WAY, SUMMARY } from "./samples.ts";

const NONE = { files: 0, bytes: 0 };
const FINE = {
  ...SUMMARY,
  source: { ...SUMMARY.source, errors: 0 },
  destination: { ...SUMMARY.destination, errors: 0 },
  outcome: "in sync",
  exitCode: 0,
  pending: NONE,
  failed: 0,
  skipped: 0,
  failures: [],
} as const;

Deno.test("summaryLines says that nothing is left when all is in sync", () => {
  assert.deepEqual(summaryLines(FINE), [
    "in sync after 2d 10:49",
    "  copied    22,455,993 files, 41.2 TiB in this run, 204 MiB/s over the whole run",
    "            26,011,116 files, 48.8 TiB in all runs",
    "  pending   nothing",
  ]);
});

Deno.test("summaryLines asks for a larger --max-transfer when all that is left does not fit", () => {
  const left = { ...FINE, outcome: "more pending", pending: { files: 2, bytes: 2 ** 20 } } as const;
  const next = (reason: string) => summaryLines({ ...left, reason }).at(-1);
  assert.equal(
    next(`2 files are ${TOO_LARGE}`),
    "  next      run again with a larger --max-transfer, or without it",
  );
  assert.equal(
    next("--max-transfer is used up"),
    "  next      run the same command again to resume",
  );
});

Deno.test("summaryLines names the first failures and what to do when files failed", () => {
  const lines = summaryLines({ ...SUMMARY, deleted: 1204, refused: 1 }, { log: "/log" });
  assert.deepEqual(lines.slice(3), [
    "  deleted   1,204",
    "  skipped   2",
    "  refused   1",
    "  unread    3 directories or entries",
    "  failed    7",
    "    home/bert/.ssh/id_rsa: EACCES: permission denied",
    "    $'bad\\xff/name\\n.bin': EIO: input/output error",
    "    and 5 more: see /log",
    "  pending   7 files, 31.0 GiB",
    "  next      mend what failed, then run the same command again: it retries what is pending (--rescan: looks for changes, too)",
  ]);
});

Deno.test("summaryLines says how to resume when the run was interrupted", () => {
  const lines = summaryLines({ ...SUMMARY, outcome: "interrupted" });
  assert.equal(lines[0], "interrupted after 2d 10:49");
  assert.match(lines.at(-1)!, /run the same command again to resume/);
});

Deno.test("summaryLines says that what is pending is not known when the scan did not end", () => {
  const { source, destination } = SUMMARY;
  const cut = {
    ...SUMMARY,
    outcome: "interrupted",
    phase: "scan",
    destination: { ...destination, done: false },
  } as const;
  const pending = (summary: typeof SUMMARY) =>
    summaryLines(summary).find((line) => line.startsWith("  pending"));
  const cases = [
    [{ ...cut, pending: NONE }, "not known: the scan is not complete"],
    [cut, "7 files, 31.0 GiB so far: the scan is not complete"],
    [{ ...cut, phase: "starting", pending: NONE }, "not known: the scan is not complete"],
    // an earlier scan has found it
    [{ ...cut, phase: "starting" }, "7 files, 31.0 GiB"],
    [
      { ...cut, source: { ...source, done: true }, destination: { ...destination, done: true } },
      "7 files, 31.0 GiB",
    ],
    [
      {
        ...cut,
        outcome: "stopped",
        pending: NONE,
        source: { ...source, done: true },
        destination: { ...destination, done: true },
      },
      "not known: the scan is not complete",
    ],
    [
      { ...cut, outcome: "stopped", phase: "transfer", pending: NONE },
      "not known: the database did not tell",
    ],
    [{ ...cut, outcome: "in sync", pending: NONE }, "nothing"],
    [{ ...cut, phase: "transfer", pending: NONE }, "nothing"],
  ] as const;
  for (const [summary, text] of cases) assert.equal(pending(summary), `  pending   ${text}`);
});

Deno.test("summaryLines gives the reason when the run stopped", () => {
  const reason = "the destination is not mounted any more: /mnt/new";
  const lines = summaryLines({ ...SUMMARY, outcome: "stopped", reason });
  assert.equal(lines[0], `stopped after 2d 10:49: ${reason}`);
});

Deno.test("summaryLines speaks of no copies when it was a dry run", () => {
  const lines = summaryLines({ ...FINE, pending: { files: 1, bytes: 5 } }, { dryRun: true });
  assert.deepEqual(lines.slice(0, 2), ["dry run done in 2d 10:49", "  pending   1 file, 5 B"]);
});

Deno.test("summaryLines has finite figures when the run took no time", () => {
  const lines = summaryLines({ ...FINE, copied: NONE, elapsed: 0 });
  assert.doesNotMatch(lines.join("\n"), /NaN|Infinity/);
});

Deno.test("summaryLines says for how long the run gave way when it was adaptive", () => {
  const lines = summaryLines({ ...FINE, ...GIVES_WAY });
  assert.deepEqual(lines.at(-2), "  gave way  for 12:34");
});
