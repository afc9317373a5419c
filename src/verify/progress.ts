/** The progress of a verification: what its reporters are told, and what they can ask for. */
import type { VerifyResult, VerifyTotals } from "../backlog/verify_store.ts";
import type { Amount } from "../event.ts";
import type { Clock } from "../lib/clock.ts";
import { RateWindow } from "../report/rate.ts";

/** What a verification tells while it goes on. */
export type VerifyEvent =
  | {
    readonly type: "start";
    readonly version: string;
    readonly destination: string;
    readonly database: string;
    readonly log: string;
    readonly sample: { readonly millionths: number; readonly seed: number };
    /** What is to be read, of it what an interrupted one has read; about, where it is a sample. */
    readonly expected: Amount;
    readonly resumed: (VerifyTotals & { readonly since: number }) | null;
  }
  | {
    readonly type: "finding";
    readonly path: string;
    readonly result: VerifyResult;
    readonly detail: string | null;
    /** Found before the verification was interrupted. */
    readonly earlier: boolean;
  }
  | { readonly type: "note"; readonly message: string }
  | { readonly type: "end"; readonly summary: VerifySummary };

/** How a verification ended. */
export interface VerifySummary {
  readonly outcome: "as recorded" | "differences" | "more pending" | "interrupted" | "stopped";
  /** Why it was stopped. */
  readonly reason: string | null;
  readonly exitCode: number;
  /** Of all of the verification, also of what was done before an interruption. */
  readonly totals: VerifyTotals;
  /** Of them, files that have no hash on record: only size and time could be compared. */
  readonly unhashed: number;
  /** Files that are not synced, and so were not verified. */
  readonly pending: number;
  /** Milliseconds of this run. */
  readonly elapsed: number;
}

/** Who is told. */
export interface VerifyReporter extends Disposable {
  event(event: VerifyEvent): void;
}

/** The state of a verification at one moment. */
export interface VerifySnapshot {
  /** Milliseconds since the run began. */
  readonly elapsed: number;
  readonly totals: VerifyTotals;
  /** What there is in all, about where it is a sample. */
  readonly expected: Amount;
  /** Bytes of {@link expected} that are done, those of unfinished files included. */
  readonly done: number;
  /** Bytes read in this run, those of unfinished files included. */
  readonly read: number;
  /** Bytes per second. */
  readonly rate: number;
  /** Null while there is too little to judge from. */
  readonly secondsLeft: number | null;
  /** Who has paused it; null while it goes on. */
  readonly paused: string | null;
}

/** Counts. */
export class VerifyProgress {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #rate: RateWindow;
  readonly #start: VerifyTotals;
  readonly #expected: Amount;
  #totals: VerifyTotals;
  #read = 0;
  #paused: string | null = null;

  constructor(clock: Clock, start: VerifyTotals, expected: Amount) {
    this.#clock = clock;
    this.#began = clock.now();
    this.#rate = new RateWindow(this.#began);
    this.#start = this.#totals = start;
    this.#expected = expected;
  }

  get totals(): VerifyTotals {
    return this.#totals;
  }

  read(bytes: number): void {
    this.#read += bytes;
    this.#rate.add(this.#clock.now(), bytes);
  }

  /** A file of `bytes` is done. */
  found(result: VerifyResult, bytes: number): void {
    const { files, bytes: before, different, missing, unreadable } = this.#totals;
    const one = (what: VerifyResult) => result === what ? 1 : 0;
    this.#totals = {
      files: files + 1,
      bytes: before + bytes,
      different: different + one("different"),
      missing: missing + one("missing"),
      unreadable: unreadable + one("unreadable"),
    };
  }

  /** Who has paused it; null when it goes on. */
  paused(by: string | null): void {
    this.#paused = by;
  }

  snapshot(): VerifySnapshot {
    const now = this.#clock.now();
    const elapsed = now - this.#began;
    const { files, bytes } = this.#totals;
    // large files count by bytes, small ones by files: the truth is nearer to the longer one
    const left = (done: number, before: number, all: number) =>
      done <= before ? null : (elapsed / 1000) * Math.max(0, all - done) / (done - before);
    const lefts = [
      left(this.#start.bytes + this.#read, this.#start.bytes, this.#expected.bytes),
      left(files, this.#start.files, this.#expected.files),
    ].filter((seconds) => seconds !== null);
    return {
      elapsed,
      totals: this.#totals,
      expected: {
        files: Math.max(files, this.#expected.files),
        bytes: Math.max(bytes, this.#expected.bytes),
      },
      done: Math.max(bytes, this.#start.bytes + this.#read),
      read: this.#read,
      rate: this.#rate.perSecond(now),
      paused: this.#paused,
      secondsLeft: elapsed < 3000 || lefts.length === 0 ? null : Math.max(...lefts),
    };
  }
}
