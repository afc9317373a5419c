/**
 * Reading ahead: the next blocks of a file are on their way while the one before is hashed and
 * written. The kernel's own read-ahead knows nothing of a limit, and stops at the end of a file.
 */
import type { FileReader } from "../backend/backend.ts";
import type { Gate } from "../lib/gate.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";
import type { Buffers, Loan } from "./buffers.ts";

/** What a {@link ReadAhead} works with. */
export interface ReadAheadOptions {
  readonly buffers: Buffers;
  /** Bytes of a block, at most. */
  readonly blockSize: number;
  readonly bucket: TokenBucket;
  readonly gate: Gate;
  readonly signal: AbortSignal;
}

/** A block that is being read. */
interface Begun {
  readonly loan: Loan;
  /** How many bytes there were. */
  readonly reading: Promise<number>;
}

/** Reads the blocks of one file; disposing of it waits for those that nobody asked for. */
export class ReadAhead implements AsyncDisposable {
  readonly #reader: FileReader;
  readonly #depth: () => number;
  readonly #options: ReadAheadOptions;
  readonly #blocks: Promise<Begun>[] = [];
  #begun: Promise<unknown> = Promise.resolve();
  /** Where the next block to begin with begins. */
  #at = 0;
  /** More blocks than that are not begun yet. */
  #window = 1;

  /**
   * @param depth blocks that are under way at the same time, at least 1; asked again before each. It
   * is come to by steps: the first block shall come soon, and not share the line with all others
   */
  constructor(reader: FileReader, depth: () => number, options: ReadAheadOptions) {
    this.#reader = reader;
    this.#depth = depth;
    this.#options = options;
  }

  /**
   * The block at `offset`, which is where the one before ended, or further on with a depth of 1. The
   * caller releases the loan.
   */
  async next(offset: number): Promise<{ loan: Loan; read: number }> {
    if (this.#blocks.length === 0) this.#at = offset;
    const { size } = this.#reader.entry;
    const most = Math.min(this.#depth(), this.#window);
    if (this.#blocks.length === 0) this.#begin(size);
    while (this.#blocks.length < most && this.#at < size) this.#begin(size);
    this.#window *= 2;
    const { loan, reading } = await this.#blocks.shift()!;
    try {
      return { loan, read: await reading };
    } catch (error) {
      loan.release();
      throw error;
    }
  }

  #begin(size: number): void {
    const { bucket, blockSize } = this.#options;
    const offset = this.#at;
    const length = Math.min(bucket.slice(blockSize), size - offset);
    this.#at += length;
    // one after the other: a later block must not get the last buffer before an earlier one
    const begun = this.#begun.then(() => this.#read(offset, length));
    this.#begun = begun;
    // should it fail before its turn comes, that is seen in its turn
    begun.catch(() => {});
    this.#blocks.push(begun);
  }

  async #read(offset: number, length: number): Promise<Begun> {
    const { buffers, bucket, gate } = this.#options;
    await bucket.take(length, this.#options);
    await gate.pass(this.#options);
    const loan = await buffers.borrow(length, this.#options);
    const reading = length === 0
      ? Promise.resolve(0)
      : this.#reader.read(loan.data, offset, this.#options);
    reading.catch(() => {});
    return { loan, reading };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const block of this.#blocks.splice(0)) {
      try {
        const { loan, reading } = await block;
        // the memory is being written to until then
        await reading.catch(() => {});
        loan.release();
      } catch {
        // it was never begun, since the run is stopped or one before it failed
      }
    }
  }
}
