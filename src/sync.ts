/** Opens what a run works with, lets it run, and closes everything again. */
import { getLogger } from "@logtape/logtape";
import type { Backend } from "./backend/backend.ts";
import { openBackend } from "./backend/open.ts";
import { openRoot } from "./backend/open_root.ts";
import { temporaryNames } from "./backend/temporary.ts";
import { Watch } from "./backend/watch.ts";
import { Way } from "./backend/way.ts";
import { SqliteBacklog } from "./backlog/sqlite.ts";
import type { Local } from "./bandwidth.ts";
import { databaseErrorIn, whyStopped } from "./causes.ts";
import { Adaptive } from "./control/adaptive.ts";
import type { Standing } from "./control/answer.ts";
import { openControl } from "./control/open_control.ts";
import { RunControl } from "./control/run_control.ts";
import { SyncError } from "./errors.ts";
import type { Reporter, RunEvent, Snapshot, Summary } from "./event.ts";
import { type Spawn, spawnAhead, spawnInProcess, spawnWorker } from "./hands.ts";
import { Ledger } from "./ledger.ts";
import { abortable } from "./lib/abortable.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import type { TokenBucket } from "./lib/token_bucket.ts";
import { showPath } from "./name.ts";
import { DEFAULTS, type SyncOptions } from "./options.ts";
import { stepBack } from "./priority.ts";
import { AuditLog } from "./report/audit.ts";
import { snapshotFields } from "./report/json_lines.ts";
import { progressLine } from "./report/plain.ts";
import { Statistics } from "./report/statistics.ts";
import { resolvePaths } from "./roots.ts";
import { identifySelf } from "./self.ts";
import type { Thread } from "./thread.ts";
import { Run } from "./run.ts";
import { type Tell, tellingIfLate } from "./unanswered.ts";
import type { Base } from "./working_directory.ts";

/** How a run is watched, stopped and, in tests, given other parts. */
export interface SyncEnvironment {
  /** Stops the run: what is finished settles, nothing half-done appears. */
  readonly signal?: AbortSignal;
  /** Made when the statistics are there to look at; default: nobody is told anything. */
  readonly reporter?: (statistics: Statistics, control: RunControl) => Reporter;
  /** The directory that relative paths are relative to. Default: the working directory. */
  readonly base?: Base;
  readonly spawn?: Spawn;
  /** A thread that was started before the rest of the program was there. */
  readonly thread?: Thread;
  readonly open?: (root: string, temporaryName: () => string) => Promise<Backend>;
  readonly clock?: Clock;
  /** The time of day, in ms since the epoch. Default: the system's. */
  readonly today?: () => number;
  /** What the clock on the wall shows. Default: by the time zone of this system. */
  readonly local?: Local;
  /** Processors that the run may use. Default: those of this machine. */
  readonly cores?: number;
  /** Hears what a person must know before there is a reporter. Default: nobody does. */
  readonly tell?: Tell;
  /** The exit code for an interruption. Default 130. */
  readonly interruptedCode?: () => number;
}

const logger = getLogger(["sluice"]);

const silent: Reporter = { event() {}, async [Symbol.asyncDispose]() {} };

/**
 * Brings `destination` in line with `source`.
 *
 * Resolves with a summary, also when files failed or the run was stopped; its `exitCode` says which.
 *
 * @throws UsageError when the run may not begin, SyncError when a root, the database or the log cannot
 * be reached or used; nothing was touched then
 */
export async function sync(
  source: string,
  destination: string,
  options: Partial<SyncOptions> & SyncEnvironment = {},
): Promise<Summary> {
  const all: SyncOptions = { ...DEFAULTS, ...options };
  const base = options.base === undefined ? Deno.cwd() : options.base;
  const given = { source, destination, db: all.db, log: all.log, trash: all.trash };
  // who has aborted before gets the records of a run that was interrupted
  const waiting = options.signal?.aborted === true ? undefined : options.signal;
  const paths = await abortable(() => resolvePaths(given, base, options), waiting);
  const clock = options.clock ?? systemClock();
  const self = await identifySelf();
  const names = temporaryNames(self.token, 0);
  const open = options.open ??
    ((root, temporaryName) => openBackend(root, { temporaryName }));
  if (all.dryRun) SqliteBacklog.check(paths.db, paths);
  const { today, local } = options;
  const hindrance = all.idle ? stepBack() : null;
  if (hindrance !== null) logger.warn("--idle: {hindrance}", { hindrance });
  const cores = options.cores ?? navigator.hardwareConcurrency;
  // with the least that a run needs, and before all that may go on while a thread starts; with one
  // processor nothing does
  using ahead = options.spawn === undefined && cores > 1
    ? spawnAhead(spawnWorker, { started: options.thread })
    : null;
  using control = new RunControl({ ...all, bandwidth: all.bwlimit, clock, today, local });
  const asked = options.signal ?? new AbortController().signal;
  const signal = AbortSignal.any([asked, control.signal]);
  using fromWatch = new Watch({ side: "source", clock, signal });
  using toWatch = new Watch({ side: "destination", clock, signal });
  const opening = (root: string) => open(root, names);
  const { ways } = control.memory;
  const opened = (watch: Watch, bucket: TokenBucket) => {
    const { side } = watch, root = paths[side], operations = control.operations[side];
    const way = ways === null ? null : new Way(ways[side], { clock, signal, share: 1, bucket });
    const temporaryName = side === "source" ? null : names;
    const open = () => openRoot(watch, root, { opening, operations, way, temporaryName, signal });
    return tellingIfLate(`the ${side} ${showPath(root)}`, open, options);
  };
  await using from = await opened(fromWatch, control.buckets.read);
  await using to = await opened(toWatch, control.buckets.write);
  const onShares = [from, to].every(({ capabilities }) => capabilities.latency === "waiting");
  // on shares, where the two walkers share a thread, it is for the first carrier
  ahead?.another();
  // who has the database has its log too, and can be named
  if (!all.dryRun) SqliteBacklog.demandFree(paths.db, paths);
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
  using adaptive = ways === null ? null : new Adaptive({
    ways,
    clock,
    isPaused: () => statistics.snapshot().paused !== null,
    changed: (sides) => statistics.givesWay(sides),
  });
  await using reporter = options.reporter?.(statistics, control) ?? silent;
  const event = (event: RunEvent) => reporter.event(event);
  const ledger = new Ledger({ options: all, paths, backlog, log, statistics, event });
  const run = new Run({
    options: all,
    paths,
    backlog,
    ledger,
    from,
    to,
    statistics,
    clock,
    self,
    event,
    control,
    adaptive,
    watches: [fromWatch, toWatch],
    signal,
    spawn: options.spawn ?? ahead?.spawn ?? (onShares ? spawnInProcess(open) : spawnWorker),
    cores,
    interruptedCode: options.interruptedCode ?? (() => 130),
    temporaryName: names,
  });
  using _server = all.dryRun ? null : openControl(paths.db, control, {
    about: { command: "sync", ...paths, database: paths.db },
    standing: () => standingOf(statistics.snapshot()),
  });
  try {
    return await run.run();
  } catch (error) {
    // before the first stage: nothing was touched
    if (databaseErrorIn(error) === null) throw error;
    throw new SyncError("EDB", whyStopped(error, { database: paths.db })!, { scope: "run" });
  }
}

function standingOf(snapshot: Snapshot): Standing {
  return { message: progressLine(snapshot), progress: snapshotFields(snapshot) };
}

const NOTHING_TO_CLOSE: Disposable = { [Symbol.dispose]() {} };
