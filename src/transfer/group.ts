/**
 * The group: files that are finished and wait to be made durable together.
 *
 * Where the destination makes each file durable by itself, a group is only a batch of messages.
 * Where it does so in groups, one flush serves two steps: it makes the content of the files durable
 * that are then given their final names, and it makes the names durable that the last flush allowed.
 * A file is reported only after both, so a row that says "synced" outlives a loss of power.
 */
import type { Backend, FileWriter } from "../backend/backend.ts";
import { SyncError } from "../errors.ts";
import type { Job, Outcome } from "../job.ts";
import type { Clock } from "../lib/clock.ts";

/** A group is flushed when it has this many files, or its first file has waited this long (ms). */
const MOST_FILES = 512, LONGEST_WAIT = 500;

interface Staged {
  readonly job: Job;
  readonly writer: FileWriter;
  readonly outcome: Outcome;
}

/** What leaves the group: outcomes that may be recorded, and jobs all of whose outcomes have left. */
export interface Settled {
  readonly outcomes: Outcome[];
  readonly jobs: Job[];
}

/** Options of a {@link Group}. */
export interface GroupOptions {
  readonly destination: Backend;
  readonly clock: Clock;
  /** Called with what may be recorded. */
  readonly settled: (settled: Settled) => void;
}

/** Collects finished files and lets them go when they are durable. */
export class Group {
  readonly #options: GroupOptions;
  /** Outcomes still to come of each job, its end counted as one. */
  readonly #open = new Map<Job, number>();
  #staged: Staged[] = [];
  #committed: { job: Job; outcome: Outcome }[] = [];
  #leaving: Settled = { outcomes: [], jobs: [] };
  #since = Infinity;
  #flushing: Promise<void> | null = null;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** A job begins: `outcomes` are to come. */
  begin(job: Job, outcomes: number): void {
    this.#open.set(job, outcomes);
    if (outcomes === 0) this.#close(job);
  }

  /** A file is complete under its temporary name. Undefined: there is nothing to wait for. */
  stage(job: Job, writer: FileWriter, outcome: Outcome): Promise<void> | undefined {
    if (this.#options.destination.capabilities.durability === "file") {
      return commit(writer, outcome).then((result) => this.#leave(job, result));
    }
    this.#wait();
    this.#staged.push({ job, writer, outcome });
  }

  /** Something is at its final name, but not durable where durability comes in groups. */
  made(job: Job, outcome: Outcome): void {
    if (this.#options.destination.capabilities.durability === "file") this.#leave(job, outcome);
    else {
      this.#wait();
      this.#committed.push({ job, outcome });
    }
  }

  /** Something failed or was skipped: nothing to make durable. */
  failed(job: Job, outcome: Outcome): void {
    this.#leave(job, outcome);
  }

  /** Flushes if it is time to. Undefined, and cheap, when it is not. */
  pace(): Promise<void> | undefined {
    const waiting = this.#waiting;
    if (waiting === 0) return;
    const due = waiting >= MOST_FILES || this.#options.clock.now() - this.#since >= LONGEST_WAIT;
    if (due) return this.flush();
  }

  /** One step: what is staged gets its final name, what had it already leaves. */
  async flush(): Promise<void> {
    // one flush at a time; whoever comes meanwhile waits for it, which bounds what is staged
    if (this.#flushing !== null) return await this.#flushing;
    this.#flushing = this.#step();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = null;
    }
  }

  /** Lets everything go; after it the group is empty. */
  async drain(): Promise<void> {
    try {
      if (this.#flushing !== null) await this.#flushing;
      while (this.#waiting > 0 || this.#leaving.jobs.length > 0) await this.flush();
    } finally {
      // nothing is left here unless a flush failed
      for (const { writer } of this.#staged.splice(0)) await writer.abort();
    }
  }

  async #step(): Promise<void> {
    const staged = this.#staged, committed = this.#committed;
    this.#staged = [];
    this.#committed = [];
    this.#since = Infinity;
    let next = 0;
    try {
      if (staged.length + committed.length > 0) await this.#options.destination.flush();
      for (const { job, outcome } of committed) this.#leave(job, outcome);
      for (; next < staged.length; next++) {
        const { job, writer, outcome } = staged[next]!;
        const result = await commit(writer, outcome);
        if (result.status === "success") this.made(job, result);
        else this.#leave(job, result);
      }
    } catch (error) {
      // the run stops; on a full disk it must not leave its temporaries behind
      for (const { writer } of staged.slice(next)) await writer.abort();
      throw error;
    }
    const leaving = this.#leaving;
    this.#leaving = { outcomes: [], jobs: [] };
    if (leaving.outcomes.length + leaving.jobs.length > 0) this.#options.settled(leaving);
  }

  get #waiting(): number {
    return this.#staged.length + this.#committed.length + this.#leaving.outcomes.length;
  }

  #wait(): void {
    if (this.#since === Infinity) this.#since = this.#options.clock.now();
  }

  #leave(job: Job, outcome: Outcome): void {
    this.#wait();
    this.#leaving.outcomes.push(outcome);
    const left = this.#open.get(job)! - 1;
    if (left > 0) this.#open.set(job, left);
    else this.#close(job);
  }

  #close(job: Job): void {
    this.#open.delete(job);
    this.#wait();
    this.#leaving.jobs.push(job);
  }
}

async function commit(writer: FileWriter, outcome: Outcome): Promise<Outcome> {
  try {
    await writer.commit();
    return outcome;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    await writer.abort();
    if (error.scope === "run") throw error;
    return { ...outcome, status: "failure", hash: null, error: error.toData() };
  }
}
