/** The summary: what a run leaves behind on the screen, for a person who comes back after days. */

import { type Amount, type Summary, TOO_LARGE } from "../event.ts";
import { formatCount, formatDuration, formatSize } from "../lib/units.ts";
import { oneLine, showPath } from "../name.ts";
import { countOf, formatRate } from "./layout.ts";
import { failureLine } from "./lines.ts";

/** What the summary may say beyond the numbers. */
export interface SummaryLinesOptions {
  /** Nothing was changed: what is pending is what a real run would do. Default: false. */
  readonly dryRun?: boolean;
  /** Where the log is, to be named when there is more to read. Default: not named. */
  readonly log?: string;
}

/** How many failures are shown one by one. */
const FAILURES_SHOWN = 5;

/** The summary in lines; the first is the outcome in one sentence. */
export function summaryLines(summary: Summary, options: SummaryLinesOptions = {}): string[] {
  const { dryRun = false, log } = options;
  const { copied, copiedEver, elapsed, failed } = summary;
  const row = (label: string, text: string) => `  ${label.padEnd(9)} ${text}`;
  const lines = [headline(summary, dryRun)];
  if (!dryRun) {
    const mean = elapsed > 0 ? formatRate(copied.bytes / (elapsed / 1000)) : null;
    const overall = mean === null || copied.bytes === 0 ? "" : `, ${mean} over the whole run`;
    lines.push(row("copied", `${amountOf(copied)} in this run${overall}`));
    lines.push(row("", `${amountOf(copiedEver)} in all runs`));
  }
  if (summary.gaveWay !== null) {
    lines.push(row("gave way", `for ${formatDuration(Math.round(summary.gaveWay / 1000))}`));
  }
  if (summary.linked > 0) lines.push(row("linked", formatCount(summary.linked)));
  if (summary.deleted > 0) lines.push(row("deleted", formatCount(summary.deleted)));
  if (summary.skipped > 0) lines.push(row("skipped", formatCount(summary.skipped)));
  if (summary.refused > 0) lines.push(row("refused", formatCount(summary.refused)));
  const unread = summary.source.errors + summary.destination.errors;
  if (unread > 0) {
    lines.push(row("unread", countOf(unread, "directory or entry", "directories or entries")));
  }
  if (failed > 0) lines.push(row("failed", formatCount(failed)));
  const shown = summary.failures.slice(0, FAILURES_SHOWN);
  for (const failure of shown) lines.push(`    ${failureLine(failure).replace(/^failed\s+/, "")}`);
  const unshown = Math.max(failed, summary.failures.length) - shown.length;
  if (shown.length > 0 && unshown > 0) {
    lines.push(
      `    and ${formatCount(unshown)} more${log === undefined ? "" : `: see ${showPath(log)}`}`,
    );
  }
  lines.push(row("pending", pendingText(summary)));
  const next = nextStep(summary, dryRun);
  if (next !== null) lines.push(row("next", next));
  return lines;
}

function headline({ outcome, reason, elapsed }: Summary, dryRun: boolean): string {
  const time = formatDuration(elapsed / 1000);
  const why = reason === null ? "" : `: ${oneLine(reason)}`;
  switch (outcome) {
    case "in sync":
      return dryRun ? `dry run done in ${time}${why}` : `in sync after ${time}${why}`;
    case "failures":
      return `done with failures after ${time}${why}`;
    case "more pending":
      return `more pending after ${time}${why}`;
    case "interrupted":
      return `interrupted after ${time}${why}`;
    case "stopped":
      return `stopped after ${time}${why}`;
  }
}

/** What is left: of a tree that no scan has seen whole, nobody knows. */
function pendingText({ outcome, phase, pending, source, destination }: Summary): string {
  const early = ["interrupted", "stopped", "more pending"].includes(outcome);
  const scanning = phase === "scan" && !(source.done && destination.done);
  const none = pending.files === 0;
  // a database that fails while it is read does not tell
  const untold = outcome === "stopped" && (phase === "scan" || phase === "transfer") && none;
  // what an earlier scan has found is known before the run begins
  if (!early || !scanning && !untold && !(phase === "starting" && none)) {
    return none ? "nothing" : amountOf(pending);
  }
  const why = phase === "transfer" ? "the database did not tell" : "the scan is not complete";
  return none ? `not known: ${why}` : `${amountOf(pending)} so far: ${why}`;
}

/** What the operator should do now; null when nothing. */
function nextStep({ outcome, reason, pending }: Summary, dryRun: boolean): string | null {
  switch (outcome) {
    case "in sync":
      if (dryRun && pending.files > 0) return "run without the dry run to do this";
      return null;
    case "failures":
      return pending.files > 0
        ? "mend what failed, then run the same command again: it retries what is pending (--rescan: looks for changes, too)"
        : "mend what failed, then run the same command again";
    case "more pending":
      if (reason?.endsWith(TOO_LARGE)) {
        return "run again with a larger --max-transfer, or without it";
      }
      return "run the same command again to resume";
    case "interrupted":
      return "run the same command again to resume";
    case "stopped":
      return "mend the cause, then run the same command again to resume";
  }
}

function amountOf({ files, bytes }: Amount): string {
  return `${countOf(files, "file")}, ${formatSize(bytes)}`;
}
