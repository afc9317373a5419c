/** A run, from its start record to its end record: the only file that knows the stages' order. */
import { openBackend } from "./backend/open.ts";
import { temporaryNames } from "./backend/temporary.ts";
import type { ScanStore } from "./backlog/scan_store.ts";
import { SqliteBacklog } from "./backlog/sqlite.ts";
import type { RunContext } from "./context.ts";
import { SyncError, UsageError } from "./errors.ts";
import type { Amount, Reporter, Side, Summary } from "./event.ts";
import { Crew, type Spawn, spawnWorker } from "./hands.ts";
import type { Outcome } from "./job.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import { showPath } from "./name.ts";
import { DEFAULTS, type SyncOptions } from "./options.ts";
import type { PackedFiles } from "./packed.ts";
import { printDecided, printLeft } from "./plan/print.ts";
import { removeExtras, settleAttempted } from "./plan/extras.ts";
import { AuditLog } from "./report/audit.ts";
import { auditPath, isoTimes, operationRecords } from "./report/operation_record.ts";
import { Statistics } from "./report/statistics.ts";
import { resolvePaths } from "./roots.ts";
import { splitTime } from "./stamp.ts";
import { runScan } from "./scan/scan.ts";
import { setDirectoryTimes } from "./transfer/directory_times.ts";
import { identifySelf, isLeftover, removeLeftovers, type Self } from "./transfer/temporaries.ts";
import { runTransfer, type TransferPlan } from "./transfer/transfer.ts";
import type { Backend, Identity } from "./backend/backend.ts";
import { VERSION } from "./version.ts";

/** How a run is watched, stopped and, in tests, given other parts. */
export interface SyncEnvironment {
  /** Stops the run: what is finished settles, nothing half-done appears. */
  readonly signal?: AbortSignal;
  /** Made when the statistics are there to look at; default: nobody is told anything. */
  readonly reporter?: (statistics: Statistics) => Reporter;
  /** The directory that relative paths are relative to. Default: the working directory. */
  readonly base?: string;
  readonly spawn?: Spawn;
  readonly open?: (root: string, temporaryName: () => string) => Promise<Backend>;
  readonly clock?: Clock;
  /** The exit code for an interruption. Default 130. */
  readonly interruptedCode?: () => number;
}

const silent: Reporter = { event() {}, async [Symbol.asyncDispose]() {} };

/**
 * Brings `destination` in line with `source`.
 *
 * Resolves with a summary, also when files failed or the run was stopped; its `exitCode` says which.
 *
 * @throws UsageError when the run may not begin; nothing was touched then
 */
export async function sync(
  source: string,
  destination: string,
  options: Partial<SyncOptions> & SyncEnvironment = {},
): Promise<Summary> {
  const all: SyncOptions = { ...DEFAULTS, ...options };
  const base = options.base ?? Deno.cwd();
  const paths = resolvePaths({ source, destination, db: all.db, log: all.log }, base);
  const clock = options.clock ?? systemClock();
  const self = await identifySelf();
  const names = temporaryNames(self.token, 0);
  const open = options.open ??
    ((root, temporaryName) => openBackend(root, { temporaryName }));
  if (all.dryRun) SqliteBacklog.check(paths.db, paths);
  await using from = await openRoot("source", () => open(paths.source, names));
  await using to = await openRoot("destination", () => open(paths.destination, names));
  const log = all.dryRun ? null : AuditLog.open(paths.log);
  let backlog: SqliteBacklog;
  try {
    backlog = all.dryRun ? SqliteBacklog.temporary(paths) : SqliteBacklog.open(paths.db, paths);
  } catch (error) {
    log?.abandon();
    throw error;
  }
  using _log = log ?? NOTHING_TO_CLOSE;
  using _backlog = backlog;
  const statistics = new Statistics(clock);
  statistics.limit(all.bwlimit);
  await using reporter = options.reporter?.(statistics) ?? silent;
  const run = new Run({ options: all, backlog, log, from, to, statistics, clock, self, reporter }, {
    signal: options.signal ?? new AbortController().signal,
    spawn: options.spawn ?? spawnWorker,
    interruptedCode: options.interruptedCode ?? (() => 130),
  });
  return await run.run({ ...paths });
}

/** A root that cannot even be opened is wrong usage: nothing has been touched yet. */
async function openRoot(side: Side, open: () => Promise<Backend>): Promise<Backend> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw new UsageError(`cannot use the ${side}: ${error.message}`, { cause: error });
  }
}

const NOTHING_TO_CLOSE: Disposable = { [Symbol.dispose]() {} };

interface Parts {
  readonly options: SyncOptions;
  readonly backlog: SqliteBacklog;
  readonly log: AuditLog | null;
  readonly from: Backend;
  readonly to: Backend;
  readonly statistics: Statistics;
  readonly clock: Clock;
  readonly self: Self;
  readonly reporter: Reporter;
}

interface Environment {
  readonly signal: AbortSignal;
  readonly spawn: Spawn;
  readonly interruptedCode: () => number;
}

class Run {
  readonly #parts: Parts;
  readonly #environment: Environment;
  readonly #totals = { copiedFiles: 0, copiedBytes: 0, failed: 0, deleted: 0 };
  readonly #record: (outcome: Outcome) => string;
  readonly #iso = isoTimes();
  #id = 0;
  #earlier: ReadonlySet<string> = new Set();

  constructor(parts: Parts, environment: Environment) {
    this.#parts = parts;
    this.#record = operationRecords({
      source: parts.from.root,
      destination: parts.to.root,
      algorithm: parts.options.checksum,
    });
    this.#environment = environment;
  }

  async run(paths: { source: string; destination: string; db: string; log: string }) {
    const { options, backlog, log, statistics, self, reporter } = this.#parts;
    const resumed = this.#resumable();
    this.#earlier = new Set(backlog.earlierTokens());
    statistics.ever(backlog.copiedEver());
    if (log !== null) {
      this.#id = backlog.beginRun({
        token: self.token,
        pid: Deno.pid,
        host: Deno.hostname(),
        version: VERSION,
        resumed: resumed !== null,
      });
      log.attach(backlog, this.#id);
      log.add({
        type: "start",
        version: VERSION,
        source: auditPath(paths.source, ""),
        destination: auditPath(paths.destination, ""),
        resumed: resumed !== null,
        options: { ...pick(options), db: paths.db, log: paths.log },
      });
      log.write(backlog.transaction(() => log.stage()));
    }
    reporter.event({
      type: "start",
      source: paths.source,
      destination: paths.destination,
      version: VERSION,
      database: paths.db,
      log: paths.log,
      dryRun: options.dryRun,
      resumed,
    });
    let summary = await this.#stages(resumed !== null);
    statistics.phase("finished");
    try {
      this.#recordEnd(summary);
    } catch (error) {
      const reason = summary.reason ?? whyStopped(error);
      if (reason === null) throw error;
      summary = statistics.summary({ outcome: "stopped", reason, exitCode: 3 });
    }
    reporter.event({ type: "end", summary });
    return summary;
  }

  #recordEnd(summary: Summary): void {
    const { backlog, log } = this.#parts;
    if (log !== null) {
      log.add({
        type: "end",
        outcome: summary.outcome,
        exit_code: summary.exitCode,
        reason: summary.reason,
        totals: {
          copied_files: summary.copied.files,
          copied_bytes: this.#totals.copiedBytes,
          failed: summary.failed,
          skipped: summary.skipped,
          deleted: summary.deleted,
          refused: summary.refused,
          pending_files: summary.pending.files,
          pending_bytes: summary.pending.bytes,
        },
      });
      log.write(backlog.transaction(() => {
        backlog.endRun(this.#id, summary.exitCode);
        return log.stage();
      }));
      log.finish();
    }
  }

  /** What an earlier run left pending, if this run is to go on with it instead of scanning. */
  #resumable(): (Amount & { since: number }) | null {
    const { options, backlog } = this.#parts;
    const scan = backlog.lastScan();
    const pending = backlog.transfer.pending();
    if (options.rescan || scan === undefined || !scan.finished || pending.files === 0) return null;
    return { ...pending, since: scan.startedAt };
  }

  /** Runs the stages; whatever ends them becomes the summary. */
  async #stages(resumed: boolean): Promise<Summary> {
    const { statistics, backlog, options } = this.#parts;
    const { signal, interruptedCode } = this.#environment;
    let stopped:
      | { outcome: "interrupted" | "stopped"; reason: string | null; code: number }
      | null = null;
    try {
      await this.#inOrder(resumed);
    } catch (error) {
      if (signal.aborted && (error === signal.reason || !(error instanceof SyncError))) {
        stopped = { outcome: "interrupted", reason: null, code: interruptedCode() };
      } else {
        const reason = whyStopped(error);
        if (reason === null) throw error;
        stopped = { outcome: "stopped", reason, code: 3 };
      }
    }
    if (!options.dryRun && stopped?.code !== 3) statistics.pending(backlog.transfer.pending());
    const { failed, refused } = statistics.snapshot();
    if (stopped !== null) {
      const { outcome, reason, code: exitCode } = stopped;
      return statistics.summary({ outcome, reason, exitCode });
    }
    return failed + refused > 0
      ? statistics.summary({ outcome: "failures", reason: null, exitCode: 1 })
      : statistics.summary({ outcome: "in sync", reason: null, exitCode: 0 });
  }

  async #inOrder(resumed: boolean): Promise<void> {
    const { options, backlog, statistics, from, to } = this.#parts;
    const { signal } = this.#environment;
    const identities = {
      source: await from.identify({ signal }),
      destination: await to.identify({ signal }),
    };
    using crew = this.#crew();
    const context = this.#context(identities, crew);
    const trusted = this.#demandSameRoots(context);
    if (!options.dryRun) {
      await settleAttempted(context);
      await this.#clearInFlight(context);
    }
    if (resumed && trusted) this.#recallErrors(context);
    else await this.#scan(context, trusted);
    const deletes = options.deleteExtras && this.#mayDelete(context);
    if (options.dryRun) return printLeft(context, { extras: deletes });
    if (deletes) await removeExtras(context, "conflicts");
    statistics.phase("transfer");
    const pending = backlog.transfer.pending();
    statistics.pending(pending);
    statistics.backlog(pending);
    await runTransfer(context, transferPlan(from, to));
    if (deletes) {
      statistics.phase("mirror");
      await removeExtras(context, "others");
    }
    statistics.phase("directories");
    await setDirectoryTimes(context);
  }

  /**
   * Whether what the database knows is about these roots. A share that is not mounted is an empty
   * directory: to take it for the source would forget all that is known, and delete in a mirror.
   */
  #demandSameRoots({ identities, event }: RunContext): boolean {
    const { options, backlog, from } = this.#parts;
    const last = backlog.lastScan();
    if (last === undefined || options.rescan) return true;
    const same = (side: Side) => last.roots[side] === String(identities[side].inode);
    if (!same("source")) {
      throw new SyncError(
        "EROOT",
        `the source ${from.root} is not the directory that was scanned before (is it mounted?); ` +
          "mount it, or give --rescan if it is meant to be another one",
        { scope: "run" },
      );
    }
    if (same("destination")) return true;
    event({
      type: "note",
      message: "the destination is not the directory that was scanned before: scanning again",
    });
    return false;
  }

  /** What an earlier run could not read is still not in sync: this run must not say that it is. */
  #recallErrors(context: RunContext): void {
    const { backlog, statistics } = this.#parts;
    const scan = backlog.lastScan()!;
    for (const side of ["source", "destination"] as const) {
      const { done, ...counts } = backlog.scanCounts(scan.id, side);
      statistics.side(side, counts, done);
      if (counts.errors === 0) continue;
      const what = counts.errors === 1
        ? "1 directory or entry was"
        : `${counts.errors} directories or entries were`;
      const message = `${what} not readable when the ${side} was scanned; --rescan tries again`;
      statistics.finished({ action: "list", status: "failure", bytes: 0, lanes: null });
      statistics.failure("", message);
      context.event({ type: "failure", path: "", message });
      context.audit({ type: "note", message });
    }
    this.#settle(() => {});
  }

  #crew(): Crew {
    const { clock, self } = this.#parts;
    const { spawn } = this.#environment;
    return new Crew({ spawn, token: self.token, now: () => clock.now() });
  }

  #context(identities: Readonly<Record<Side, Identity>>, crew: Crew): RunContext {
    const { options, backlog, from, to, statistics, clock, reporter } = this.#parts;
    const { signal } = this.#environment;
    return {
      options,
      backlog,
      crew,
      source: from,
      destination: to,
      identities,
      statistics,
      clock,
      signal,
      event: (event) => reporter.event(event),
      audit: (record) => this.#parts.log?.add(record),
      outcome: (outcome, lanes) => this.#outcome(outcome, lanes),
      carried: (files, lanes) => this.#carried(files, lanes),
      settle: (body) => this.#settle(body),
      window: [from, to].map(({ capabilities }) => capabilities.timePrecision)
        .reduce((a, b) => a > b ? a : b),
      grace: to.capabilities.durability === "group" ? 10_000 : 1_500,
    };
  }

  #settle<T>(body: () => T): T {
    const { backlog, log } = this.#parts;
    let staged: Uint8Array | null = null;
    const result = backlog.transaction(() => {
      const result = body();
      if (log !== null) {
        backlog.countRun(this.#id, this.#totals);
        staged = log.stage();
      }
      return result;
    });
    if (staged !== null) log?.write(staged);
    return result;
  }

  #carried({ sizes, actions, records }: PackedFiles, lanes: string): void {
    const { statistics, log } = this.#parts;
    if (sizes.length === 0) return;
    sizes.forEach((bytes, i) => {
      statistics.finished({ action: actions[i]!, status: "success", bytes, lanes });
      this.#totals.copiedBytes += bytes;
    });
    this.#totals.copiedFiles += sizes.length;
    if (log !== null) {
      for (const fields of records.split("\n")) {
        log.addFields("operation", fields);
      }
    }
  }

  #outcome(outcome: Outcome, lanes: string | null): void {
    const { statistics, reporter } = this.#parts;
    const { action, status, path, size, error } = outcome;
    if (action === "keep") return;
    statistics.finished({ action, status, bytes: size, lanes });
    if (status === "failure") {
      const message = outcome.detail ?? error?.message ?? "failed";
      this.#totals.failed += 1;
      statistics.failure(path, message);
      reporter.event({ type: "failure", path, message });
    } else if (status === "success" && action === "delete") this.#totals.deleted += 1;
    else if (status === "success" && (action === "copy" || action === "overwrite")) {
      this.#totals.copiedFiles += 1;
      this.#totals.copiedBytes += size;
    }
    this.#parts.log?.addFields("operation", this.#record(outcome));
  }

  async #scan(context: RunContext, trusted: boolean): Promise<void> {
    const { options, backlog, statistics, from, to, self } = this.#parts;
    const { signal } = this.#environment;
    statistics.phase("scan");
    const last = backlog.lastScan();
    let store: ScanStore;
    if (last !== undefined && !last.finished && !options.rescan && trusted) {
      store = backlog.resumeScan(last.id, context);
      context.event({ type: "note", message: "completing a scan that was interrupted" });
      this.#recallErrors(context);
    } else {
      const [source, destination] = await Promise.all([
        from.look("", { signal }),
        to.look("", { signal }),
      ]);
      const mtimes = { source: source?.mtime ?? 0n, destination: destination?.mtime ?? 0n };
      const root = (side: Side) => ({ ...context.identities[side], mtime: mtimes[side] });
      store = backlog.beginScan(
        { source: root("source"), destination: root("destination") },
        context,
      );
    }
    let removed = 0;
    const removals: Promise<void>[] = [];
    await runScan(context, store, {
      decided: (directories) => {
        if (options.dryRun) printDecided(context, directories);
      },
      temporaries: (directory, names) => {
        if (options.dryRun) return;
        const leftover = (name: string) => isLeftover(name, self, this.#earlier);
        removals.push(
          removeLeftovers(to, directory, names, leftover, { signal }).then((count) => {
            removed += count;
            if (count > 0) backlog.touch(directory);
          }).catch((error) => this.#notRemoved(context, directory, error)),
        );
      },
    });
    await Promise.all(removals);
    this.#noteRemoved(context, removed);
    this.#recordScan(context, store.scan);
  }

  /** One record of the scan, and one for each special file that it found. */
  #recordScan(context: RunContext, scan: number): void {
    const { backlog, from, to, statistics } = this.#parts;
    let after = { directory: 0, name: "" };
    for (;;) {
      const page = backlog.skipped(scan, after, 1000);
      if (page.length === 0) break;
      after = page.at(-1)!;
      this.#settle(() => {
        for (const { path, times } of page) {
          statistics.finished({ action: "skip", status: "skipped", bytes: 0, lanes: null });
          context.audit({
            type: "operation",
            action: "skip",
            status: "skipped",
            reason: "a special file: not a file, link or directory",
            kind: "special",
            source: auditPath(from.root, path),
            destination: auditPath(to.root, path),
            size: 0,
            mtime: this.#iso(...splitTime(times.mtime)),
            atime: null,
            ctime: this.#iso(...splitTime(times.ctime)),
          });
        }
      });
    }
    const side = (name: Side) => {
      const { done: _, ...counts } = backlog.scanCounts(scan, name);
      return counts;
    };
    context.audit({
      type: "scan",
      scan,
      source: side("source"),
      destination: side("destination"),
      pending: backlog.transfer.pending(),
      extras: backlog.extras.count(),
    });
    this.#settle(() => {});
  }

  /** Where a killed run was at work, its temporaries are; a scan finds them all by itself. */
  async #clearInFlight(context: RunContext): Promise<void> {
    const { backlog, to, self } = this.#parts;
    const { signal } = this.#environment;
    let removed = 0;
    const cleared: number[] = [];
    for (const { id, path } of backlog.transfer.inFlight()) {
      try {
        for await (const { temporaries } of to.list(path, { signal })) {
          const leftover = (name: string) => isLeftover(name, self, this.#earlier);
          removed += await removeLeftovers(to, path, temporaries, leftover, { signal });
        }
        cleared.push(id);
      } catch (error) {
        // a directory that was never made, or is none any more, holds nothing
        const none = error instanceof SyncError && ["ENOENT", "ENOTDIR"].includes(error.code);
        if (none) cleared.push(id);
        else this.#notRemoved(context, path, error);
      }
    }
    backlog.transaction(() => backlog.transfer.landed(cleared));
    this.#noteRemoved(context, removed);
  }

  /** A temporary that stays does no harm to any file: a later run tries again. */
  #notRemoved({ event, signal }: RunContext, directory: string, error: unknown): void {
    // an abort ends the run by itself, and so does a root that is gone
    if (signal.aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    const place = directory === "" ? "the root" : showPath(directory);
    event({ type: "note", message: `a temporary of an earlier run stays in ${place}: ${why}` });
  }

  #noteRemoved(context: RunContext, removed: number): void {
    if (removed === 0) return;
    const message = `removed ${removed} ${removed === 1 ? "temporary" : "temporaries"} of an ` +
      "earlier run";
    context.event({ type: "note", message });
    context.audit({ type: "note", message });
    this.#settle(() => {});
  }

  /** Deletions need a scan of the source that is complete and had no error. */
  #mayDelete(context: RunContext): boolean {
    const { backlog, statistics } = this.#parts;
    const scan = backlog.lastScan();
    const errors = scan === undefined ? 0 : backlog.scanCounts(scan.id, "source").errors;
    if (scan?.finished && errors === 0) return true;
    const { files, directories } = backlog.extras.count();
    if (files + directories === 0) return false;
    const message = `nothing was deleted: the scan of the source had ${errors} ` +
      `${errors === 1 ? "error" : "errors"}, so ${
        files + directories
      } extras stay; mend them and give --rescan`;
    statistics.finished({ action: "refuse", status: "failure", bytes: 0, lanes: null });
    context.event({ type: "note", message });
    context.audit({ type: "operation", action: "refuse", status: "failure", reason: message });
    this.#settle(() => {});
    return false;
  }
}

/** How many threads and lanes suit the two sides. */
function transferPlan(source: Backend, destination: Backend): TransferPlan {
  // on a share, calls wait and lanes hide the waiting; on a local disk, threads share the work
  const cores = navigator.hardwareConcurrency;
  const isShare = (backend: Backend) => backend.capabilities.durability === "file";
  if (isShare(source) || isShare(destination)) return { threads: 2, lanes: 8 };
  return { threads: Math.max(1, Math.min(cores, 4)), lanes: 1 };
}

function pick({ db: _db, log: _log, ...rest }: SyncOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(DEFAULTS).flatMap((key) =>
      key in rest ? [[key, rest[key as keyof typeof rest]]] : []
    ),
  );
}

/** The reason that a person is told when an error stops a run; null for a defect of sluice. */
function whyStopped(error: unknown): string | null {
  if (error instanceof SyncError) return error.message;
  if (!isDatabaseError(error)) return null;
  return `the database cannot be used any more: ${(error as Error).message}`;
}

function isDatabaseError(error: unknown): boolean {
  return error instanceof Error &&
    ((error as { code?: string }).code === "ERR_SQLITE_ERROR" || "errcode" in error);
}

export { UsageError };
