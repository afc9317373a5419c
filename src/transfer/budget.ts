/**
 * The budget of a run: how many bytes it may still transfer.
 *
 * Files are held against it before they are given out, so that it is not exceeded and no file is
 * begun in vain. It ends the transfer at the first file that does not fit any more. One that is
 * larger than the whole budget would end every run there, so such files are passed over.
 */
import type { JobFile } from "../job.ts";

/** What a run may transfer. */
export class TransferBudget {
  readonly #limit: number;
  #used = 0;
  #full = false;
  #tooLarge = 0;
  #tooLargeInPass = 0;

  /** @param limit bytes; null for no bound */
  constructor(limit: number | null) {
    this.#limit = limit ?? Infinity;
  }

  /** Whether there is a bound at all. */
  get isBound(): boolean {
    return this.#limit !== Infinity;
  }

  /** A file did not fit any more. */
  get isFull(): boolean {
    return this.#full;
  }

  /** Files that are larger than the whole budget. */
  get tooLarge(): number {
    return this.#tooLarge;
  }

  /** Those of some files that may be transferred, in their order; they are used up with it. */
  take(files: readonly JobFile[]): JobFile[] {
    const taken: JobFile[] = [];
    for (const file of files) {
      if (this.#full) break;
      if (file.size > this.#limit) this.#tooLargeInPass += 1;
      else if (this.#used + file.size > this.#limit) this.#full = true;
      else {
        this.#used += file.size;
        taken.push(file);
      }
    }
    this.#tooLarge = Math.max(this.#tooLarge, this.#tooLargeInPass);
    return taken;
  }

  /** Bytes that were taken and not transferred after all. */
  giveBack(bytes: number): void {
    this.#used -= bytes;
  }

  /** What is pending is gone through anew. */
  begin(): void {
    this.#tooLargeInPass = 0;
  }
}
