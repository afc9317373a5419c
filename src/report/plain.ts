/** The plain reporter: one line every few seconds, for pipes and log files. No control codes. */

import type { Reporter, RunEvent, SideCounts, Snapshot } from "../event.ts";
import { formatRates } from "../bandwidth.ts";
import { formatCount, formatDuration, formatSize } from "../lib/units.ts";
import { oneLine } from "../name.ts";
import { countOf, formatFileRate, formatLeft, formatRate, percent } from "./layout.ts";
import { failureLine, givesWayLine, operationLine, startLines, unansweredLine } from "./lines.ts";
import { summaryLines } from "./summary.ts";
import { type Every, everyUnref } from "./ticker.ts";

/** What {@link plainReporter} needs. */
export interface PlainReporterOptions {
  readonly snapshot: () => Snapshot;
  readonly output: { write(text: string): void };
  /** Milliseconds between two progress lines. Default: 5000. */
  readonly interval?: number;
  /** Whether there are progress lines. Default: true. */
  readonly progress?: boolean;
  /** Prints nothing at all. Default: false. */
  readonly quiet?: boolean;
  /** What ticks. Default: a timer that never keeps the process alive. */
  readonly every?: Every;
}

/** The reporter for a pipe. */
export function plainReporter(options: PlainReporterOptions): Reporter {
  const { snapshot, output, interval = 5000, every = everyUnref } = options;
  const { progress = true, quiet = false } = options;
  const print = (lines: readonly string[]) => {
    if (!quiet) output.write(lines.map((line) => `${line}\n`).join(""));
  };
  let stop: (() => void) | null = null;
  let dryRun = false;
  let log: string | undefined;
  const end = () => {
    stop?.();
    stop = null;
  };
  return {
    event(event: RunEvent): void {
      switch (event.type) {
        case "start":
          ({ dryRun, log } = event);
          print(startLines(event));
          end();
          if (progress && !quiet) stop = every(interval, () => print([progressLine(snapshot())]));
          break;
        case "operation":
          print([operationLine(event)]);
          break;
        case "failure":
          print([failureLine(event)]);
          break;
        case "note":
          print([oneLine(event.message)]);
          break;
        case "end":
          end();
          print(summaryLines(event.summary, { dryRun, log }));
          break;
      }
    },
    [Symbol.asyncDispose]() {
      end();
      return Promise.resolve();
    },
  };
}

/** The state of a run in one line. */
export function progressLine(snapshot: Snapshot): string {
  const { phase, backlog, notice } = snapshot;
  const parts = [`${formatDuration(Math.floor(snapshot.elapsed / 1000))} ${phase}`];
  const scanning = phase === "starting" || phase === "scan";
  if (scanning) parts.push(...scanParts(snapshot));
  if (backlog.files > 0) parts.push(...transferParts(snapshot, scanning));
  if (snapshot.linked > 0) parts.push(`${formatCount(snapshot.linked)} linked`);
  if (snapshot.deleted > 0) parts.push(`${formatCount(snapshot.deleted)} deleted`);
  if (snapshot.failed > 0 || !scanning) parts.push(`${formatCount(snapshot.failed)} failed`);
  parts.push(...snapshot.unanswered.map(unansweredLine));
  parts.push(...(snapshot.givesWay ?? []).map(givesWayLine));
  for (const text of [snapshot.paused, notice]) if (text !== null) parts.push(oneLine(text));
  return parts.join("; ");
}

function scanParts({ source, destination, pending }: Snapshot): string[] {
  const side = (name: string, { directories, files, bytes, errors, done }: SideCounts) =>
    `${name} ${countOf(directories, "directory", "directories")}, ${countOf(files, "file")}, ` +
    `${formatSize(bytes)}, ${countOf(errors, "error")}${done ? ", done" : ""}`;
  return [
    side("source", source),
    side("destination", destination),
    `pending so far ${countOf(pending.files, "file")}, ${formatSize(pending.bytes)}`,
  ];
}

function transferParts(snapshot: Snapshot, open: boolean): string[] {
  const { backlog, copied, copiedEver, limit, limits } = snapshot;
  // while the scan runs, nobody knows how much more there is
  const of = open ? "of at least" : "of";
  const bytes = `${formatSize(copied.bytes)} ${of} ${formatSize(backlog.bytes)}`;
  const files = `${formatCount(copied.files)} ${of} ${countOf(backlog.files, "file")}`;
  const share = backlog.bytes === 0
    ? percent(copied.files, backlog.files)
    : percent(copied.bytes, backlog.bytes);
  const allowed = limit === null ? "" : ` (limit ${formatRates(limits)})`;
  return [
    `${open ? "at most " : ""}${share}, ${bytes}, ${files}`,
    `${formatRate(snapshot.rate)}${allowed}, ${formatFileRate(snapshot.fileRate)}`,
    `by bytes ${formatLeft(snapshot.secondsLeftByBytes, open)}, ` +
    `by files ${formatLeft(snapshot.secondsLeftByFiles, open)}`,
    `in all runs ${formatSize(copiedEver.bytes)}`,
  ];
}
