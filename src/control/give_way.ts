/**
 * The rule by which a run gives way on one side: as many calls at a time as leave the side near its
 * own quiet level.
 *
 * It is congestion control by delay, as Vegas and LEDBAT do it for the packets of a connection. Where
 * calls take well longer than in quiet, a third fewer are under way at a time, again and again; where
 * they do not, slowly more. What waits in a server's queue may be this run's own: it is treated alike,
 * and costs no speed. A place that is busy all the time with n calls answers n + 1 no sooner, only
 * each of them later; and calls take twice as long as in quiet only when there are about twice as many
 * as keep it busy. So a run that is alone comes to rest where the place is still busy all the time,
 * and one that is not goes down to the floor.
 *
 * The quiet level is only learnt in moments in which the run itself has little under way, since its
 * own queue would raise it bit by bit. Where there is no such moment for a while, one is made. Pure:
 * the clock and what was measured are handed in.
 */
import type { Taken } from "../lib/latencies.ts";
import { QuietLevel } from "./quiet_level.ts";

/** What was measured since the last look. */
export interface Measured {
  /** How long calls took, by kind. */
  readonly kinds: readonly Taken[];
  /** Calls that were held back. */
  readonly held: number;
  /** Calls that were under way, on average. */
  readonly underway: number;
  /** For how long this was measured, in ms. */
  readonly elapsed: number;
}

/** What a side gives way to. */
export interface Giving {
  /** What takes longer: operations on names, or data. */
  readonly what: "names" | "data";
  /** How long a call takes, and how long it would in quiet, in ms. */
  readonly latency: number;
  readonly quiet: number;
}

/**
 * From how many times the quiet level on, and how many ms more, calls take well longer; and up to
 * which they do not. In between nothing changes. Blocks are many calls of the network each, so they
 * vary less; and what is in flight of them, others wait behind.
 */
const HIGH = { names: 2, data: 1.5, ms: 3 };
const LOW = { names: 1.5, data: 1.25, ms: 1.5 };
/** What remains of the calls at a time when they take well longer, and how many more there are in a
 * second when they do not. */
const LESS = 0.7, MORE = 0.25;
/** Never fewer than this: a call, and a rest of seven times as long. */
export const FLOOR = 1 / 8;
/** With so many or fewer calls under way, what they take is not this run's own doing. */
const ALONE = 1.2;
/** A quiet level is learnt anew after so many ms, in a moment that is made for it if there is none. */
const STALE = 600_000;
/** Ms between two such moments; how long one is, at least and at most. */
const BETWEEN_LOOKS = 60_000, LOOK = 1000, LONGEST_LOOK = 5000;
/** What a moment begins with: calls that were begun before it are waited for, at most so many ms. */
const LONGEST_DRAIN = 3000;
/** Calls that say something of a kind, and after a change, for how long nothing is looked at. */
const FEW = 3, SETTLE = 500, LONGEST_SETTLE = 5000;
/** Narrowing the way once is what a run does now and then that is alone; it is told from here on. */
const TOLD = 2;
/** Without any call held back for so long, in ms, there is nothing to hold back. */
const IDLE = 2000;

interface Moment {
  readonly since: number;
  readonly before: number | null;
  alone: number | null;
}

/** Decides for one side. */
export class GiveWay {
  readonly #isData: (kind: number) => boolean;
  readonly #levels = new Map<number, QuietLevel>();
  /** Calls at a time; null for as many as want to. */
  #width: number | null = 1;
  #giving: Giving | null = null;
  /** How often it has narrowed the way since calls were as quick as in quiet. */
  #inRow = 0;
  /** It has not yet been found out how many are too many: they double. */
  #unknown = true;
  /** A quiet moment that was made: since when, the width before it, and when the others were out. */
  #moment: Moment | null = null;
  #lastMoment = -Infinity;
  /** Until when what was begun before a change is not over. */
  #settled = -Infinity;
  #notHeld = 0;

  /** @param isData whether a kind is of data; the others are of names */
  constructor(isData: (kind: number) => boolean) {
    this.#isData = isData;
  }

  /** Calls at a time, from {@link FLOOR} on; null for as many as want to. */
  get width(): number | null {
    return this.#width;
  }

  /** What it gives way to; null while it does not. */
  get giving(): Giving | null {
    return this.#giving;
  }

  /** Whether it is this rule that decides how much is under way. */
  get decides(): boolean {
    return this.#width !== null;
  }

  /** Whether what has come together is not to be looked at yet: `calls` in so many `ms`. */
  static tooFew(calls: number, ms: number): boolean {
    return calls < (ms < 1500 ? 8 : ms < 15_000 ? FEW : 1);
  }

  /**
   * Decides by what was measured since the last time that this was true. `now` in ms. False: it goes
   * on being measured.
   */
  look(now: number, measured: Measured): boolean {
    if (now < this.#settled) return true;
    if (this.#moment !== null) return this.#inMoment(now, measured, this.#moment);
    const calls = measured.kinds.reduce((sum, { count }) => sum + count, 0);
    if (calls === 0) return false;
    if (GiveWay.tooFew(calls, measured.elapsed)) return false;
    const isAlone = measured.underway <= ALONE;
    for (const { kind, count, median } of measured.kinds) {
      const level = this.#levels.get(kind)?.ms ?? null;
      // what is quicker than the level is no queue's doing, whoever is there
      if (count >= FEW && (isAlone || (level !== null && median < level))) {
        this.#learn(now, kind, median);
      }
    }
    if (this.#wantsMoment(now, measured)) {
      this.#begin(now);
      return true;
    }
    this.#decide(now, measured);
    return true;
  }

  #decide(now: number, measured: Measured): void {
    const worst = this.#worst(measured.kinds);
    if (worst !== null && isAbove(worst, HIGH)) {
      const from = Math.min(this.#width ?? Infinity, measured.underway);
      this.#width = Math.max(FLOOR, from * LESS);
      this.#unknown = false;
      this.#inRow += 1;
      if (this.#inRow >= TOLD) this.#giving = worst;
      this.#notHeld = 0;
      this.#settled = now + Math.min(LONGEST_SETTLE, Math.max(SETTLE, 1.5 * worst.latency));
      return;
    }
    const isQuiet = worst === null || !isAbove(worst, LOW);
    if (isQuiet) this.#inRow = 0;
    if (this.#giving !== null) this.#giving = isQuiet ? null : worst;
    if (this.#width === null) return;
    this.#notHeld = measured.held > 0 ? 0 : this.#notHeld + measured.elapsed;
    if (this.#notHeld >= IDLE) {
      this.#width = null;
      this.#giving = null;
    } else if (measured.held > 0 && isQuiet) {
      const seconds = measured.elapsed / 1000;
      this.#width = this.#unknown
        ? this.#width * 2 ** Math.min(1, 2 * seconds)
        : this.#width + MORE * seconds;
    }
  }

  #learn(now: number, kind: number, median: number): void {
    let level = this.#levels.get(kind);
    if (level === undefined) this.#levels.set(kind, level = new QuietLevel());
    level.add(now, median);
  }

  /** Of names and of data, what is above its quiet level by more. */
  #worst(kinds: readonly Taken[]): Giving | null {
    let worst: Giving | null = null;
    for (const what of ["names", "data"] as const) {
      let calls = 0, took = 0, inQuiet = 0;
      for (const { kind, count, median } of kinds) {
        const level = this.#levels.get(kind)?.ms ?? null;
        if (level === null || this.#isData(kind) !== (what === "data")) continue;
        calls += count;
        took += count * median;
        inQuiet += count * level;
      }
      if (calls === 0) continue;
      const giving = { what, latency: took / calls, quiet: inQuiet / calls };
      if (worst === null || excess(giving) > excess(worst)) worst = giving;
    }
    return worst;
  }

  /** Whether there are calls of which it is not known, or not any more, how long they take in quiet. */
  #wantsMoment(now: number, { kinds }: Measured): boolean {
    if (now - this.#lastMoment < BETWEEN_LOOKS) return false;
    return kinds.some(({ kind, count }) =>
      count >= FEW && now - (this.#levels.get(kind)?.seen ?? -Infinity) >= STALE
    );
  }

  #begin(now: number): void {
    this.#moment = { since: now, before: this.#width, alone: null };
    this.#lastMoment = now;
    this.#width = Math.min(1, this.#width ?? 1);
  }

  #inMoment(now: number, measured: Measured, moment: Moment): boolean {
    if (moment.alone === null) {
      if (measured.underway <= ALONE || now - moment.since >= LONGEST_DRAIN) moment.alone = now;
      return true;
    }
    const calls = measured.kinds.reduce((sum, { count }) => sum + count, 0);
    const elapsed = now - moment.alone;
    if (elapsed < LOOK || (calls < FEW && elapsed < LONGEST_LOOK)) return false;
    for (const { kind, median } of measured.kinds) this.#learn(now, kind, median);
    this.#moment = null;
    this.#width = moment.before;
    return true;
  }
}

function isAbove({ what, latency, quiet }: Giving, bound: typeof HIGH): boolean {
  return latency > quiet * bound[what] && latency > quiet + bound.ms;
}

/** How far above: as far as both count. */
function excess({ what, latency, quiet }: Giving): number {
  return Math.min(latency / quiet / HIGH[what], (latency - quiet) / HIGH.ms);
}
