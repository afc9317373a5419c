/** The transfer: what is pending goes to the carriers, what they settled goes into the database. */
import { boundBy } from "../backend/bound_by.ts";
import type { RunContext } from "../context.ts";
import type { FromCrew, Hungry } from "../crew.ts";
import type { DepthCursor, DirectoryAtDepth } from "../backlog/directory_store.ts";
import type { Jobs } from "../backlog/job_source.ts";
import type { Hand } from "../hands.ts";
import type { Job, Outcome } from "../job.ts";
import { blockRoom } from "./block_room.ts";
import type { TransferPlan } from "../lanes.ts";
import { giveBack } from "../lib/give_back.ts";
import { packJobs, unpackOutcomes } from "../packed.ts";
import { bytesOf, isLarge, LARGE_JOB, STOCK, Supply, weightOf } from "./supply.ts";
import { isTriedAgain, withTries } from "./tries.ts";

/**
 * Files and bytes of one job. On a share a job is what a lane does before it goes to another
 * directory, and several lanes share a larger one; a directory that is made with its files must be
 * one job, though.
 */
const LIMITS = { files: 64, bytes: LARGE_JOB, alone: LARGE_JOB };
const LOCAL_FILES = 256, LOCAL_WHOLE = 1024, SHARE_WHOLE = 128;

/** Missing directories that are read from the database at a time. */
const MISSING_PAGE = 256;

/** What a carrier is given at once, beside files (see {@link STOCK}): few jobs if there is much in them. */
const MOST_JOBS = 256, MOST_OF_MUCH = 64, MUCH = 16 * 2 ** 20;

/** Carries everything that is pending, each file once, and makes missing directories. */
export async function runTransfer(context: RunContext, plan: TransferPlan): Promise<void> {
  const transfer = new Transfer(context, plan, { scan: null });
  transfer.complete();
  await transfer.done;
}

/**
 * While the scan of a local disk is under way: milliseconds from its first news after which the first
 * carrier gets a thread of its own, which costs more than a short scan takes. The scan of a share waits
 * and leaves it the time: there it opens both roots while the first directories are listed.
 */
const SOON = 200;

interface Seat {
  readonly key: string;
  readonly hand: Hand;
  /** "jobs" that were sent. */
  given: number;
}

/** The owner's side of the carriers. */
export class Transfer {
  /** Ends when everything is carried; rejects with what stops the run. */
  readonly done: Promise<void>;
  readonly #context: RunContext;
  readonly #plan: TransferPlan;
  readonly #boundBy: "local" | "share";
  readonly #files: Jobs;
  readonly #turn: number;
  readonly #seats: Seat[] = [];
  /** Carriers that asked when there was nothing (yet). */
  readonly #starving = new Map<Seat, Hungry>();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #ended = Promise.withResolvers<void>();
  /** Jobs of a directory that are under way, one more while others are to come. */
  readonly #openJobs = new Map<number, number>();
  /** Directories that are being made with their files, and in which directory. */
  readonly #wholes = new Map<number, number>();
  /** How many are being made so in a directory. */
  readonly #wholesIn = new Map<number, number>();
  /** Directories that could not be made: each job below them tries, and one record tells. */
  readonly #unmade = new Set<number>();
  #afterMissing: DepthCursor = { depth: -1, id: 0 };
  /** Those that come next. */
  #missing: DirectoryAtDepth[] = [];
  readonly #supply = new Supply(() => this.#counted());
  #running = 0;
  #complete = false;
  /** Bytes of files that were taken from the budget and have no outcome yet. */
  #unsettled = 0;
  #exhausted = false;
  #failed: { readonly error: unknown } | null = null;
  #firstNews: number | null = null;

  /**
   * @param scan the scan that is under way, whose decisions are told by {@link news}
   * @param turn carries only what failed in the turn before; 0 (default) for all that is pending
   */
  constructor(
    context: RunContext,
    plan: TransferPlan,
    { scan, turn = 0 }: { scan: number | null; turn?: number },
  ) {
    this.#context = context;
    this.#plan = plan;
    const { backlog, source, destination } = context;
    this.#boundBy = boundBy(source.capabilities, destination.capabilities);
    this.#turn = turn;
    const together = destination.small?.make !== undefined;
    const limits = plan.lanes === 1
      ? { ...LIMITS, files: LOCAL_FILES, whole: LOCAL_WHOLE }
      : { ...LIMITS, ...together ? { whole: SHARE_WHOLE } : {} };
    context.budget.begin();
    this.#files = turn > 0 ? backlog.retries.jobs(turn) : backlog.jobs({
      limits,
      spread: plan.threads * plan.lanes,
      scan,
      order: context.options.order,
    });
    this.#signal = AbortSignal.any([context.signal, this.#stop.signal]);
    this.done = this.#ended.promise.finally(() => {
      // what was under way is no longer: only what has settled counts as copied
      for (const { key } of this.#seats) context.statistics.progress(key, [], 0);
    });
    // whoever awaits it may still be busy with the scan
    this.done.catch(() => {});
  }

  /** The scan has begun, and has its threads. */
  begin(): void {
    if (this.#boundBy === "share") this.#start();
  }

  /** The scan has decided these directories. */
  news(directories: readonly number[]): void {
    const { clock, crew } = this.#context;
    if (this.#failed !== null || this.#signal.aborted) return;
    this.#files.news(directories);
    this.#firstNews ??= clock.now();
    const soon = this.#seats.length === 0 && clock.now() - this.#firstNews >= SOON;
    if ((crew.hasIdle || soon) && this.#seats.length < this.#plan.threads) {
      if (this.#hasJob()) this.#start();
    }
    this.#feedStarving();
  }

  /** Nothing more will come: ends when what is there is carried. */
  complete(): void {
    this.#complete = true;
    this.#files.complete();
    const { signal, budget } = this.#context;
    if (this.#failed !== null || signal.aborted || budget.isFull) return this.#end();
    if (this.#seats.length === 0 && !this.#hasJob()) return this.#end();
    while (this.#seats.length < this.#plan.threads) this.#start();
    this.#feedStarving();
  }

  /** Stops the carriers; `done` rejects with `reason` once they have stopped. */
  abort(reason: unknown): void {
    this.#failed ??= { error: reason };
    this.#stop.abort(reason);
    this.#end();
  }

  #start(): void {
    const { context, plan } = { context: this.#context, plan: this.#plan };
    const { options } = context;
    const key = `carrier ${this.#seats.length}`;
    const { hand, done } = context.crew.start(
      {
        type: "carry",
        source: context.source.root,
        destination: context.destination.root,
        identities: context.identities,
        lanes: plan.lanes,
        seat: { index: this.#seats.length, of: plan.threads },
        ...blockRoom(context.destination.capabilities, options, plan),
        algorithm: options.checksum,
        preserve: options.preserve,
        links: context.times.links,
        // what failed all of these has tries of its own
        retries: this.#turn > 0 ? 0 : options.retries,
        control: context.control.memory,
      },
      (message) => this.#receive(seat, message),
      { signal: this.#signal, grace: context.grace },
    );
    const seat: Seat = { key, hand, given: 0 };
    this.#seats.push(seat);
    this.#running += 1;
    done.catch((error) => {
      this.#failed ??= { error };
      this.#stop.abort(error);
    }).finally(() => {
      this.#running -= 1;
      this.#end();
    });
  }

  /** Ends the transfer if nothing is under way and nothing can come. */
  #end(): void {
    if (this.#running > 0) return;
    const { signal, budget, control } = this.#context;
    budget.giveBack(this.#unsettled);
    this.#unsettled = 0;
    if (budget.isFull && this.#failed === null) control.stop("--max-transfer is used up");
    if (this.#failed !== null) this.#ended.reject(this.#failed.error);
    else if (signal.aborted) this.#ended.reject(signal.reason);
    else if (this.#complete) this.#ended.resolve();
  }

  #hasJob(): boolean {
    return this.#context.backlog.transaction(() => this.#supply.hasAny());
  }

  #feedStarving(): void {
    const starving = [...this.#starving];
    this.#starving.clear();
    for (const [seat, waiting] of starving) this.#feed(seat, waiting);
  }

  #receive(seat: Seat, message: FromCrew): void {
    const { key } = seat;
    const { statistics, backlog, options, outcome, carried, settle } = this.#context;
    if (message.type === "progress") {
      statistics.progress(key, message.active, message.bytes);
    } else if (message.type === "settled") {
      const { jobs } = message;
      const work = unpackOutcomes(message.outcomes);
      const { parcels, timed, outcomes } = work;
      const wholes = new Map<number, number>();
      for (const { directory } of timed) {
        wholes.set(directory, this.#wholes.get(directory)!);
      }
      settle(() => {
        for (const told of outcomes) {
          if (isTriedAgain(this.#context, told, this.#turn)) continue;
          const one = withTries(told, this.#turn);
          if (one.kind !== "directory" || this.#isNews(one, wholes)) {
            outcome(one, one.kind === "file" ? key : null);
          }
        }
        carried(work, key);
        const landed = this.#landed(jobs);
        const settled = { outcomes, parcels, landed, wholes, timed };
        backlog.transfer.settle(settled, options.checksum);
      });
      giveBack(message.outcomes.records);
      giveBack(message.outcomes.parcels.numbers);
      for (const { bytes } of parcels) this.#unsettled -= bytes;
      for (const { expected } of outcomes) this.#unsettled -= expected;
      statistics.pending(backlog.transfer.remaining());
    } else if (message.type === "hungry" && message.given === seat.given) {
      // one that is older has its answer on the way; whoever is still without a job asks anew
      this.#feed(seat, message);
    }
  }

  /**
   * Two lanes, or a run that was killed, may have made the same directory: one record. One that was to
   * be made with its files has one job, and goes into `wholes`: it is recorded with these.
   */
  #isNews({ directory, status }: Outcome, wholes: Map<number, number>): boolean {
    if (status === "success") {
      const above = this.#wholes.get(directory);
      if (above === undefined) return this.#context.backlog.transfer.made(directory);
      wholes.set(directory, above);
      return true;
    }
    const known = this.#unmade.size;
    if (status === "failure") this.#unmade.add(directory);
    return this.#unmade.size > known;
  }

  /** The directories of which no job is under way or to come any more. */
  #landed(jobs: readonly number[]): number[] {
    const landed: number[] = [];
    for (const directory of jobs) {
      const left = this.#openJobs.get(directory)! - 1;
      if (left > 0) this.#openJobs.set(directory, left);
      else {
        this.#openJobs.delete(directory);
        if (!this.#wholesIn.has(directory)) landed.push(directory);
        const above = this.#wholes.get(directory);
        if (above === undefined) continue;
        this.#wholes.delete(directory);
        const others = this.#wholesIn.get(above)! - 1;
        if (others > 0) this.#wholesIn.set(above, others);
        else {
          this.#wholesIn.delete(above);
          if (!this.#openJobs.has(above)) landed.push(above);
        }
      }
    }
    return landed;
  }

  /** Gives a carrier enough to go on with; `waiting` is what it has left. */
  #feed(seat: Seat, waiting: Hungry): void {
    if (this.#exhausted || this.#context.signal.aborted) return;
    this.#starving.delete(seat);
    const jobs: Job[] = [];
    const stock = STOCK[this.#boundBy];
    let { files } = waiting, bytes = 0, large = false;
    this.#context.backlog.transaction(() => {
      while (
        jobs.length < waiting.idle ||
        (!large && files < stock.most && jobs.length < (bytes < MUCH ? MOST_JOBS : MOST_OF_MUCH))
      ) {
        const job = this.#supply.take(jobs.length < waiting.idle);
        if (job === undefined) {
          const isOver = this.#complete || this.#context.budget.isFull;
          this.#exhausted = isOver && this.#supply.held === 0;
          return;
        }
        large ||= isLarge(job);
        bytes += bytesOf(job);
        jobs.push(job);
        files += weightOf(job, stock);
      }
    });
    if (jobs.length > 0) {
      const packed = packJobs(jobs);
      seat.given += 1;
      seat.hand.post({ type: "jobs", jobs: packed }, [packed.numbers.buffer]);
    } else if (!this.#exhausted) this.#starving.set(seat, waiting);
    if (this.#exhausted) { for (const { hand } of this.#seats) hand.post({ type: "close" }); }
  }

  /** The next job, which is under way from now on, though it may have to wait. */
  #counted(): Job | undefined {
    const job = this.#affordable();
    if (job !== undefined) this.#count(job);
    return job;
  }

  #count(job: Job): void {
    // while more jobs of a directory are to come, one is counted for them
    const known = this.#openJobs.get(job.directory);
    if (this.#files.scattered) this.#openJobs.set(job.directory, (known ?? 0) + 1);
    else this.#openJobs.set(job.directory, (known ?? 1) + (job.last ? 0 : 1));
    if (job.whole === null) return;
    this.#wholes.set(job.directory, job.whole);
    this.#wholesIn.set(job.whole, (this.#wholesIn.get(job.whole) ?? 0) + 1);
  }

  /** The next job, with what of it may be transferred; undefined when the budget is used up. */
  #affordable(): Job | undefined {
    const { budget, backlog } = this.#context;
    if (!budget.isBound) return this.#next();
    while (!budget.isFull) {
      const job = this.#next();
      if (job === undefined) return undefined;
      const files = budget.take(job.files);
      this.#unsettled += bytesOf({ files });
      if (files.length === job.files.length) return job;
      const rest = { ...job, files, last: job.last || budget.isFull };
      if (files.length > 0) return rest;
      // nothing of it is given out, so nothing of it will be heard
      this.#count(rest);
      backlog.transfer.landed(this.#landed([rest.directory]));
    }
    return undefined;
  }

  /** A job with files; when there are none left, one that makes a directory without any. */
  #next(): Job | undefined {
    const job = this.#files.next();
    // which directories have nothing to carry is known at the end
    if (job !== undefined || !this.#complete || this.#turn > 0) return job;
    const { transfer, directories } = this.#context.backlog;
    for (;;) {
      if (this.#missing.length === 0) {
        this.#missing = directories.missing(this.#afterMissing, MISSING_PAGE);
      }
      const directory = this.#missing.shift();
      if (directory === undefined) return undefined;
      this.#afterMissing = directory;
      const { id, path } = directory;
      // the jobs that are under way in it make it
      if (this.#openJobs.has(id)) continue;
      const missing = transfer.missingAbove(id, path);
      if (missing.length === 0) continue;
      transfer.markInFlight(id);
      return { directory: id, path, missing, files: [], listed: null, last: true, whole: null };
    }
  }
}
