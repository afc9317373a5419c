/**
 * The control of a run: the one who sets the limit, pauses, counts the lanes and ends the run early,
 * whether the timetable, the operator at the terminal or `sluice ctl` wants it.
 *
 * The last change by hand holds until the next change of the timetable. A pause by hand holds until
 * it is ended by hand.
 */
import {
  type Allowance,
  type Bandwidth,
  changeAt,
  fixedRates,
  formatRates,
  type Local,
  type Rates,
  systemLocal,
  type Timetable,
  UNLIMITED,
} from "../bandwidth.ts";
import { type WayMemory, wayMemory } from "../backend/way.ts";
import type { Side } from "../event.ts";
import type { Clock } from "../lib/clock.ts";
import { Gate, gateMemory } from "../lib/gate.ts";
import { regularly } from "../lib/regularly.ts";
import { countMemory, SharedCount } from "../lib/shared_count.ts";
import { bucketMemory, TokenBucket } from "../lib/token_bucket.ts";
import { EndEarly } from "./end_early.ts";
import { Ending, type EndingOptions } from "./ending.ts";

/** What the threads of a run share with its control. */
export interface ControlMemory {
  /** Budgets of bytes, see `lib/token_bucket.ts`. */
  readonly read: SharedArrayBuffer;
  readonly write: SharedArrayBuffer;
  /** Budgets of operations on names and attributes, of each side. */
  readonly operations: Readonly<Record<Side, SharedArrayBuffer>>;
  /** Closed while the run is paused, see `lib/gate.ts`. */
  readonly gate: SharedArrayBuffer;
  /** The lanes that were asked for, of all threads together, see `lib/shared_count.ts`. */
  readonly lanes: SharedArrayBuffer;
  /** The ways of the calls to each side, see `backend/way.ts`; null without `--adaptive`. */
  readonly ways: Readonly<Record<Side, WayMemory>> | null;
}

/** What a control has decided. */
export interface ControlState {
  readonly rates: Rates;
  /** Who has decided on the rates. */
  readonly by: string;
  /** Who has paused the run; null while it goes on. */
  readonly paused: string | null;
  /** Lanes that were asked for; null: as many as the run thinks best. */
  readonly lanes: number | null;
  /** The lanes of now, where they were asked for or are adapted; null: as many as at first. */
  readonly lanesNow: number | null;
}

/** What a control works with. */
export interface RunControlOptions extends EndingOptions {
  readonly bandwidth: Bandwidth;
  readonly clock: Clock;
  /** Operations per second on each side; null (default) for no limit. */
  readonly opsLimit?: number | null;
  /** There are ways that can be narrowed, see {@link ControlMemory.ways}. Default false. */
  readonly adaptive?: boolean;
  /** The time of day, in ms since the epoch. Default: the system's. */
  readonly today?: () => number;
  /** What the clock on the wall shows. Default: by the time zone of this system. */
  readonly local?: Local;
}

/** What a control tells, once it is under way. */
export interface ControlHandlers {
  /** A change, in one sentence, for the log and the display. What it throws stops the run. */
  readonly note: (message: string) => void;
  /** The state has changed. Also called once at the beginning. */
  readonly changed: (state: ControlState) => void;
}

/** How often the timetable and the endings are asked, in ms. */
const TICK = 1000;

/** The limits that are set step by step, in bytes per second. Above the last one there is none. */
const STEPS = [
  64 * 2 ** 10,
  ...[100, 150, 200, 300, 500, 700].map((step) => step * 2 ** 10),
  ...[1, 10, 100].flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((step) => step * power * 2 ** 20)),
  ...[1, 1.5, 2, 3, 5, 7, 10].map((step) => step * 2 ** 30),
];

const OPTION = "the command line", TIMETABLE = "the timetable";

/** Decides what a run may do. One for each run, in the thread that owns it. */
export class RunControl implements Disposable {
  /** For the threads. */
  readonly memory: ControlMemory;
  /** The gate, for the owner's own thread. */
  readonly gate: Gate;
  /** The budgets, for the owner's own thread. */
  readonly buckets: { readonly read: TokenBucket; readonly write: TokenBucket };
  readonly operations: Readonly<Record<Side, TokenBucket>>;
  readonly #ending = new AbortController();
  readonly #clock: Clock;
  readonly #today: () => number;
  readonly #local: Local;
  readonly #timetable: Timetable | null;
  readonly #ends: Ending;
  /** The index of the change of the timetable that holds. */
  #change = -1;
  #allowance: Allowance;
  #by = OPTION;
  /** Who has paused the run by hand. */
  #held: string | null = null;
  #lanes: number | null = null;
  /** Lanes that seem best, while nobody asks for a number. */
  #best: number | null = null;
  #handlers: ControlHandlers = { note() {}, changed() {} };
  #ticking: Disposable | null = null;

  constructor(options: RunControlOptions) {
    const { bandwidth, clock, opsLimit = null, today = Date.now, local = systemLocal } = options;
    const { adaptive = false } = options;
    this.memory = {
      read: bucketMemory(),
      write: bucketMemory(),
      operations: { source: bucketMemory(), destination: bucketMemory() },
      gate: gateMemory(),
      lanes: countMemory(),
      ways: adaptive ? { source: wayMemory(), destination: wayMemory() } : null,
    };
    const { source, destination } = this.memory.operations;
    this.operations = {
      source: new TokenBucket(source, clock),
      destination: new TokenBucket(destination, clock),
    };
    for (const bucket of Object.values(this.operations)) bucket.rate = opsLimit;
    this.#ends = new Ending(options, { now: clock.now(), today: today(), local });
    this.#clock = clock;
    this.#today = today;
    this.#local = local;
    this.gate = new Gate(this.memory.gate, clock);
    this.buckets = {
      read: new TokenBucket(this.memory.read, clock),
      write: new TokenBucket(this.memory.write, clock),
    };
    const fixed = fixedRates(bandwidth);
    this.#timetable = fixed === null ? bandwidth as Timetable : null;
    this.#allowance = fixed ?? UNLIMITED;
    if (this.#timetable !== null) this.#follow();
    this.#apply();
  }

  /**
   * Aborts when the run is to end before its end: with an {@link EndEarly}, or with the error that
   * kept a change from being noted.
   */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** The timetable as it was written; null where there is none. */
  get timetable(): string | null {
    return this.#timetable?.text ?? null;
  }

  /** What holds now. */
  get state(): ControlState {
    const byHand = this.#held;
    return {
      rates: this.#allowance === "pause" ? this.#ratesBehind() : this.#allowance,
      by: this.#by,
      paused: byHand ?? (this.#allowance === "pause" ? this.#by : null),
      lanes: this.#lanes,
      lanesNow: this.#lanes ?? this.#best,
    };
  }

  /** From now on changes are told, and the timetable is followed, until it is disposed of. */
  begin(handlers: ControlHandlers): void {
    this.#handlers = handlers;
    handlers.changed(this.state);
    if (this.#timetable === null && !this.#ends.isSet) return;
    this.#ticking = regularly(() => this.#tick(), { every: TICK, clock: this.#clock });
    this.#tick();
  }

  [Symbol.dispose](): void {
    this.#handlers = { note() {}, changed() {} };
    this.#ticking?.[Symbol.dispose]();
  }

  /** Sets the limit. It ends a pause by the timetable, but not one by hand. */
  limit(rates: Rates, by: string): string {
    this.#allowance = rates;
    this.#by = by;
    return this.#tell(`limit: ${formatRates(rates)}, set by ${by}`);
  }

  /**
   * Raises (1) or lowers (-1) the limit by a step. Where there is none, the first step down is from
   * what flows.
   *
   * @param rate what flows now, in bytes per second
   * @returns why nothing has changed; null when it has
   */
  step(direction: 1 | -1, rate: number, by: string): string | null {
    const { rates } = this.state;
    const next = (limit: number | null) => {
      const from = limit ?? (direction < 0 && rate > 0 ? Math.max(rate, STEPS[0]!) : null);
      return from === null ? null : stepFrom(from, direction);
    };
    const read = next(rates.read), write = next(rates.write);
    if (read !== rates.read || write !== rates.write) {
      this.limit({ read, write }, by);
      return null;
    }
    if (direction > 0) return "there is no limit to raise";
    return read === null && write === null
      ? "there is no limit, and nothing flows yet from which one could be taken"
      : "the limit is as low as keys can set it";
  }

  /** Stops reading and writing, once what is in hand is done. */
  pause(by: string): string {
    if (this.#held !== null) return `paused already, by ${this.#held}`;
    this.#held = by;
    return this.#tell(`paused by ${by}`);
  }

  /** Goes on, also when the timetable has paused the run. */
  resume(by: string): string {
    const { paused } = this.state;
    if (paused === null) return "it is not paused";
    this.#held = null;
    if (this.#allowance === "pause") {
      this.#allowance = this.#ratesBehind();
      this.#by = by;
    }
    return this.#tell(`resumed by ${by}`);
  }

  /** Sets the number of lanes; null for as many as the run thinks best. */
  lanes(lanes: number | null, by: string): string {
    this.#lanes = lanes;
    this.#applyLanes();
    return this.#tell(`lanes: ${lanes ?? "as many as seem best"}, set by ${by}`);
  }

  /** The number of lanes that seems best; it holds while nobody asks for another. */
  bestLanes(lanes: number): void {
    this.#best = lanes;
    this.#applyLanes();
  }

  #applyLanes(): void {
    new SharedCount(this.memory.lanes).value = this.#lanes ?? this.#best;
  }

  /** Ends the run: what is done settles, the rest stays pending. */
  stop(why: string): string {
    if (this.#ending.signal.aborted) return "it is ending already";
    const message = this.#tell(`ending: ${why}`);
    this.#ending.abort(new EndEarly(why));
    return message;
  }

  #tell(message: string): string {
    this.#apply();
    this.#handlers.changed(this.state);
    try {
      this.#handlers.note(message);
    } catch (error) {
      // nobody who changes the limit can do anything about it: the run has to stop
      this.#ending.abort(error);
    }
    return message;
  }

  /** Puts what holds into the memory that the threads look at. */
  #apply(): void {
    const { rates, paused } = this.state;
    this.buckets.read.rate = rates.read;
    this.buckets.write.rate = rates.write;
    this.gate.closed = paused !== null;
  }

  /** The rates that hold once a pause of the timetable is ended by hand: those before it. */
  #ratesBehind(): Rates {
    const changes = this.#timetable?.changes ?? [];
    for (let back = 1; back < changes.length; back++) {
      const { allowance } = changes.at((this.#change - back) % changes.length)!;
      if (allowance !== "pause") return allowance;
    }
    return UNLIMITED;
  }

  /** True when another change of the timetable holds than before. */
  #follow(): boolean {
    const timetable = this.#timetable!;
    const change = changeAt(timetable, this.#local(this.#today()));
    if (change === this.#change) return false;
    this.#change = change;
    this.#allowance = timetable.changes[change]!.allowance;
    this.#by = TIMETABLE;
    return true;
  }

  #tick(): void {
    const why = this.#ends.why(this.#clock.now(), this.#today());
    if (why !== null) {
      this.#ticking?.[Symbol.dispose]();
      this.stop(why);
      return;
    }
    if (this.#timetable === null || !this.#follow()) return;
    const what = this.#allowance === "pause"
      ? "paused"
      : `limit: ${formatRates(this.#allowance)}, set`;
    this.#tell(`${what} by ${TIMETABLE}`);
  }
}

/** The next larger or smaller step; null above the largest. Below the smallest, a rate stays. */
function stepFrom(rate: number, direction: 1 | -1): number | null {
  const near = 1e-3;
  if (direction > 0) return STEPS.find((step) => step > rate * (1 + near)) ?? null;
  return STEPS.findLast((step) => step < rate * (1 - near)) ?? Math.min(rate, STEPS[0]!);
}
