/** A server as queueing theory has it: so many calls at a time, the others wait in a line. */
import type { Clock } from "../../src/lib/clock.ts";

/** How a server answers. */
export interface ServerOptions {
  readonly clock: Clock;
  /** Calls that it works on at a time. */
  readonly width: number;
  /** Ms that the way there and back takes, on which calls do not get in each other's way. */
  readonly travel: number;
}

/** Answers calls in the order in which they come. */
export class SimulatedServer {
  readonly #options: ServerOptions;
  readonly #free: number[];
  #served = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#free = new Array(options.width).fill(0);
  }

  /** Ms of work that were done, of all that it could have done so far: from 0 up to 1. */
  get served(): number {
    return this.#served;
  }

  /** Resolves when a call that is `work` ms of work is answered. */
  async serve(work: number): Promise<void> {
    const { clock, travel } = this.#options;
    const now = clock.now() + travel / 2;
    const first = this.#free.indexOf(Math.min(...this.#free));
    const start = Math.max(now, this.#free[first]!);
    this.#free[first] = start + work;
    this.#served += work;
    await clock.sleep(start + work + travel / 2 - clock.now());
  }
}
