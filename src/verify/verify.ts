/** A verification, from its start record to its end record: reads the destination again. */
import type { Backend, Identity } from "../backend/backend.ts";
import { brokenOff, isDatabaseError } from "../backlog/database_error.ts";
import { RecordedFiles } from "../backlog/recorded_files.ts";
import { SqliteBacklog } from "../backlog/sqlite.ts";
import type { Interrupted, Sample, VerifyRow, VerifyTotals } from "../backlog/verify_store.ts";
import { type Bandwidth, bandwidthRecord } from "../bandwidth.ts";
import { EndEarly } from "../control/end_early.ts";
import { openControl } from "../control/open_control.ts";
import { RunControl } from "../control/run_control.ts";
import { SyncError } from "../errors.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { turn } from "../lib/turn.ts";
import { AuditLog } from "../report/audit.ts";
import { auditPath } from "../report/operation_record.ts";
import { resolveFiles } from "../roots.ts";
import { identifySelf } from "../self.ts";
import { type TimeRule, timeRule, usualKeeping } from "../times.ts";
import type { Tell } from "../unanswered.ts";
import { VERSION } from "../version.ts";
import { absolute, type Base } from "../working_directory.ts";
import { checkFile } from "./check_file.ts";
import { VerifyCursor } from "./cursor.ts";
import { inLanes } from "./lanes.ts";
import { jsonProgress, progressLine } from "./reporters.ts";
import { VerifyProgress, type VerifyReporter, type VerifySnapshot } from "./progress.ts";
import type { VerifySummary } from "./progress.ts";
import { operation, totalsRecord } from "./records.ts";
import { demandRecordedRoot, demandRoot, openRoot } from "./root.ts";
import { WHOLE } from "./sample.ts";

/** What a verification may be told. */
export interface VerifyOptions {
  /** Full or relative path of the database. */
  readonly db: string;
  /** Full or relative path of the audit log. */
  readonly log: string;
  readonly sample: Sample;
  /** Bytes per second; null for no limit. Of two rates, that of reading holds. */
  readonly bwlimit: Bandwidth;
  /** The largest difference of two times that counts as none, in nanoseconds; null: as was probed. */
  readonly modifyWindow: number | null;
  /** Milliseconds after which it ends, with more pending; null (default) for never. */
  readonly stopAfter?: number | null;
  /** Minutes since midnight, in local time, at which it ends; null (default) for never. */
  readonly stopAt?: number | null;
  /** Begin anew although one of the same sample was interrupted. */
  readonly restart: boolean;
}

/** How a verification is watched, stopped and, in tests, given other parts. */
export interface VerifyEnvironment {
  readonly signal: AbortSignal;
  /** The directory that relative paths are relative to. */
  readonly base: Base;
  readonly reporter: (snapshot: () => VerifySnapshot) => VerifyReporter;
  /** The exit code for an interruption. */
  readonly interruptedCode: () => number;
  readonly open?: (root: string) => Promise<Backend>;
  /** Hears what a person must know before there is a reporter. Default: nobody does. */
  readonly tell?: Tell;
  readonly clock?: Clock;
}

const NOTHING: VerifyTotals = { files: 0, bytes: 0, different: 0, missing: 0, unreadable: 0 };
/** Findings are recorded when there are so many, or after so many ms. */
const GROUP = 256, GROUP_TIME = 500;
/** Bytes of one read. */
const PIECE = 1024 * 1024;
/** How often a lane that is not wanted looks whether it is, in ms. */
const PARKED = 250;
/** How long files in flight may take to give up after an interrupt, in ms. */
const GRACE = 1500;

/**
 * Reads the destination again and compares it with what is on record. Resolves with a summary, also
 * when something differs or it was interrupted.
 *
 * @throws UsageError when it may not begin, SyncError when the destination is not there
 */
export async function verify(
  options: VerifyOptions,
  environment: VerifyEnvironment,
): Promise<VerifySummary> {
  const { base } = environment;
  const clock = environment.clock ?? systemClock();
  using control = new RunControl({ ...options, bandwidth: options.bwlimit, clock });
  const signal = AbortSignal.any([environment.signal, control.signal]);
  const pair = RecordedFiles.pairOf(absolute(options.db, base));
  const paths = { ...pair, ...await resolveFiles(options, { ...pair, base }, environment) };
  await using backend = await openRoot(pair.destination, environment);
  const identity = await backend.identify({ signal });
  using backlog = SqliteBacklog.open(paths.db, pair);
  demandRecordedRoot(backlog, backend, identity);
  using log = AuditLog.open(paths.log);
  const { sample: { millionths }, restart } = options;
  const earlier = restart ? undefined : backlog.verify.interrupted(options.sample);
  let tally;
  {
    // not before it is locked: what is counted must not change before it is read
    using recorded = RecordedFiles.open(paths.db);
    tally = await recorded.tally({ signal, after: earlier?.after });
  }
  const synced = [...tally.hashed.values()].reduce((sum, files) => sum + files, tally.unhashed);
  const share = (all: number) => Math.round(all * (millionths / WHOLE));
  const place = { inode: identity.inode, kind: backend.capabilities.kind };
  const precision = backend.capabilities.timePrecision;
  const times = backlog.traits.of(place)?.times ?? usualKeeping(precision);
  const run = new Verification({
    options,
    environment: { ...environment, signal },
    control,
    paths,
    backend,
    identity,
    backlog,
    log,
    clock,
    times: timeRule(precision, times, options.modifyWindow),
    earlier,
    expected: { files: share(synced), bytes: share(tally.bytes) },
    ahead: tally.ahead,
    pending: tally.pending,
  });
  return await run.run();
}

interface Parts {
  readonly options: VerifyOptions;
  readonly environment: VerifyEnvironment;
  readonly control: RunControl;
  readonly paths: Readonly<Record<"source" | "destination" | "db" | "log", string>>;
  readonly backend: Backend;
  readonly identity: Identity;
  readonly backlog: SqliteBacklog;
  readonly log: AuditLog;
  readonly clock: Clock;
  readonly times: TimeRule;
  /** The verification that this one goes on with. */
  readonly earlier: Interrupted | undefined;
  readonly expected: { readonly files: number; readonly bytes: number };
  /** Synced files that are still to be passed by, by the tally. */
  readonly ahead: number;
  readonly pending: number;
}

class Verification {
  readonly #parts: Parts;
  #id = 0;
  #run = 0;
  readonly #progress: VerifyProgress;
  readonly #cursor: VerifyCursor;
  #reporter: VerifyReporter | null = null;
  #rows: VerifyRow[] = [];
  #settled = 0;
  #unhashed = 0;
  #cached = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { clock, expected, earlier, options, backlog, ahead, paths } = parts;
    this.#progress = new VerifyProgress(clock, earlier?.totals ?? NOTHING, expected);
    this.#cursor = new VerifyCursor({
      sample: options.sample,
      after: earlier?.after ?? { directory: 0, name: "" },
      next: (after) => backlog.verify.next(this.#id, after),
      ahead,
      database: paths.db,
    });
  }

  async run(): Promise<VerifySummary> {
    const { environment, backlog, log, control, paths } = this.#parts;
    using reporter = environment.reporter(() => this.#progress.snapshot());
    this.#reporter = reporter;
    await this.#begin();
    this.#follow();
    using _server = openControl(paths.db, control, {
      about: { command: "verify", ...paths, database: paths.db },
      standing: () => {
        const snapshot = this.#progress.snapshot();
        return { message: progressLine(snapshot), progress: jsonProgress(snapshot) };
      },
    });
    let error: unknown = null;
    try {
      await this.#lanes();
      backlog.demandHere();
    } catch (thrown) {
      error = isDatabaseError(thrown)
        ? new SyncError("EDB", brokenOff(thrown, paths.db), { scope: "run", cause: thrown })
        : thrown;
    }
    control[Symbol.dispose]();
    let summary: VerifySummary;
    try {
      this.#settle();
      summary = this.#summary(error);
      log.add({
        type: "end",
        outcome: summary.outcome,
        exit_code: summary.exitCode,
        reason: summary.reason,
        totals: totalsRecord(summary.totals),
      });
      log.write(backlog.transaction(() => {
        if (error === null) backlog.verify.finish(this.#id);
        backlog.runs.end(this.#run, summary.exitCode);
        return log.stage();
      }));
      log.finish();
    } catch (thrown) {
      // the log or the database cannot be written any more, which may be what has stopped it
      summary = this.#summary(error ?? thrown);
    }
    reporter.event({ type: "end", summary });
    return summary;
  }

  /** The start record, and what an interrupted verification of the same sample has done. */
  async #begin(): Promise<void> {
    const { options, paths, backlog, log, clock, earlier, expected, pending } = this.#parts;
    const { sample, bwlimit, modifyWindow } = options;
    const { token } = await identifySelf();
    this.#run = backlog.runs.begin({
      token,
      pid: Deno.pid,
      host: Deno.hostname(),
      version: VERSION,
      resumed: earlier !== undefined,
    });
    const wrong = log.attach(backlog.outbox, this.#run, paths.db);
    if (wrong !== null) this.#reporter?.event({ type: "note", message: wrong });
    const share = { sample: `${sample.millionths / (WHOLE / 100)}%`, seed: sample.seed };
    log.add({
      type: "start",
      command: "verify",
      version: VERSION,
      source: auditPath(paths.source, ""),
      destination: auditPath(paths.destination, ""),
      resumed: earlier !== undefined,
      options: {
        ...share,
        bwlimit: bandwidthRecord(bwlimit),
        modifyWindow,
        db: paths.db,
        log: paths.log,
      },
    });
    log.write(backlog.transaction(() => {
      this.#id = earlier?.id ?? backlog.verify.begin(sample, this.#run);
      if (earlier !== undefined) backlog.verify.resume(earlier.id, this.#run);
      return log.stage();
    }));
    this.#settled = clock.now();
    this.#reporter?.event({
      type: "start",
      version: VERSION,
      destination: paths.destination,
      database: paths.db,
      log: paths.log,
      sample,
      expected,
      resumed: earlier === undefined ? null : { ...earlier.totals, since: earlier.startedAt },
    });
    if (pending > 0) {
      const what = pending === 1 ? "1 file is" : `${pending} files are`;
      this.#reporter?.event({ type: "note", message: `${what} pending, and not verified` });
    }
    if (earlier === undefined) return;
    for (const finding of backlog.verify.bad(earlier.id)) {
      this.#reporter?.event({ type: "finding", ...finding, earlier: true });
    }
  }

  /** Shows what the control decides, and records each change. */
  #follow(): void {
    const { control, log, backlog } = this.#parts;
    control.begin({
      changed: ({ paused }) => this.#progress.paused(paused),
      note: (message) => {
        this.#reporter?.event({ type: "note", message });
        log.add({ type: "note", message });
        log.write(backlog.transaction(() => log.stage()));
      },
    });
  }

  /** Works with several files in flight until all are done, one lane fails, or it is interrupted. */
  async #lanes(): Promise<void> {
    const { environment: { signal }, backend, clock } = this.#parts;
    // a share hides its round trips behind each other, a disk does not like to be sent about
    const width = backend.capabilities.durability === "file" ? 16 : 4;
    const lane = (index: number, signal: AbortSignal) => this.#lane(index, signal);
    await inLanes(width, lane, { signal, grace: GRACE, clock });
  }

  async #lane(lane: number, signal: AbortSignal): Promise<void> {
    const { backend, times, clock, paths, log, identity, control } = this.#parts;
    const cursor = this.#cursor;
    const context = {
      backend,
      times,
      bucket: control.buckets.read,
      gate: control.gate,
      buffers: [new Uint8Array(PIECE), new Uint8Array(PIECE)],
      signal,
      read: (bytes: number) => this.#progress.read(bytes),
      cached: () => this.#noteCached(),
    } as const;
    for (;;) {
      signal.throwIfAborted();
      await control.gate.pass({ signal });
      if (lane >= (control.state.lanes ?? Infinity) && !cursor.exhausted) {
        await clock.sleep(PARKED, { signal });
        continue;
      }
      const flight = cursor.take();
      if (flight === undefined) return;
      if (flight === null) {
        // a small sample may pass over millions of files
        await turn(signal);
        continue;
      }
      const { file } = flight;
      const began = clock.now();
      const finding = await checkFile(file, context);
      if (finding.result === "missing" || finding.result === "unreadable") {
        await demandRoot(backend, identity, signal);
      }
      signal.throwIfAborted();
      cursor.done(flight);
      const { result, detail } = finding;
      this.#progress.found(result, file.size);
      if (file.hash === null) this.#unhashed += 1;
      this.#rows.push({ file, result, detail });
      log.add(
        operation(auditPath(paths.destination, file.path), file, finding, clock.now() - began),
      );
      if (result !== "as recorded") {
        this.#reporter?.event({ type: "finding", path: file.path, result, detail, earlier: false });
      }
      const due = clock.now() - this.#settled >= GROUP_TIME;
      if (due || this.#rows.length >= GROUP) this.#settle();
      // what is answered at once must not keep signals and the screen waiting
      if (due) await turn(signal);
    }
  }

  /** Puts what was found into the database and the log. */
  #settle(): void {
    const { backlog, log, clock } = this.#parts;
    this.#settled = clock.now();
    const rows = this.#rows;
    this.#rows = [];
    const { after } = this.#cursor;
    log.write(backlog.transaction(() => {
      const { totals } = this.#progress;
      backlog.verify.settle({ id: this.#id, run: this.#run }, rows, { after, totals });
      return log.stage();
    }));
  }

  #summary(error: unknown): VerifySummary {
    const { environment, pending } = this.#parts;
    const { totals, elapsed } = this.#progress.snapshot();
    const common = { totals, elapsed, unhashed: this.#unhashed, pending, reason: null };
    if (error === null) {
      const bad = totals.different + totals.missing + totals.unreadable;
      return bad === 0
        ? { ...common, outcome: "as recorded", exitCode: 0 }
        : { ...common, outcome: "differences", exitCode: 1 };
    }
    const { signal, interruptedCode } = environment;
    if (error instanceof EndEarly) {
      const bad = totals.different + totals.missing + totals.unreadable;
      const reason = error.message;
      return { ...common, outcome: "more pending", exitCode: bad === 0 ? 0 : 1, reason };
    }
    if (signal.aborted && error === signal.reason && !(error instanceof SyncError)) {
      return { ...common, outcome: "interrupted", exitCode: interruptedCode() };
    }
    if (!(error instanceof SyncError)) throw error;
    return { ...common, outcome: "stopped", exitCode: 3, reason: error.message };
  }

  #noteCached(): void {
    if (this.#cached) return;
    this.#cached = true;
    const { backend, log } = this.#parts;
    const { kind } = backend.capabilities;
    const message = `the system's cache cannot be passed by here (${kind}): what it remembers of ` +
      "a file may be read instead of what the destination holds";
    this.#reporter?.event({ type: "note", message });
    log.add({ type: "note", message });
  }
}
