/** `--adaptive`: measures both sides of a run, and lets the rule decide how much is under way. */
import { getLogger } from "@logtape/logtape";
import { isData, WayControl, type WayMemory } from "../backend/way.ts";
import { type GivesWay, type Side, SIDES } from "../event.ts";
import type { Clock } from "../lib/clock.ts";
import { Histograms } from "../lib/latencies.ts";
import { regularly } from "../lib/regularly.ts";
import { GiveWay } from "./give_way.ts";

const logger = getLogger(["sluice", "adaptive"]);

/** How often it looks, in ms. */
const TICK = 500;

/** What an {@link Adaptive} works with. */
export interface AdaptiveOptions {
  readonly ways: Readonly<Record<Side, WayMemory>>;
  readonly clock: Clock;
  /** Whether the run is paused: nothing is measured then. */
  readonly isPaused: () => boolean;
  /** What is given way to has changed. */
  readonly changed: (giving: readonly GivesWay[]) => void;
}

/** Gives way, from its making until it is disposed of. */
export class Adaptive implements Disposable {
  readonly #options: AdaptiveOptions;
  readonly #sides: readonly OneSide[];
  readonly #looking: Disposable;

  constructor(options: AdaptiveOptions) {
    this.#options = options;
    const { ways, clock } = options;
    this.#sides = SIDES.map((side) => new OneSide(side, new WayControl(ways[side]), clock.now()));
    this.#looking = regularly(() => this.look(), { every: TICK, clock: options.clock });
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  /** Whether it decides how much is under way, on either side. */
  get decides(): boolean {
    return this.#sides.some((side) => side.decides);
  }

  /** One look at both sides. */
  look(): void {
    const { clock, isPaused, changed } = this.#options;
    const now = clock.now();
    for (const side of this.#sides) side.look(now, isPaused());
    changed(this.#sides.map(({ giving }) => giving).filter((giving) => giving !== null));
  }
}

/** What is measured of one side. */
class OneSide {
  readonly #side: Side;
  readonly #way: WayControl;
  readonly #rule = new GiveWay(isData);
  readonly #taken = new Histograms();
  #since: number;
  #held = 0;
  #busy = 0;
  #told = false;

  constructor(side: Side, way: WayControl, now: number) {
    this.#side = side;
    this.#way = way;
    this.#since = now;
    way.width = this.#rule.width;
  }

  get decides(): boolean {
    return this.#rule.decides;
  }

  get giving(): GivesWay | null {
    const { giving, width } = this.#rule;
    return giving === null || width === null ? null : { side: this.#side, ...giving, width };
  }

  look(now: number, paused: boolean): void {
    this.#way.latencies.take(this.#taken);
    const { held, busy } = this.#way.take();
    this.#held += held;
    this.#busy += busy;
    const elapsed = now - this.#since;
    if (elapsed <= 0) return;
    const measured = {
      kinds: this.#taken.all(),
      held: this.#held,
      underway: this.#busy / elapsed,
      elapsed,
    };
    if (!paused && !this.#rule.look(now, measured)) return;
    this.#taken.clear();
    this.#since = now;
    this.#held = this.#busy = 0;
    this.#way.width = this.#rule.width;
    this.#tell();
  }

  #tell(): void {
    const { giving } = this;
    if ((giving !== null) === this.#told) return;
    this.#told = giving !== null;
    if (giving === null) {
      logger.debug("the {side} is quiet again: nothing is held back", { side: this.#side });
      return;
    }
    const { side, what, latency, quiet, width } = giving;
    logger.debug(
      "giving way at the {side}: a call ({what}) takes {latency} ms, {quiet} ms in quiet; " +
        "{width} calls at a time",
      { side, what, latency: latency.toFixed(1), quiet: quiet.toFixed(1), width: width.toFixed(1) },
    );
  }
}
