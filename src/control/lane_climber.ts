/**
 * The climb of the lanes: finds how many get most done, by trying.
 *
 * What gets done per second changes with the files as much as with the lanes. So a number of lanes is
 * never compared with what was measured some time ago, but with what the present number does just
 * before and just after it: present, tried, present, tried, present. Where the present number itself
 * did not do the same before and after, nothing can be learnt, and nothing changes. Pure: the clock
 * and the counts are handed in.
 */

/** What was done so far; only differences count. */
export interface Done {
  readonly files: number;
  readonly bytes: number;
}

/** What a {@link LaneClimber} works with. */
export interface ClimbOptions {
  /** Lanes to begin with. */
  readonly lanes: number;
  readonly least: number;
  readonly most: number;
}

/** One measurement: how much was done in a second. */
interface Measured {
  readonly files: number;
  readonly bytes: number;
  /** Both in one number, see {@link FILE}. */
  readonly work: number;
}

/** What a look comes to. */
export interface Climbed {
  /** The lanes that are used from now on. */
  readonly lanes: number;
  /** A sentence with the figures, where a trial has ended; null where one goes on or begins. */
  readonly why: string | null;
}

/** Bytes that a file is worth beside its own: a share handles about so many in the same time. */
const FILE = 128 * 1024;
/** A trial has half as many lanes again, or two thirds. */
const STEP = 1.5;
/** Ms after a change of lanes before anything is measured, and for how long it is then. */
const SETTLE = 2000, MEASURE = 5000;
/** Less work than this in a measurement says nothing: it goes on for longer, up to so many ms. */
const LEAST_WORK = 16 * FILE, LONGEST = 30_000;
/** What a trial must gain: in all, and in each half of it. */
const GAIN = 1.08, HALF_GAIN = 1.03;
/** What varies by itself is outdone with a gain of it to this power. */
const VARIES = 1.25;
/** The present number of lanes may do so much more or less after a trial than before it. */
const SAME = 1.25;
/** Ms from the end of a trial to the next: at first, and at most. It doubles while nothing is better. */
const SOON = 30_000, SELDOM = 600_000;
/** Once the present number does so much more or less than at the last trial, the next one is soon. */
const OTHERWISE = 1.5;

/** Tries numbers of lanes now and then. */
export class LaneClimber {
  readonly #least: number;
  readonly #most: number;
  #lanes: number;
  #direction: 1 | -1 = 1;
  /** Directions that were no better, one after the other. */
  #refused = 0;
  #pause = SOON;
  /** When the next trial begins; null before the first look, and while one goes on. */
  #next: number | null = null;
  /** The other number, while it is compared with the present one. */
  #other: number | null = null;
  /** Of the trial: present, other, present, other, present. */
  #measured: Measured[] = [];
  #since: { readonly at: number; readonly done: Done } | null = null;
  /** Until when what a change of lanes brought about is not over. */
  #settled = -Infinity;
  /** What the present number did at the last trial, and what it does while none goes on. */
  #usual: number | null = null;

  constructor({ lanes, least, most }: ClimbOptions) {
    this.#least = Math.min(least, lanes);
    this.#most = Math.max(most, lanes);
    this.#lanes = lanes;
  }

  /** The lanes that are used now. */
  get lanes(): number {
    const tried = this.#measured.length % 2 === 1 && this.#other !== null;
    return tried ? this.#other! : this.#lanes;
  }

  /**
   * To be called about once a second with what was done so far. Null: nothing changes. `now` in ms.
   */
  look(now: number, done: Done): Climbed | null {
    this.#next ??= now + SOON;
    if (now < this.#settled) return null;
    if (this.#since === null) {
      this.#since = { at: now, done };
      return null;
    }
    const elapsed = now - this.#since.at;
    if (elapsed < MEASURE) return null;
    const measured = measure(this.#since.done, done, elapsed);
    if (measured.work * elapsed / 1000 < LEAST_WORK) {
      if (elapsed < LONGEST) return null;
      // nothing moves that lanes could move faster
      return this.#abandon(now);
    }
    this.#since = { at: now, done };
    return this.#other === null ? this.#wait(now, measured) : this.#go(now, measured);
  }

  /** What was measured is not comparable: something else than the lanes decides, or nothing moves. */
  abandon(now: number): Climbed | null {
    this.#next ??= now + SOON;
    return this.#abandon(now);
  }

  /** Between two trials. */
  #wait(now: number, measured: Measured): Climbed | null {
    const { work } = measured;
    const isOther = this.#usual !== null &&
      (work > this.#usual * OTHERWISE || work < this.#usual / OTHERWISE);
    if (isOther) {
      // the files or the server are others now: what was no better then may be now
      this.#usual = work;
      this.#pause = SOON;
      this.#next = Math.min(this.#next!, now + SOON);
    }
    if (now < this.#next!) return null;
    let other = this.#step();
    if (other === this.#lanes) {
      this.#direction = this.#direction === 1 ? -1 : 1;
      other = this.#step();
    }
    if (other === this.#lanes) {
      this.#next = now + SELDOM;
      return null;
    }
    this.#other = other;
    return this.#change(now, [measured]);
  }

  #go(now: number, measured: Measured): Climbed | null {
    const all = [...this.#measured, measured];
    const [before, tried, after] = all as [Measured, Measured?, Measured?];
    if (all.length === 2 || all.length === 4) return this.#change(now, all);
    if (!isSame(all.at(-1)!, all.at(-3)!)) return this.#end(now, all, "not comparable");
    const first = gainOf(before, tried!, after!);
    if (all.length === 3) {
      return first < HALF_GAIN ? this.#end(now, all, "no better") : this.#change(now, all);
    }
    const second = gainOf(all[2]!, all[3]!, all[4]!);
    // what varies by itself must be outdone
    const present = [all[0]!, all[2]!, all[4]!].map(({ work }) => work);
    const varies = Math.max(...present) / Math.min(...present);
    const better = Math.sqrt(first * second) >= Math.max(GAIN, varies ** VARIES) &&
      second >= HALF_GAIN;
    return this.#end(now, all, better ? "better" : "no better");
  }

  #change(now: number, measured: Measured[]): Climbed {
    this.#measured = measured;
    this.#since = null;
    this.#settled = now + SETTLE;
    return { lanes: this.lanes, why: null };
  }

  #end(now: number, all: Measured[], how: "better" | "no better" | "not comparable"): Climbed {
    const other = this.#other!, before = this.#lanes;
    this.#other = null;
    this.#measured = [];
    this.#usual = all.at(-1)!.work;
    if (how === "better") {
      this.#lanes = other;
      this.#refused = 0;
      this.#pause = SOON;
      // one more step the same way, at once
      this.#next = now;
      this.#usual = null;
      this.#since = null;
      this.#settled = now + SETTLE;
    } else {
      // with the lanes that are used already: what comes next is measured from here
      this.#refused += how === "no better" ? 1 : 0;
      if (how === "no better") this.#direction = this.#direction === 1 ? -1 : 1;
      if (this.#refused >= 2) {
        this.#refused = 0;
        this.#pause = Math.min(SELDOM, this.#pause * 2);
      }
      this.#next = now + this.#pause;
    }
    const figures = `${other} lanes did ${figuresOf(all.filter((_, i) => i % 2 === 1))}, ` +
      `${before} lanes ${figuresOf(all.filter((_, i) => i % 2 === 0))}`;
    const verdict = {
      "better": `${this.#lanes} lanes from now on`,
      "no better": `${before} lanes as before`,
      "not comparable": `${before} lanes as before, since these varied by themselves`,
    }[how];
    return { lanes: this.#lanes, why: `${verdict}: ${figures}` };
  }

  #abandon(now: number): Climbed | null {
    const before = this.lanes;
    this.#other = null;
    this.#measured = [];
    this.#since = null;
    this.#usual = null;
    this.#next = Math.max(this.#next!, now + this.#pause);
    if (this.#lanes === before) return null;
    this.#settled = now + SETTLE;
    return { lanes: this.#lanes, why: null };
  }

  #step(): number {
    const { least, most } = { least: this.#least, most: this.#most };
    if (this.#direction === 1) return Math.min(most, Math.ceil(this.#lanes * STEP));
    return Math.max(least, Math.floor(this.#lanes / STEP));
  }
}

function measure(from: Done, to: Done, ms: number): Measured {
  // a file that fails takes the bytes with it that it had moved
  const files = Math.max(0, to.files - from.files) * 1000 / ms;
  const bytes = Math.max(0, to.bytes - from.bytes) * 1000 / ms;
  return { files, bytes, work: bytes + files * FILE };
}

function isSame(a: Measured, b: Measured): boolean {
  return a.work <= b.work * SAME && b.work <= a.work * SAME;
}

/** By how much `tried` did more than the present number before and after it. */
function gainOf(before: Measured, tried: Measured, after: Measured): number {
  return tried.work / Math.sqrt(before.work * after.work);
}

function figuresOf(measured: readonly Measured[]): string {
  const mean = (of: "files" | "bytes") =>
    measured.reduce((sum, one) => sum + one[of], 0) / measured.length;
  return `${mean("files").toFixed(1)} files/s and ${(mean("bytes") / 2 ** 20).toFixed(1)} MiB/s`;
}
