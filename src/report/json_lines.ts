/**
 * The JSON lines reporter: one JSON object per line, for scripts. The format is an interface: keys
 * are only ever added.
 *
 * Every object begins with `type` and `time` (ISO 8601, UTC). Sizes are in bytes, rates in bytes or
 * files per second, times left in seconds, and null means "not known" (`limit`: no limit). Paths are
 * relative to the roots; one whose name is not UTF-8 is written as `$'a\xffb'`, as a shell reads it.
 *
 * - `start`: `version`, `source`, `destination`, `database`, `log`, `dry_run`, and `resumed`:
 *   null, or `files`, `bytes` and `since` (ISO 8601) of the backlog that is continued
 * - `operation` (dry run): `action`, `path`, `size` (or null), `reason`
 * - `failure`: `path`, `message`
 * - `note`: `message`
 * - `progress`, once a second: `phase` (`starting`, `scan`, `transfer`, `mirror`, `directories`,
 *   `finished`), `elapsed` (seconds), `source` and `destination` (`directories`, `files`, `bytes`,
 *   `errors`, `done`), `pending`, `copied` (this run), `copied_ever` (all runs) and `backlog`
 *   (`files`, `bytes`), `rate`, `file_rate`, `limit` (the lower of the next two), `limit_read`,
 *   `limit_write`, `seconds_left_by_bytes`, `seconds_left_by_files`, `active` (a list of `path`,
 *   `size`, `done`, `rate`, `seconds_left`), `failed`, `skipped`, `deleted`, `linked`, `refused`,
 *   `notice` (or null), `paused` (or null: what a run that waits is waiting for), `unanswered` (a
 *   list, mostly empty, of calls to a file system that do not return: `side` (`source`,
 *   `destination`, or null: not known), `path` (or null), `seconds`), `gives_way` (null without
 *   `--adaptive`, else a list, empty while nothing is held back: `side`, `what` (`names`, `data`),
 *   `latency_ms`, `quiet_ms`, `calls`), `gave_way` (for how many seconds in all; null without
 *   `--adaptive`)
 * - `summary`, the last line: `outcome` (`in sync`, `failures`, `more pending`, `interrupted`,
 *   `stopped`), `reason` (or null), `exit_code`, `failures` (the first few: `path`, `message`),
 *   then the keys of `progress`
 */

import type { Amount, Reporter, RunEvent, SideCounts, Snapshot, Summary } from "../event.ts";
import { showPath } from "../name.ts";
import { type Every, everyUnref } from "./ticker.ts";

/** What {@link jsonLinesReporter} needs. */
export interface JsonLinesReporterOptions {
  readonly snapshot: () => Snapshot;
  readonly output: { write(text: string): void };
  /** Milliseconds between two progress lines. Default: 1000. */
  readonly interval?: number;
  /** The time of day, in milliseconds since the epoch. Default: `Date.now`. */
  readonly today?: () => number;
  /** What ticks. Default: a timer that never keeps the process alive. */
  readonly every?: Every;
}

/** The reporter for a script. */
export function jsonLinesReporter(options: JsonLinesReporterOptions): Reporter {
  const { snapshot, output, interval = 1000, today = Date.now, every = everyUnref } = options;
  const write = (type: string, fields: object) => {
    const time = new Date(today()).toISOString();
    output.write(`${JSON.stringify({ type, time, ...fields })}\n`);
  };
  let stop: (() => void) | null = null;
  const end = () => {
    stop?.();
    stop = null;
  };
  return {
    event(event: RunEvent): void {
      switch (event.type) {
        case "start":
          write("start", startFields(event));
          end();
          stop = every(interval, () => write("progress", snapshotFields(snapshot())));
          break;
        case "operation": {
          const { action, path, size, reason } = event;
          write("operation", { action, path: showPath(path, true), size, reason });
          break;
        }
        case "failure":
          write("failure", failureFields(event));
          break;
        case "note":
          write("note", { message: event.message });
          break;
        case "end":
          end();
          write("summary", summaryFields(event.summary));
          break;
      }
    },
    [Symbol.asyncDispose]() {
      end();
      return Promise.resolve();
    },
  };
}

// Each object is written out key by key: the order of the keys is part of the format, and a field
// added to an event must not appear in it by accident.

function startFields(event: Extract<RunEvent, { readonly type: "start" }>) {
  const { version, source, destination, database, log, dryRun, resumed } = event;
  return {
    version,
    source: showPath(source, true),
    destination: showPath(destination, true),
    database: showPath(database, true),
    log: showPath(log, true),
    dry_run: dryRun,
    resumed: resumed && {
      ...amountFields(resumed),
      since: new Date(resumed.since).toISOString(),
    },
  };
}

function summaryFields(summary: Summary) {
  return {
    outcome: summary.outcome,
    reason: summary.reason,
    exit_code: summary.exitCode,
    failures: summary.failures.map(failureFields),
    ...snapshotFields(summary),
  };
}

/** The keys of a progress line. */
export function snapshotFields(snapshot: Snapshot) {
  return {
    phase: snapshot.phase,
    elapsed: rounded(snapshot.elapsed / 1000),
    source: sideFields(snapshot.source),
    destination: sideFields(snapshot.destination),
    pending: amountFields(snapshot.pending),
    copied: amountFields(snapshot.copied),
    copied_ever: amountFields(snapshot.copiedEver),
    backlog: amountFields(snapshot.backlog),
    rate: rounded(snapshot.rate),
    file_rate: rounded(snapshot.fileRate),
    limit: snapshot.limit,
    limit_read: snapshot.limits.read,
    limit_write: snapshot.limits.write,
    seconds_left_by_bytes: rounded(snapshot.secondsLeftByBytes),
    seconds_left_by_files: rounded(snapshot.secondsLeftByFiles),
    active: snapshot.active.map(({ path, size, done, rate, secondsLeft }) => ({
      path: showPath(path, true),
      size,
      done,
      rate: rounded(rate),
      seconds_left: rounded(secondsLeft),
    })),
    failed: snapshot.failed,
    skipped: snapshot.skipped,
    deleted: snapshot.deleted,
    linked: snapshot.linked,
    refused: snapshot.refused,
    notice: snapshot.notice,
    paused: snapshot.paused,
    unanswered: snapshot.unanswered.map(({ side, path, ms }) => ({
      side,
      path: path === null ? null : showPath(path, true),
      seconds: rounded(ms / 1000),
    })),
    gives_way: snapshot.givesWay &&
      snapshot.givesWay.map(({ side, what, latency, quiet, width }) => ({
        side,
        what,
        latency_ms: rounded(latency),
        quiet_ms: rounded(quiet),
        calls: rounded(width),
      })),
    gave_way: snapshot.gaveWay === null ? null : rounded(snapshot.gaveWay / 1000),
  };
}

function sideFields({ directories, files, bytes, errors, done }: SideCounts) {
  return { directories, files, bytes, errors, done };
}

function amountFields({ files, bytes }: Amount) {
  return { files, bytes };
}

function failureFields({ path, message }: { readonly path: string; readonly message: string }) {
  return { path: showPath(path, true), message };
}

/** To a tenth: a measured rate is not exact to sixteen digits. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10;
}
