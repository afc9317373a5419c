/**
 * Pauses: a run that cannot go on now waits, says what for, and goes on in the same process.
 *
 * The stages of a run can be begun again at any time, since what they have done is in the database.
 * So a pause ends the stage under way, with all its threads, and begins it anew when its cause is
 * gone. Nothing is open or under way meanwhile but a look now and then.
 */
import { SyncError } from "./errors.ts";
import type { Clock } from "./lib/clock.ts";
import { formatDuration } from "./lib/units.ts";

/** What can hold up a run for a while. */
export interface Cause {
  /** What is waited for, after "waiting for": "the source to be mounted again". */
  readonly awaited: string;
  /** How long, in ms; 0 stops the run instead. */
  readonly limit: number;
  /** Whether it has come. One question at a time; one that is never answered is no harm. */
  readonly isOver: () => Promise<boolean>;
}

/** What {@link Pauses} work with. */
export interface PauseOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The cause behind an error that ended a stage; null when waiting would not help. */
  readonly causeOf: (error: SyncError) => Promise<Cause | null>;
  /** For the displays: what is waited for, null when nothing is. */
  readonly show: (text: string | null) => void;
  /** For the log: a pause has begun, or is over. */
  readonly note: (message: string) => void;
  /** Puts things right before a stage begins anew. */
  readonly resume: () => Promise<void>;
  /** A number that changes whenever something was achieved. */
  readonly progress: () => number;
}

/** How often it is asked whether a cause is gone, in ms. */
const POLL = 1000;

/** Runs stages, and pauses them. */
export class Pauses {
  readonly #options: PauseOptions;
  /** The wait that did not help yet: one limit counts for all waits without progress between them. */
  #fruitless: { readonly began: number; readonly progress: number } | null = null;

  constructor(options: PauseOptions) {
    this.#options = options;
  }

  /** Runs a stage to its end, beginning it anew after each pause. */
  async through<T>(stage: () => Promise<T>): Promise<T> {
    for (let first = true;; first = false) {
      try {
        if (!first) await this.#options.resume();
        return await stage();
      } catch (error) {
        const { signal, causeOf } = this.#options;
        if (signal.aborted || !(error instanceof SyncError)) throw error;
        const cause = await causeOf(error);
        if (cause === null || cause.limit <= 0) throw error;
        await this.#wait(error, cause);
      }
    }
  }

  async #wait(error: SyncError, { awaited, limit, isOver }: Cause): Promise<void> {
    const { clock, signal, show, note, progress } = this.#options;
    const began = clock.now();
    if (this.#fruitless?.progress !== progress()) {
      this.#fruitless = { began, progress: progress() };
    }
    const since = this.#fruitless!.began;
    const seconds = (ms: number) => formatDuration(Math.floor(ms / 1000));
    note(`paused: ${error.message}; waiting up to ${seconds(limit)} for ${awaited}`);
    let over = false;
    let asking: Promise<void> | null = null;
    const ask = () =>
      isOver().then((answer) => {
        over ||= answer;
        asking = null;
      });
    try {
      while (!over) {
        const waited = clock.now() - since;
        if (waited >= limit) {
          note(`the pause is over: ${awaited} was waited for in vain`);
          const { code, path } = error;
          const message = `${error.message} (waited ${seconds(waited)} for ${awaited})`;
          throw new SyncError(code, message, { path, scope: "run", cause: error });
        }
        show(`paused for ${seconds(waited)} of ${seconds(limit)}: waiting for ${awaited}`);
        asking ??= ask();
        await clock.sleep(POLL, { signal });
      }
    } finally {
      show(null);
    }
    note(`going on after a pause of ${seconds(clock.now() - began)}`);
  }
}
