/**
 * The supply: jobs on their way from the backlog to the carriers, and large ones that wait for a lane.
 *
 * What is given to a carrier behind a large job would wait until that is carried, while a lane
 * elsewhere could take it. So a large job goes to a lane that is idle, nothing goes behind it, and
 * those that no lane is idle for are passed by small ones.
 */
import type { Job } from "../job.ts";

/** Bytes from which on a job is large; a file that is has a job for itself. */
export const LARGE_JOB = 16 * 2 ** 20;

/** Large jobs that are kept back while small ones are looked for. */
const MOST_HELD = 16;

/**
 * Small files that may wait at a carrier, how few make it ask for more, and how many bytes are as much
 * as one of them. On a local disk a lane carries thousands of files a second, and must not wait for an
 * owner who is busy for some milliseconds; but files of a megabyte would be there for one carrier for
 * seconds, while others have nothing. With a share a file takes some round trips, and what waits at one
 * carrier is not there for the idle lanes of another.
 */
export const STOCK = {
  local: { few: 512, most: 1536, worth: 16 * 1024 },
  share: { few: 128, most: 128, worth: Infinity },
};

/** What a job is in a stock, in small files. */
export function weightOf(job: Pick<Job, "files">, { worth }: { readonly worth: number }): number {
  return job.files.length + Math.floor(bytesOf(job) / worth);
}

/** Bytes of a job's files. */
export function bytesOf({ files }: Pick<Job, "files">): number {
  let bytes = 0;
  // by index: an iterator makes an object for each
  for (let i = 0; i < files.length; i++) bytes += files[i]!.size;
  return bytes;
}

/** Whether small jobs should not wait behind it. */
export function isLarge(job: Pick<Job, "files">): boolean {
  return bytesOf(job) >= LARGE_JOB;
}

/** Takes jobs from where they come from, and hands them out. */
export class Supply {
  readonly #next: () => Job | undefined;
  /** Taken and not handed out yet. */
  readonly #held: Job[] = [];

  /** @param next the next job; undefined when there is none (yet). Inside a transaction */
  constructor(next: () => Job | undefined) {
    this.#next = next;
  }

  /** Jobs that are kept back. */
  get held(): number {
    return this.#held.length;
  }

  /** Whether there is a job. Inside a transaction. */
  hasAny(): boolean {
    if (this.#held.length > 0) return true;
    const job = this.#next();
    if (job !== undefined) this.#held.push(job);
    return job !== undefined;
  }

  /**
   * The next job for a lane that is idle, or else a small one; undefined when there is none. Inside a
   * transaction.
   */
  take(idle: boolean): Job | undefined {
    const fits = (job: Job) => idle || !isLarge(job);
    const held = this.#held.findIndex(fits);
    if (held >= 0) return this.#held.splice(held, 1)[0];
    while (this.#held.length < MOST_HELD) {
      const job = this.#next();
      if (job === undefined || fits(job)) return job;
      this.#held.push(job);
    }
    return undefined;
  }
}
