/**
 * The width of a lane: how many parcels of its job it writes at the same time. Where lanes have nothing
 * to write, since fewer directories are left than there are lanes, the others use what they leave.
 */

/** Parcels of a directory, at most: to give a name in it holds it for half of what a file takes. */
const WIDEST = 4;

/** The lanes of a carrier that have something to write. */
export class Widths {
  readonly #allowed: () => number;
  readonly #busy = new Set<number>();

  /** @param allowed lanes that may carry; asked each time */
  constructor(allowed: () => number) {
    this.#allowed = allowed;
  }

  /** Whether a lane has a job to write. */
  mark(lane: number, busy: boolean): void {
    if (busy) this.#busy.add(lane);
    else this.#busy.delete(lane);
  }

  /** Parcels that each lane may write now, at least 1; all together not more than there are lanes. */
  get each(): number {
    const share = Math.floor(this.#allowed() / Math.max(1, this.#busy.size));
    return Math.min(WIDEST, Math.max(1, share));
  }
}
