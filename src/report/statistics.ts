/** Statistics: what the stages tell, as totals, rates and times left. */

import type {
  Amount,
  GivesWay,
  Phase,
  Side,
  SideCounts,
  Snapshot,
  Summary,
  Unanswered,
} from "../event.ts";
import { type Rates, UNLIMITED } from "../bandwidth.ts";
import type { Action, Status } from "../operation.ts";
import type { Clock } from "../lib/clock.ts";
import { type FileProgress, Lanes } from "./lanes.ts";
import { RateWindow } from "./rate.ts";

/** How one operation ended. */
export interface Finished {
  readonly action: Action;
  readonly status: Status;
  /** Files that ended together, alike. Default 1. */
  readonly files?: number;
  /** Their size in bytes, also when it failed; 0 for what has no content. */
  readonly bytes: number;
  /**
   * The `lanesKey` of the worker that carried the file; null when no worker had its bytes in
   * flight (a symbolic link, a delete). The worker's next `progress` must no longer list the file.
   */
  readonly lanes: string | null;
}

/** What only the end of a run can tell. */
export type Ending = Pick<Summary, "outcome" | "reason" | "exitCode">;

/** A time left is unknown before this many ms of transfer. */
const ETA_AFTER = 2000;
/** A window with fewer finished files than this says little about files per second. */
const FEW_FILES = 5;
/** How many failures the summary names. */
const FAILURES_KEPT = 10;

const NOTHING: Amount = { files: 0, bytes: 0 };
const UNSEEN: SideCounts = { directories: 0, files: 0, bytes: 0, errors: 0, done: false };

/** Counts a run. Memory grows with the number of lanes, never with the number of files. */
export class Statistics {
  readonly #clock: Clock;
  readonly #start: number;
  #phase: Phase = "starting";
  #source = UNSEEN;
  #destination = UNSEEN;
  #pending = NOTHING;
  #backlog = NOTHING;
  #ever = NOTHING;
  #limits: Rates = UNLIMITED;
  #notice: string | null = null;
  #paused: string | null = null;
  #held: string | null = null;
  #unanswered: () => readonly Unanswered[] = () => [];
  #givesWay: readonly GivesWay[] | null = null;
  /** For how long in all, in ms, and until when that was counted. */
  #gaveWay = 0;
  #gaveWayAt = 0;

  readonly #lanes = new Map<string, Lanes>();
  /** Bytes of the files that were copied. */
  #settledBytes = 0;
  /** Bytes of files that no worker carried. */
  #bytesWithoutLanes = 0;
  /** The bytes that the rates have seen. */
  #measured = 0;
  /** Copied and otherwise ended: what is no longer ahead in this run. */
  #copiedFiles = 0;
  #endedFiles = 0;
  #endedBytes = 0;
  #failed = 0;
  #skipped = 0;
  #deleted = 0;
  #linked = 0;
  #refused = 0;
  readonly #failures: { readonly path: string; readonly message: string }[] = [];

  /** When the transfer began to move, in ms; null before. */
  #began: number | null = null;
  // 8 s for the eye; 30 s for the times left, which must not jump with every large or small file
  #bytes: RateWindow;
  #files: RateWindow;
  #steadyBytes: RateWindow;
  #steadyFiles: RateWindow;

  constructor(clock: Clock) {
    this.#clock = clock;
    const now = clock.now();
    this.#start = now;
    this.#bytes = new RateWindow(now);
    this.#files = new RateWindow(now);
    this.#steadyBytes = new RateWindow(now, { bucket: 1000, buckets: 31 });
    this.#steadyFiles = new RateWindow(now, { bucket: 1000, buckets: 31 });
  }

  /** The part of the run that begins now. */
  phase(phase: Phase): void {
    this.#phase = phase;
  }

  /** What a walker has seen so far (absolute), and whether it has seen all. */
  side(side: Side, counts: Omit<SideCounts, "done">, done: boolean): void {
    const { directories, files, bytes, errors } = counts;
    const seen = { directories, files, bytes, errors, done };
    if (side === "source") this.#source = seen;
    else this.#destination = seen;
  }

  /** What is still to be transferred, as the database says (absolute). */
  pending(amount: Amount): void {
    this.#pending = copyOf(amount);
  }

  /** What is left to transfer (absolute); with what this run has copied it is the 100%. */
  backlog({ files, bytes }: Amount): void {
    this.#backlog = { files: this.#copiedFiles + files, bytes: this.#settledBytes + bytes };
  }

  /** What earlier runs of this database have copied (absolute). */
  ever(amount: Amount): void {
    this.#ever = copyOf(amount);
  }

  /** The bytes per second that the operator allows. */
  limit(rates: Rates): void {
    this.#limits = rates;
  }

  /** Who has paused the run; null when nobody has. */
  held(by: string | null): void {
    this.#held = by === null ? null : `paused by ${by}`;
  }

  /** What a person must know now; null when there is nothing more to know. */
  notice(text: string | null): void {
    this.#notice = text;
  }

  /** What a run that is paused waits for, and how long already; null when it goes on. */
  paused(text: string | null): void {
    this.#paused = text;
  }

  /** Where to ask which calls have not been answered for a while. */
  unanswered(ask: () => readonly Unanswered[]): void {
    this.#unanswered = ask;
  }

  /** Where the run gives way from now on; null where it never does. */
  givesWay(sides: readonly GivesWay[] | null): void {
    const now = this.#clock.now();
    if (this.#givesWay !== null && this.#givesWay.length > 0) {
      this.#gaveWay += now - this.#gaveWayAt;
    }
    this.#gaveWayAt = now;
    this.#givesWay = sides;
  }

  /** Keeps a failure for the summary, if it is one of the first. The count is by `finished`. */
  failure(path: string, message: string): void {
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push({ path, message });
  }

  /** Counts one operation that ended. */
  finished({ action, status, files = 1, bytes, lanes }: Finished): void {
    if (action === "refuse") this.#refused += 1;
    else if (status === "failure") this.#failed += 1;
    else if (status === "skipped" || action === "skip") this.#skipped += 1;
    else if (action === "delete" || action === "trash") this.#deleted += 1;
    else if (action === "link") this.#linked += 1;

    const carries = action === "copy" || action === "overwrite";
    if (!carries && action !== "times" && action !== "link") return;
    const now = this.#clock.now();
    this.#begin(now);
    this.#endedFiles += files;
    this.#endedBytes += bytes;
    this.#files.add(now, files);
    this.#steadyFiles.add(now, files);
    if (!carries || status !== "success") return;
    this.#copiedFiles += files;
    this.#settledBytes += bytes;
    if (lanes === null) this.#bytesWithoutLanes += bytes;
    else this.#lanesOf(lanes).finish(bytes);
  }

  /**
   * What one worker carries now. It replaces what that worker told before, so an empty list says
   * that it carries nothing. `bytesInFlight` is the sum over all its unfinished files.
   */
  progress(lanesKey: string, active: readonly FileProgress[], bytesInFlight: number): void {
    const now = this.#clock.now();
    if (active.length > 0 || bytesInFlight > 0) this.#begin(now);
    this.#lanesOf(lanesKey).report(now, active, bytesInFlight);
    this.#measure(now);
  }

  /** What has ended of files, and moved of bytes, in this run: for who measures what gets done. */
  done(): Amount {
    return { files: this.#endedFiles, bytes: this.#measure(this.#clock.now()) };
  }

  /** The state at this moment. */
  snapshot(): Snapshot {
    const now = this.#clock.now();
    const copied = { files: this.#copiedFiles, bytes: this.#measure(now) };
    const active = [...this.#lanes.values()].flatMap((lanes) => lanes.files(now))
      // the oldest first: the list stays calm while small files rush by
      .sort((a, b) => a.since - b.since)
      .map(({ since: _, ...file }) => file);
    return {
      phase: this.#phase,
      elapsed: now - this.#start,
      source: this.#source,
      destination: this.#destination,
      pending: this.#pending,
      copied,
      copiedEver: {
        files: this.#ever.files + copied.files,
        bytes: this.#ever.bytes + copied.bytes,
      },
      backlog: this.#backlog,
      rate: this.#bytes.perSecond(now),
      fileRate: this.#files.perSecond(now),
      limit: tighter(this.#limits),
      limits: this.#limits,
      ...this.#timesLeft(now),
      active,
      failed: this.#failed,
      skipped: this.#skipped,
      deleted: this.#deleted,
      linked: this.#linked,
      refused: this.#refused,
      notice: this.#notice,
      paused: joined(this.#held, this.#paused),
      unanswered: this.#unanswered(),
      givesWay: this.#givesWay,
      gaveWay: this.#givesWay === null ? null : this.#gaveWay,
    };
  }

  /** The state at the end of the run. */
  summary({ outcome, reason, exitCode }: Ending): Summary {
    return { ...this.snapshot(), outcome, reason, exitCode, failures: [...this.#failures] };
  }

  #lanesOf(key: string): Lanes {
    let lanes = this.#lanes.get(key);
    if (lanes === undefined) this.#lanes.set(key, lanes = new Lanes());
    return lanes;
  }

  /** The rates start with the transfer: the time of the scan is not a time of slow transfer. */
  #begin(now: number): void {
    if (this.#began !== null) return;
    this.#began = now;
    this.#bytes = new RateWindow(now);
    this.#files = new RateWindow(now);
    this.#steadyBytes = new RateWindow(now, { bucket: 1000, buckets: 31 });
    this.#steadyFiles = new RateWindow(now, { bucket: 1000, buckets: 31 });
  }

  /** Adds to the rates what has moved since the last look; returns all bytes of this run. */
  #measure(now: number): number {
    let moved = this.#bytesWithoutLanes;
    for (const lanes of this.#lanes.values()) moved += lanes.moved;
    // fewer bytes than before: a file failed. Its bytes did pass the wire, so no rate sinks
    if (moved > this.#measured) {
      this.#bytes.add(now, moved - this.#measured);
      this.#steadyBytes.add(now, moved - this.#measured);
    }
    this.#measured = moved;
    return moved;
  }

  #timesLeft(now: number): Pick<Snapshot, "secondsLeftByBytes" | "secondsLeftByFiles"> {
    const unknown = { secondsLeftByBytes: null, secondsLeftByFiles: null };
    if (this.#began === null || this.#backlog.files === 0) return unknown;
    let inFlight = 0;
    for (const lanes of this.#lanes.values()) inFlight += lanes.inFlight;
    const files = Math.max(0, this.#backlog.files - this.#endedFiles);
    const bytes = Math.max(0, this.#backlog.bytes - this.#endedBytes - inFlight);
    if (files === 0) return { secondsLeftByBytes: 0, secondsLeftByFiles: 0 };

    const transferring = now - this.#began;
    const stalled = this.#bytes.sum(now) === 0 && this.#files.sum(now) === 0;
    if (transferring < ETA_AFTER || stalled) return unknown;
    // large files end so seldom that only the whole transfer tells how many end per second
    const few = this.#steadyFiles.sum(now) < FEW_FILES;
    const fileRate = few
      ? this.#endedFiles / (transferring / 1000)
      : this.#steadyFiles.perSecond(now);
    return {
      secondsLeftByBytes: timeFor(bytes, this.#steadyBytes.perSecond(now)),
      secondsLeftByFiles: timeFor(files, fileRate),
    };
  }
}

/** Seconds for an amount at a rate per second; null when the rate does not tell. */
function timeFor(amount: number, rate: number): number | null {
  if (amount === 0) return 0;
  const seconds = amount / rate;
  return Number.isFinite(seconds) ? seconds : null;
}

function tighter({ read, write }: Rates): number | null {
  if (read === null || write === null) return read ?? write;
  return Math.min(read, write);
}

function joined(...texts: readonly (string | null)[]): string | null {
  return texts.filter((text) => text !== null).join("; ") || null;
}

function copyOf({ files, bytes }: Amount): Amount {
  return { files, bytes };
}
