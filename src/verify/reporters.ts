/** What a verification prints: lines for people, a line that is drawn anew on a terminal, or JSON. */
import { formatDuration, formatMinute, formatSize } from "../lib/units.ts";
import { oneLine, showPath } from "../name.ts";
import { countOf, formatRate, percent } from "../report/layout.ts";
import { type Every, everyUnref } from "../report/ticker.ts";
import { truncate } from "../report/width.ts";
import type { VerifyEvent, VerifyReporter, VerifySnapshot, VerifySummary } from "./progress.ts";
import { WHOLE } from "./sample.ts";

/** What a reporter works with. */
export interface VerifyReporterOptions {
  readonly snapshot: () => VerifySnapshot;
  readonly write: (text: string) => void;
  /** Width of the terminal; null where there is none. */
  readonly columns: (() => number) | null;
  /** Whether there is progress. */
  readonly progress: boolean;
  /** Only what is not as recorded. */
  readonly quiet: boolean;
  /** What ticks. Default: a timer that never keeps the process alive. */
  readonly every?: Every;
}

/** Milliseconds between two lines, and between two looks of a terminal's line. */
const PLAIN_INTERVAL = 5000, TERMINAL_INTERVAL = 500, JSON_INTERVAL = 1000;
/** Back to the first column, and away with what stands there. */
const CLEAR = "\r\x1b[K";

/** Lines for people. */
export function plainVerifyReporter(options: VerifyReporterOptions): VerifyReporter {
  const { snapshot, write, columns, progress, quiet, every = everyUnref } = options;
  let drawn = false;
  const print = (lines: readonly string[]) => {
    write((drawn ? CLEAR : "") + lines.map((line) => `${line}\n`).join(""));
    drawn = false;
  };
  const tick = () => {
    const line = progressLine(snapshot());
    if (columns === null) return print([line]);
    write(CLEAR + truncate(line, Math.max(1, columns() - 1)));
    drawn = true;
  };
  let stop = () => {};
  return {
    event(event) {
      if (event.type === "finding") return print([findingLine(event)]);
      if (quiet) return;
      if (event.type === "note") print([`note: ${oneLine(event.message)}`]);
      else if (event.type === "start") {
        print(startLines(event));
        if (progress) stop = every(columns === null ? PLAIN_INTERVAL : TERMINAL_INTERVAL, tick);
      } else {
        stop();
        print(summaryLines(event.summary));
      }
    },
    [Symbol.dispose]() {
      stop();
      if (drawn) print([]);
    },
  };
}

/** One JSON object for each event, and one for the progress now and then. */
export function jsonVerifyReporter(options: VerifyReporterOptions): VerifyReporter {
  const { snapshot, write, every = everyUnref } = options;
  const print = (type: string, fields: Record<string, unknown>) =>
    write(`${JSON.stringify({ type, time: new Date().toISOString(), ...fields })}\n`);
  const stop = every(JSON_INTERVAL, () => print("progress", jsonProgress(snapshot())));
  return {
    event(event) {
      if (event.type === "end") {
        const { outcome, reason, exitCode, totals, unhashed, pending, elapsed } = event.summary;
        stop();
        print("summary", {
          outcome,
          reason,
          exit_code: exitCode,
          ...totals,
          unhashed,
          pending,
          elapsed: elapsed / 1000,
        });
      } else if (event.type === "finding") {
        const { path, result, detail, earlier } = event;
        print("finding", { path: showPath(path, true), result, detail, earlier });
      } else if (event.type === "start") {
        const { sample: { millionths, seed }, destination, resumed, ...rest } = event;
        const { type: _, ...fields } = rest;
        const percentage = millionths / (WHOLE / 100);
        print("start", {
          ...fields,
          destination: showPath(destination, true),
          sample: { percent: percentage, seed },
          resumed: resumed === null
            ? null
            : { ...resumed, since: new Date(resumed.since).toISOString() },
        });
      } else print("note", { message: event.message });
    },
    [Symbol.dispose]: stop,
  };
}

/** The keys of a progress line. */
export function jsonProgress(snapshot: VerifySnapshot): Record<string, unknown> {
  const { elapsed, totals, expected, done, read, rate, secondsLeft, paused } = snapshot;
  return {
    elapsed: elapsed / 1000,
    ...totals,
    expected,
    done,
    read,
    rate,
    seconds_left: secondsLeft,
    paused,
  };
}

function startLines(event: Extract<VerifyEvent, { type: "start" }>): string[] {
  const { version, destination, sample: { millionths, seed }, expected, resumed } = event;
  const about = millionths < WHOLE ? "about " : "";
  const what = `${about}${countOf(expected.files, "file")}, ${formatSize(expected.bytes)}`;
  const share = millionths < WHOLE ? ` (${millionths / (WHOLE / 100)}%, seed ${seed})` : "";
  const lines = [`sluice ${version}: verifying ${showPath(destination)}: ${what}${share}`];
  if (resumed !== null) {
    const { files, bytes, since } = resumed;
    const done = `${countOf(files, "file")}, ${formatSize(bytes)}`;
    lines.push(`resuming: ${done} done since ${formatMinute(since)} (--restart begins anew)`);
  }
  return lines;
}

function findingLine(event: Extract<VerifyEvent, { type: "finding" }>): string {
  const { path, result, detail, earlier } = event;
  const when = earlier ? " (found before the interruption)" : "";
  return `${result.padEnd(10)}  ${showPath(path)}: ${oneLine(detail ?? "")}${when}`;
}

/** The state of a verification in one line. */
export function progressLine(snapshot: VerifySnapshot): string {
  const { elapsed, totals, expected, done, read, rate, secondsLeft, paused } = snapshot;
  const { files, different, missing, unreadable } = totals;
  const share = expected.bytes === 0
    ? percent(files, expected.files)
    : percent(Math.min(done, expected.bytes), expected.bytes);
  const left = secondsLeft === null ? "time unknown" : `${formatDuration(secondsLeft)} left`;
  return [
    `${formatDuration(Math.floor(elapsed / 1000))} ${share}`,
    `${countOf(files, "file")} of ${countOf(expected.files, "file").replace(/ .*/, "")}`,
    `${formatSize(read)} read`,
    formatRate(rate),
    left,
    `${different + missing + unreadable} wrong`,
    ...paused === null ? [] : [`paused by ${paused}`],
  ].join("; ");
}

function summaryLines(summary: VerifySummary): string[] {
  const { outcome, reason, totals, unhashed, pending, elapsed } = summary;
  const { files, bytes, different, missing, unreadable } = totals;
  const time = formatDuration(Math.floor(elapsed / 1000));
  // nothing that was looked at is as recorded where nothing was looked at
  const ended = outcome === "as recorded" && files === 0 ? "done" : outcome;
  const lines = [`${ended} after ${time}${reason === null ? "" : `: ${oneLine(reason)}`}`];
  lines.push(`  verified    ${countOf(files, "file")}, ${formatSize(bytes)}`);
  const wrong = [[different, "different"], [missing, "missing"], [unreadable, "unreadable"]]
    .filter(([count]) => count !== 0).map(([count, what]) => `${count} ${what}`);
  const fine = files === 0 ? "nothing was verified" : "all as recorded";
  lines.push(`  result      ${wrong.length === 0 ? fine : wrong.join(", ")}`);
  if (pending > 0) {
    lines.push(`  pending     ${countOf(pending, "file")}: not synced, so not verified`);
  }
  if (unhashed > 0) {
    lines.push(`  no hash     ${countOf(unhashed, "file")}: only size and time were compared`);
  }
  if (outcome === "more pending" || outcome === "interrupted" || outcome === "stopped") {
    lines.push("run it again with the same sample to go on");
  }
  return lines;
}
