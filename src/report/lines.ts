/** Lines: the one-line sentences that both reporters for people print. */

import type { GivesWay, RunEvent, Unanswered } from "../event.ts";
import { formatDuration, formatMinute, formatSize } from "../lib/units.ts";
import { oneLine, showPath } from "../name.ts";
import { countOf } from "./layout.ts";

type EventOf<T extends RunEvent["type"]> = Extract<RunEvent, { readonly type: T }>;

/** What is about to happen, and from where it goes on. */
export function startLines({ version, source, destination, dryRun, resumed }: EventOf<"start">) {
  const what = dryRun ? " (dry run: nothing will be changed)" : "";
  const lines = [`sluice ${version}: ${showPath(source)} -> ${showPath(destination)}${what}`];
  if (resumed) {
    const files = countOf(resumed.files, "file");
    const since = formatMinute(resumed.since);
    lines.push(`resuming: ${files}, ${roundSize(resumed.bytes)} pending from ${since}`);
  }
  return lines;
}

/** One planned operation: `copy       path  (reason)`. */
export function operationLine({ action, path, reason }: EventOf<"operation">): string {
  return `${action.padEnd(9)}  ${showPath(path)}  (${oneLine(reason)})`;
}

/** One failure: `failed     path: message`; the root itself is `.`. */
export function failureLine({ path, message }: { path: string; message: string }): string {
  return `${"failed".padEnd(9)}  ${path === "" ? "." : showPath(path)}: ${oneLine(message)}`;
}

/** What hangs: `no answer from the source for 42 s: plans/survey.tif`. */
export function unansweredLine({ side, path, ms }: Unanswered): string {
  const from = side === null ? "a file system" : `the ${side}`;
  const seconds = Math.floor(ms / 1000);
  const time = seconds < 120 ? `${seconds} s` : formatDuration(seconds);
  return `no answer from ${from} for ${time}${path === null ? "" : `: ${showPath(path)}`}`;
}

/** Where a run gives way: `gives way at the source: 41 ms a block, 12 ms in quiet; 3 at a time`. */
export function givesWayLine({ side, what, latency, quiet, width }: GivesWay): string {
  const one = what === "data" ? "a block" : "an operation";
  const many = width >= 1 ? `${Math.floor(width)} at a time` : "one, then a rest";
  return `gives way at the ${side}: ${formatMs(latency)} ${one}, ${
    formatMs(quiet)
  } in quiet; ${many}`;
}

function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** A size with at most one decimal: `3.1 GiB`. */
function roundSize(bytes: number): string {
  return formatSize(bytes).replace(/^\d+\.\d+/, (value) => Number(value).toFixed(1));
}
