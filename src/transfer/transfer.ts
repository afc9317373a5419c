/** The transfer: what is pending goes to the carriers, what they settled goes into the database. */
import { bucketMemory, TokenBucket } from "../lib/token_bucket.ts";
import type { RunContext } from "../context.ts";
import type { FromCrew } from "../crew.ts";
import { type Hand, together } from "../hands.ts";
import type { Job, Outcome } from "../job.ts";
import { packJob } from "../packed.ts";

/** Files and bytes of one job. */
const LIMITS = { files: 64, bytes: 64 * 2 ** 20 };

/** What a carrier may have waiting: small files for a while. Large jobs go to idle lanes only. */
const MOST_FILES = 1536, LARGE_JOB = 16 * 2 ** 20, MOST_JOBS = 64;

/** Threads and lanes that carry. */
export interface TransferPlan {
  readonly threads: number;
  /** Lanes of each thread. */
  readonly lanes: number;
}

/** Carries everything that is pending, each file once, and makes missing directories. */
export async function runTransfer(context: RunContext, plan: TransferPlan): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const desk = new TransferDesk(context, plan, signal);
  try {
    await together(desk.threads, (reason) => stop.abort(reason));
  } finally {
    desk.end();
  }
  context.signal.throwIfAborted();
}

/** The owner's side of the carriers. */
class TransferDesk {
  readonly threads: { readonly done: Promise<void> }[] = [];
  readonly #context: RunContext;
  readonly #plan: TransferPlan;
  readonly #files: { next(): Job | undefined };
  readonly #hands: { readonly hand: Hand }[] = [];
  /** Jobs of a directory that are under way, one more while others are to come. */
  readonly #openJobs = new Map<number, number>();
  /** Directories that could not be made: each job below them tries, and one record tells. */
  readonly #unmade = new Set<number>();
  #afterMissing = { depth: -1, id: 0 };
  /** A job that was taken from the backlog and is not given out yet. */
  #held: Job | null = null;
  #exhausted = false;

  constructor(context: RunContext, plan: TransferPlan, signal: AbortSignal) {
    this.#context = context;
    this.#plan = plan;
    const { options, backlog } = context;
    this.#files = backlog.jobs({ limits: LIMITS, spread: plan.threads * plan.lanes });
    const memory = { read: bucketMemory(), write: bucketMemory() };
    for (const words of [memory.read, memory.write]) {
      new TokenBucket(words, context.clock).rate = options.bwlimit;
    }
    for (let thread = 0; thread < plan.threads; thread++) {
      const seat: { hand: Hand } = { hand: undefined! };
      const { hand, done } = context.crew.start(
        {
          type: "carry",
          source: context.source.root,
          destination: context.destination.root,
          identities: context.identities,
          lanes: plan.lanes,
          slots: Math.max(2, Math.floor(options.queueCapacity / plan.threads)),
          blockSize: options.blockSize,
          algorithm: options.checksum,
          buckets: memory,
        },
        (message) => this.#receive(seat, `carrier ${thread}`, message),
        { signal, grace: context.grace },
      );
      seat.hand = hand;
      this.#hands.push(seat);
      this.threads.push({ done });
    }
  }

  /** What was under way is no longer: only what has settled counts as copied. */
  end(): void {
    this.#hands.forEach((_, i) => this.#context.statistics.progress(`carrier ${i}`, [], 0));
  }

  #receive(seat: { hand: Hand }, key: string, message: FromCrew): void {
    const { statistics, backlog, options, outcome, carried, settle } = this.#context;
    if (message.type === "progress") {
      statistics.progress(key, message.active, message.bytes);
    } else if (message.type === "settled") {
      settle(() => {
        for (const one of message.outcomes) {
          if (one.kind !== "directory" || this.#isNews(one)) {
            outcome(one, one.kind === "file" ? key : null);
          }
        }
        for (const files of message.parcels) {
          carried(files, key);
          backlog.transfer.settleFiles(files, options.checksum);
        }
        backlog.transfer.settle(message.outcomes, options.checksum);
        backlog.transfer.landed(this.#landed(message.jobs));
      });
      statistics.pending(backlog.transfer.remaining());
    } else if (message.type === "hungry") {
      this.#feed(seat, message);
    }
  }

  /** Two lanes, or a run that was killed, may have made the same directory: one record. */
  #isNews({ directory, status }: Outcome): boolean {
    if (status === "success") return this.#context.backlog.transfer.made(directory);
    const known = this.#unmade.size;
    if (status === "failure") this.#unmade.add(directory);
    return this.#unmade.size > known;
  }

  /** The directories of which no job is under way or to come any more. */
  #landed(jobs: readonly { directory: number; last: boolean }[]): number[] {
    const landed: number[] = [];
    for (const { directory } of jobs) {
      const left = this.#openJobs.get(directory)! - 1;
      if (left > 0) this.#openJobs.set(directory, left);
      else {
        this.#openJobs.delete(directory);
        landed.push(directory);
      }
    }
    return landed;
  }

  /** Gives a carrier enough to go on with; `waiting` is what it has left. */
  #feed({ hand }: { hand: Hand }, waiting: { files: number; idle: number }): void {
    if (this.#exhausted || this.#context.signal.aborted) return;
    const jobs: Job[] = [];
    let { files } = waiting;
    this.#context.backlog.transaction(() => {
      while (jobs.length < waiting.idle || (files < MOST_FILES && jobs.length < MOST_JOBS)) {
        const job = this.#held ?? this.#next();
        this.#held = null;
        if (job === undefined) {
          this.#exhausted = true;
          return;
        }
        // a large job that waits behind others is one that an idle lane elsewhere could take
        if (jobs.length >= waiting.idle && bytesOf(job) >= LARGE_JOB) {
          this.#held = job;
          return;
        }
        this.#count(job);
        jobs.push(job);
        files += job.files.length;
      }
    });
    if (jobs.length > 0) hand.post({ type: "jobs", jobs: jobs.map(packJob) });
    if (this.#exhausted) { for (const { hand } of this.#hands) hand.post({ type: "close" }); }
  }

  #count(job: Job): void {
    // while more jobs of a directory are to come, one is counted for them
    const known = this.#openJobs.get(job.directory) ?? 1;
    this.#openJobs.set(job.directory, job.last ? known : known + 1);
  }

  /** A job with files; when there are none left, one that makes a directory without any. */
  #next(): Job | undefined {
    const job = this.#files.next();
    if (job !== undefined) return job;
    const { transfer } = this.#context.backlog;
    for (;;) {
      const [directory] = transfer.missingDirectories(this.#afterMissing, 1);
      if (directory === undefined) return undefined;
      this.#afterMissing = directory;
      const { id, path } = directory;
      const missing = transfer.missingAbove(id);
      // the jobs that are under way in it make it
      if (missing.length === 0 || this.#openJobs.has(id)) continue;
      transfer.markInFlight(id);
      return { directory: id, path, missing, files: [], last: true };
    }
  }
}

function bytesOf({ files }: Job): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
