/** A run, from its start record to its end record: the only file that knows the stages' order. */
import { getLogger } from "@logtape/logtape";
import type { Backend, Identity } from "./backend/backend.ts";
import { withGate } from "./backend/gated.ts";
import type { Reopening } from "./backend/reopening.ts";
import { lookAtRoot, RootGuard } from "./backend/root_guard.ts";
import type { Watch } from "./backend/watch.ts";
import type { ScanStore } from "./backlog/scan_store.ts";
import { damaged } from "./backlog/database_error.ts";
import { SqliteBacklog } from "./backlog/sqlite.ts";
import { causeOf, databaseErrorIn, whyStopped } from "./causes.ts";
import type { Adaptive } from "./control/adaptive.ts";
import { EndEarly } from "./control/end_early.ts";
import { follow } from "./control/follow.ts";
import { LaneTuning } from "./control/lane_tuning.ts";
import type { RunControl } from "./control/run_control.ts";
import type { RunContext } from "./context.ts";
import { SyncError } from "./errors.ts";
import {
  type Amount,
  type RunEvent,
  type Side,
  type Summary,
  TOO_LARGE,
  type Unanswered,
} from "./event.ts";
import { Crew, longest, type Spawn } from "./hands.ts";
import { type TransferPlan, transferPlan } from "./lanes.ts";
import type { Ledger } from "./ledger.ts";
import type { Clock } from "./lib/clock.ts";
import { showPath } from "./name.ts";
import { ALL_APART } from "./name_rules.ts";
import type { SyncOptions } from "./options.ts";
import { Pauses } from "./pause.ts";
import { RemovalCursor, removeExtras, settleAttempted } from "./plan/extras.ts";
import { demandSource, openGate } from "./plan/gate.ts";
import { RunTrash } from "./plan/run_trash.ts";
import { printDecided, printLeft } from "./plan/print.ts";
import { assignLinks, learnPlace } from "./plan/traits.ts";
import { demandSameRoots } from "./plan/trust.ts";
import type { Statistics } from "./report/statistics.ts";
import type { RunPaths } from "./roots.ts";
import { runScan } from "./scan/scan.ts";
import { recordCollisions, tellRespelled } from "./scan/names.ts";
import { recallErrors, recordScan } from "./scan/scan_records.ts";
import { setDirectoryTimes, TimesCursor } from "./transfer/directory_times.ts";
import { HardLinks } from "./transfer/hard_links.ts";
import { Leftovers } from "./transfer/leftovers.ts";
import type { Self } from "./self.ts";
import { TransferBudget } from "./transfer/budget.ts";
import { EarlyTransfer } from "./transfer/early.ts";
import { warnOfRoom } from "./transfer/room.ts";
import { retryFailed } from "./transfer/retries.ts";
import { runTransfer } from "./transfer/transfer.ts";
import { EXACT } from "./times.ts";
import { VERSION } from "./version.ts";

const logger = getLogger(["sluice"]);

/** What a run works with; all of it is closed by whoever opened it. */
export interface RunParts {
  readonly options: SyncOptions;
  readonly paths: RunPaths;
  readonly backlog: SqliteBacklog;
  readonly ledger: Ledger;
  readonly from: Reopening;
  readonly to: Reopening;
  /** Over the calls of this thread. */
  readonly watches: readonly Watch[];
  readonly statistics: Statistics;
  readonly clock: Clock;
  readonly self: Self;
  readonly event: (event: RunEvent) => void;
  readonly control: RunControl;
  readonly adaptive: Adaptive | null;
  readonly signal: AbortSignal;
  readonly spawn: Spawn;
  /** Processors that it may use. */
  readonly cores: number;
  readonly interruptedCode: () => number;
  readonly temporaryName: () => string;
}

/** One run: from its start record to its end record. */
export class Run {
  readonly #parts: RunParts;
  readonly #budget: TransferBudget;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#budget = new TransferBudget(parts.options.maxTransfer);
  }

  async run(): Promise<Summary> {
    const { options, paths, backlog, ledger, statistics, self, event, control } = this.#parts;
    const resumed = this.#resumable();
    const earlier = new Set(backlog.runs.earlierTokens());
    statistics.ever(backlog.runs.copiedEver());
    ledger.begin({ token: self.token, resumed: resumed !== null });
    event({
      type: "start",
      source: paths.source,
      destination: paths.destination,
      version: VERSION,
      database: paths.db,
      log: paths.log,
      dryRun: options.dryRun,
      resumed,
    });
    follow(control, { statistics, note: ledger.note });
    let summary = await this.#stages(resumed !== null, earlier);
    control[Symbol.dispose]();
    statistics.phase("finished");
    try {
      ledger.end(summary);
    } catch (error) {
      const reason = summary.reason ?? whyStopped(error, { database: paths.db });
      if (reason === null) throw error;
      summary = statistics.summary({ outcome: "stopped", reason, exitCode: 3 });
    }
    event({ type: "end", summary });
    return summary;
  }

  /** What an earlier run left pending, if this run is to go on with it instead of scanning. */
  #resumable(): (Amount & { since: number }) | null {
    const { options, backlog } = this.#parts;
    const scan = backlog.lastScan();
    const pending = backlog.transfer.transferable();
    if (options.rescan || scan === undefined || !scan.finished || pending.files === 0) return null;
    return { ...pending, since: scan.startedAt };
  }

  /** Runs the stages; whatever ends them becomes the summary. */
  async #stages(resumed: boolean, earlier: ReadonlySet<string>): Promise<Summary> {
    const { statistics, backlog, options, paths, signal, interruptedCode } = this.#parts;
    try {
      await this.#inOrder(resumed, earlier);
      backlog.demandHere();
    } catch (error) {
      const cause = signal.aborted && !(error instanceof SyncError) ? signal.reason : error;
      const reason = whyStopped(cause, {
        database: paths.db,
        destination: paths.destination,
      });
      if (signal.aborted && cause === signal.reason && reason === null) {
        if (!options.dryRun) statistics.pending(backlog.transfer.pending());
        if (cause instanceof EndEarly) return this.#endedEarly(cause);
        const exitCode = interruptedCode();
        return statistics.summary({ outcome: "interrupted", reason: null, exitCode });
      }
      if (reason === null) throw error;
      if (!options.dryRun && databaseErrorIn(cause) === null) {
        statistics.pending(backlog.transfer.pending());
      }
      return statistics.summary({ outcome: "stopped", reason, exitCode: 3 });
    }
    const pending = options.dryRun ? null : backlog.transfer.pending();
    if (pending !== null) statistics.pending(pending);
    const left = this.#budget.tooLarge;
    if (left > 0) {
      const files = left === 1 ? "1 file is" : `${left} files are`;
      return this.#endedEarly(new EndEarly(`${files} ${TOO_LARGE}`));
    }
    if (this.#hasFailures()) {
      return statistics.summary({ outcome: "failures", reason: null, exitCode: 1 });
    }
    if (pending === null || pending.files === 0) {
      return statistics.summary({ outcome: "in sync", reason: null, exitCode: 0 });
    }
    // what is pending was carried or has failed, unless it cannot be found in the database
    const { message: reason } = damaged(
      paths.db,
      `it counts ${pending.files} pending that it does not have`,
    );
    return statistics.summary({ outcome: "stopped", reason, exitCode: 3 });
  }

  #endedEarly({ message: reason }: EndEarly): Summary {
    const exitCode = this.#hasFailures() ? 1 : 0;
    return this.#parts.statistics.summary({ outcome: "more pending", reason, exitCode });
  }

  #tuning({ threads, lanes }: TransferPlan): LaneTuning {
    const { control, clock, statistics, adaptive } = this.#parts;
    return new LaneTuning({
      control,
      clock,
      done: () => statistics.done(),
      snapshot: () => statistics.snapshot(),
      isHeldBack: () => adaptive?.decides ?? false,
      lanes: threads * lanes,
      threads,
    });
  }

  #hasFailures(): boolean {
    const { failed, refused } = this.#parts.statistics.snapshot();
    return failed + refused > 0;
  }

  async #inOrder(resumed: boolean, earlier: ReadonlySet<string>): Promise<void> {
    const { options, paths, backlog, statistics, from, to, clock, self, spawn, temporaryName } =
      this.#parts;
    using crew = new Crew({ spawn, token: self.token, now: () => clock.now() });
    statistics.unanswered(() => this.#unanswered(crew));
    // what is left behind is over for this run
    using _quiet = { [Symbol.dispose]: () => statistics.unanswered(() => []) };
    const untried = this.#context(crew);
    await untried.checkRoots();
    for (const { root, capabilities } of [from, to]) {
      const { kind, latency, durability } = capabilities;
      logger.debug("{root}: {kind}, {latency}, durable by {durability}", {
        root: showPath(root),
        kind,
        latency,
        durability,
      });
    }
    const leftovers = new Leftovers(untried, self, earlier);
    const last = options.dryRun ? SqliteBacklog.keptScan(paths.db) : backlog.lastScan();
    demandSameRoots(untried, last);
    if (options.deleteExtras) await demandSource(untried);
    const pauses = this.#pauses(untried, leftovers);
    if (!options.dryRun) {
      await pauses.through(async () => {
        await settleAttempted(untried);
        await leftovers.clearInFlight();
      });
    }
    const place = { inode: to.identity.inode, kind: to.capabilities.kind };
    const kept = options.dryRun ? SqliteBacklog.keptTraits(paths.db, place) : undefined;
    if (kept !== undefined) backlog.transaction(() => backlog.traits.keep(place, kept));
    const { names, times, changed } = await learnPlace(untried, place, temporaryName());
    const context = { ...untried, names, times }, trusted = !changed;
    const plan = transferPlan(
      { source: from.capabilities, destination: to.capabilities },
      { wanted: options.lanes, cores: this.#parts.cores },
    );
    logger.debug("transferring with {threads} threads of {lanes} lanes, {adapted}", {
      ...plan,
      adapted: plan.adapts ? "adapted to what gets done" : "as many all the time",
    });
    using _tuning = plan.adapts && !options.dryRun ? this.#tuning(plan) : null;
    await using early = new EarlyTransfer(context, plan);
    if (resumed && trusted) recallErrors(context, backlog.lastScan()!.id);
    else await this.#scan(context, leftovers, { pauses, trusted, early });
    recordCollisions(context);
    assignLinks(context, place);
    const deletes = options.deleteExtras && openGate(context);
    await warnOfRoom(context);
    if (options.dryRun) return printLeft(context, { extras: deletes });
    await using trash = deletes && paths.trash ? new RunTrash(context, paths.trash) : null;
    const remove = async (which: "conflicts" | "others") => {
      const at = new RemovalCursor();
      await pauses.through(async () => {
        await trash?.renew();
        // the stage before it may have taken days
        await demandSource(context);
        await removeExtras(context, { which, trash, at });
      });
    };
    if (deletes) await remove("conflicts");
    statistics.phase("transfer");
    statistics.pending(backlog.transfer.pending());
    statistics.backlog(backlog.transfer.transferable());
    await pauses.through(() => early.finish());
    await pauses.through(() => retryFailed(context, plan));
    const links = new HardLinks(context);
    // a file that cannot be linked after all is transferred, and others may wait for it
    while (await pauses.through(() => links.link())) {
      await pauses.through(() => runTransfer(context, plan));
      await pauses.through(() => retryFailed(context, plan));
    }
    links.tell();
    backlog.transaction(() => backlog.transfer.recorded());
    if (deletes) {
      statistics.phase("mirror");
      await remove("others");
    }
    statistics.phase("directories");
    const at = new TimesCursor();
    await pauses.through(() => setDirectoryTimes(context, at));
  }

  #unanswered(crew: Crew): readonly Unanswered[] {
    const own = this.#parts.watches.map((watch) => watch.oldest()).filter((call) => call !== null);
    const calls = own.map(({ side, path, age }) => ({ side, path: path || null, ms: age }));
    return longest([...crew.unanswered(), ...calls]);
  }

  #pauses(context: RunContext, leftovers: Leftovers): Pauses {
    const { from, to, statistics, clock, signal, options } = this.#parts;
    return new Pauses({
      clock,
      signal,
      causeOf: (error) => causeOf(context, error),
      show: (text) => statistics.paused(text),
      note: context.note,
      resume: async () => {
        await Promise.all([from.reopen(), to.reopen()]);
        if (options.dryRun) return;
        await settleAttempted(context);
        await leftovers.clearOwn();
      },
      progress: () => {
        const { copied, deleted, source, destination } = statistics.snapshot();
        return copied.files + deleted + source.directories + destination.directories;
      },
    });
  }

  #context(crew: Crew): RunContext {
    const { options, paths, backlog, from, to, statistics, clock, ledger, event, signal, control } =
      this.#parts;
    const { note, audit, settle, outcome, carried } = ledger;
    const identities: Record<Side, Identity> = { source: from.identity, destination: to.identity };
    const guards = ([["source", from], ["destination", to]] as const).map(([side, backend]) =>
      new RootGuard(backend, { side, expected: identities[side], clock, signal })
    );
    return {
      options,
      paths,
      run: ledger.run,
      backlog,
      crew,
      control,
      budget: this.#budget,
      source: withGate(from, control.gate),
      destination: withGate(to, control.gate),
      identities,
      checkRoots: async () => {
        for (const guard of guards) await guard.check();
      },
      statistics,
      clock,
      signal,
      event,
      note,
      audit,
      settle,
      outcome,
      carried,
      // until it is known what the destination keeps
      times: EXACT,
      names: ALL_APART,
      grace: to.capabilities.durability === "group" ? 10_000 : 1_500,
    };
  }

  async #scan(
    context: RunContext,
    leftovers: Leftovers,
    { pauses, trusted, early }: { pauses: Pauses; trusted: boolean; early: EarlyTransfer },
  ): Promise<void> {
    const { options, statistics } = this.#parts;
    statistics.phase("scan");
    const store = await pauses.through(() => this.#beginScan(context, trusted));
    const scan = (context: RunContext) =>
      runScan(context, store, {
        begun: () => early.begin(),
        early: early.isUnderWay,
        decided: (directories) => {
          if (options.dryRun) printDecided(context, directories);
          else early.news(directories);
        },
        temporaries: (directory, names) => {
          if (!options.dryRun) leftovers.seen(directory, names);
        },
      });
    await pauses.through(() => early.during(store.scan, scan));
    await leftovers.done();
    recordScan(context, store.scan);
    tellRespelled(context, store);
  }

  /** A new scan, or the one that was interrupted. */
  async #beginScan(context: RunContext, trusted: boolean): Promise<ScanStore> {
    const { options, backlog, from, to, signal } = this.#parts;
    const last = backlog.lastScan();
    if (last !== undefined && !last.finished && !options.rescan && trusted) {
      const store = backlog.resumeScan(last.id, context);
      context.event({ type: "note", message: "completing a scan that was interrupted" });
      recallErrors(context, last.id);
      return store;
    }
    const root = async (side: Side, backend: Backend) => {
      const { mtime } = await lookAtRoot(backend, { side, signal });
      return { ...context.identities[side], mtime };
    };
    const roots = {
      source: await root("source", from),
      destination: await root("destination", to),
    };
    return backlog.beginScan(roots, context);
  }
}
