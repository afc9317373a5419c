/** The tuning of the lanes of a run: lets the climb look at what gets done, once a second. */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../lib/clock.ts";
import { regularly } from "../lib/regularly.ts";
import type { Snapshot } from "../event.ts";
import { type Done, LaneClimber } from "./lane_climber.ts";
import type { RunControl } from "./run_control.ts";

const logger = getLogger(["sluice", "lanes"]);

/** What a {@link LaneTuning} works with. */
export interface LaneTuningOptions {
  readonly control: RunControl;
  readonly clock: Clock;
  /** What was done so far. */
  readonly done: () => Done;
  /** What is waited for, if anything, and how fast it goes. */
  readonly snapshot: () => Pick<Snapshot, "paused" | "rate">;
  /** Whether calls are held back, so that others have their way. Default: never. */
  readonly isHeldBack?: () => boolean;
  /** Lanes to begin with. */
  readonly lanes: number;
  /** Threads that they are divided among: each keeps one. */
  readonly threads: number;
}

/** How often it looks, in ms. */
const TICK = 1000;

/** The most lanes are so many times those of the beginning: each takes memory, and a server's time. */
const MOST = 2;

/** From this part of a limit on, it is the limit that decides how much gets done. */
const AT_LIMIT = 0.8;

/** Adapts the number of lanes until it is disposed of, while nobody asks for one. */
export class LaneTuning implements Disposable {
  readonly #options: LaneTuningOptions;
  readonly #looking: Disposable;
  #climber: LaneClimber | null = null;

  constructor(options: LaneTuningOptions) {
    this.#options = options;
    this.#looking = regularly(() => this.look(), { every: TICK, clock: options.clock });
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  /** One look. */
  look(): void {
    const { control, clock, done, lanes, threads } = this.#options;
    if (control.state.lanes !== null) {
      // whoever has asked for a number knows best; it is begun anew when nobody does any more
      this.#climber = null;
      return;
    }
    const most = lanes * MOST;
    const climber = this.#climber ??= new LaneClimber({ lanes, least: threads, most });
    const now = clock.now();
    const climbed = this.#decides() ? climber.abandon(now) : climber.look(now, done());
    control.bestLanes(climber.lanes);
    if (climbed?.why) logger.debug("{why}", { why: climbed.why });
  }

  /** Whether something else than the lanes decides how much gets done. */
  #decides(): boolean {
    const { control, snapshot, isHeldBack } = this.#options;
    if (isHeldBack?.()) return true;
    const { paused, rate } = snapshot();
    const { read, write } = control.state.rates;
    const limit = Math.min(read ?? Infinity, write ?? Infinity);
    return paused !== null || rate >= limit * AT_LIMIT || control.operations.source.rate !== null;
  }
}
