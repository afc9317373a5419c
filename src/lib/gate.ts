/** A gate in memory that threads share: one closes and opens it, all others wait while it is closed. */
import type { Clock } from "./clock.ts";

/** Whoever waits looks so often whether the gate is open, in milliseconds. */
const LOOK = 100;

/** Shared memory for a gate: hand it to every thread that passes it. It is open at first. */
export function gateMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

/** Holds back whoever wants to pass while it is closed. */
export class Gate {
  readonly #words: Int32Array;
  readonly #clock: Clock;

  /** @param memory from {@link gateMemory} */
  constructor(memory: SharedArrayBuffer, clock: Clock) {
    this.#words = new Int32Array(memory);
    this.#clock = clock;
  }

  get closed(): boolean {
    return Atomics.load(this.#words, 0) === 1;
  }

  set closed(closed: boolean) {
    Atomics.store(this.#words, 0, closed ? 1 : 0);
  }

  /** Resolves when the gate is open; rejects with the signal's reason. Undefined when it is open. */
  pass({ signal }: { signal?: AbortSignal } = {}): Promise<void> | undefined {
    return this.closed ? this.#wait(signal) : undefined;
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    while (this.closed) await this.#clock.sleep(LOOK, { signal });
  }
}
