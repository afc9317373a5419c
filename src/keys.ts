/** Keys: what a person at the terminal can ask of a run. */
import type { RunControl } from "./control/run_control.ts";
import type { Clock } from "./lib/clock.ts";
import type { Statistics } from "./report/statistics.ts";

/** Who asks, for the log. */
const BY = "the keyboard";

/** The second `q` must come within so many ms: one may be an accident. */
const SURE = 5000;

/** How long a key that did nothing is answered, in ms. */
const ANSWERED = 5000;

/** Nobody presses more keys between two looks. */
const MOST_AT_ONCE = 8;

/** What keys work on. */
export interface KeyOptions {
  readonly control: RunControl;
  readonly statistics: Statistics;
  readonly clock: Clock;
}

/** Does what keys ask for. */
export class Keys {
  readonly #options: KeyOptions;
  /** Until when another `q` ends the run. */
  #sureUntil = -Infinity;
  /** Why a key has done nothing, and until when that is told. */
  #answer = { text: "", until: -Infinity };

  constructor(options: KeyOptions) {
    this.#options = options;
  }

  /** The line that tells which keys there are, now. */
  get hint(): string {
    const { control, clock } = this.#options;
    if (control.signal.aborted) return "";
    if (clock.now() < this.#sureUntil) return "q once more ends the run; it can be resumed";
    if (clock.now() < this.#answer.until) return this.#answer.text;
    const pause = control.state.paused === null ? "pause" : "go on";
    return `p ${pause}   + - limit   q end the run`;
  }

  /** Takes the bytes of keys that were pressed. Others than those of the hint do nothing. */
  press(bytes: Uint8Array): void {
    // the keys with an arrow, and the like, are several bytes that begin so; what comes in one piece
    // and is longer was pasted
    if (bytes[0] === 0x1b || bytes.length > MOST_AT_ONCE) return;
    for (const byte of bytes) this.#press(String.fromCharCode(byte));
  }

  #step(direction: 1 | -1): void {
    const { control, statistics, clock } = this.#options;
    const text = control.step(direction, statistics.snapshot().rate, BY);
    if (text !== null) this.#answer = { text, until: clock.now() + ANSWERED };
  }

  #press(key: string): void {
    const { control, clock } = this.#options;
    if (control.signal.aborted) return;
    const sure = clock.now() < this.#sureUntil;
    this.#sureUntil = this.#answer.until = -Infinity;
    switch (key) {
      case "p":
      case "P":
        if (control.state.paused === null) control.pause(BY);
        else control.resume(BY);
        break;
      case "+":
      case "=":
        this.#step(1);
        break;
      case "-":
      case "_":
        this.#step(-1);
        break;
      case "q":
      case "Q":
        if (sure) control.stop(`${BY} has asked for it`);
        else this.#sureUntil = clock.now() + SURE;
    }
  }
}
