/**
 * What a walker brought and is not in the database yet.
 *
 * To record a directory of the destination before that of the source takes twice the statements: its
 * listing must be kept until there is something to compare it with. So where both walkers are at the
 * same directories, the destination's messages wait for what the source's is about to tell; a few of
 * them only, since neither walker is made to wait for the other.
 */
import type { FailedListing, ListedChunk } from "../backlog/backlog.ts";
import { isFailure } from "./walker.ts";

/** Messages that wait, at most. */
const MOST = 2;

/** Messages of one walker, in the order in which they came. */
export class HeldListings {
  readonly #isAwaited: (directory: number) => boolean;
  readonly #messages: (readonly (ListedChunk | FailedListing)[])[] = [];

  /** @param isAwaited whether the other walker has been given a directory and has not answered */
  constructor(isAwaited: (directory: number) => boolean) {
    this.#isAwaited = isAwaited;
  }

  /** One more message has come. */
  push(message: readonly (ListedChunk | FailedListing)[]): void {
    this.#messages.push(message);
  }

  /** Takes out what needs not wait (any longer). */
  *take(): Generator<readonly (ListedChunk | FailedListing)[]> {
    for (let next = this.#messages[0]; next !== undefined; next = this.#messages[0]) {
      if (this.#messages.length <= MOST && next.some((one) => this.#shouldWait(one))) return;
      this.#messages.shift();
      yield next;
    }
  }

  /** What comes in several chunks is kept in any case, and may be as long as the other side's. */
  #shouldWait(one: ListedChunk | FailedListing): boolean {
    return !isFailure(one) && one.index === 0 && one.last && this.#isAwaited(one.id);
  }
}
