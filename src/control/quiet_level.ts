/**
 * The quiet level of a kind of calls: how long they take when nobody else is in the way. A low
 * percentile of the last hour, so that it neither follows every hour of work of the others nor keeps
 * what will never be so again. Pure.
 */

/** Of each minute the mean is kept, for so many minutes. */
const MINUTE = 60_000, KEPT = 60;
/** What is shorter, in ms, is so for everybody. */
const SHORTEST = 0.01;
/** So many of the minutes were quieter still: a lucky moment is not the level. */
const QUIETER = 12;

/** Learns from moments in which this run itself was quiet. */
export class QuietLevel {
  /** The last minutes, the latest last. */
  #minutes: number[] = [];
  #latest = -Infinity;
  /** Moments of the latest. */
  #moments = 0;
  #seen = -Infinity;

  /** How long a call takes in quiet, in ms; null before anything was learnt. */
  get ms(): number | null {
    const { length } = this.#minutes;
    if (length === 0) return null;
    const sorted = this.#minutes.toSorted((a, b) => a - b);
    // what was before the first minute is taken for as quiet as it has ever been since
    return sorted[Math.max(0, QUIETER - (KEPT - length))]!;
  }

  /** When something was learnt last, in ms. */
  get seen(): number {
    return this.#seen;
  }

  /** In such a moment calls took `ms`. */
  add(now: number, ms: number): void {
    this.#seen = now;
    const minute = Math.floor(now / MINUTE), last = this.#minutes.length - 1;
    if (minute === this.#latest) {
      // of ratios, so that one slow moment counts no more than a quick one
      const part = 1 / ++this.#moments, before = this.#minutes[last]!;
      this.#minutes[last] = before ** (1 - part) * Math.max(SHORTEST, ms) ** part;
      return;
    }
    // nothing has told of another level in between
    const between = last < 0 ? 0 : Math.min(KEPT, minute - this.#latest - 1), level = this.ms!;
    for (let i = 0; i < between; i++) this.#minutes.push(level);
    this.#minutes.push(Math.max(SHORTEST, ms));
    this.#moments = 1;
    this.#minutes.splice(0, this.#minutes.length - KEPT);
    this.#latest = minute;
  }
}
