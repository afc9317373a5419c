/** Lanes as the statistics see them: the files that one worker carries, with the rate of each. */

import type { ActiveFile } from "../event.ts";

/** One file in flight, as a worker tells it. */
export interface FileProgress {
  /** Relative to the roots. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes already handed to the destination. */
  readonly done: number;
}

/** An active file and the moment (ms) when it was seen first, to show the oldest first. */
export interface SeenFile extends ActiveFile {
  readonly since: number;
}

interface Sample {
  size: number;
  done: number;
  /** When `done` was reported last, in ms. */
  at: number;
  readonly since: number;
  /** Bytes per second at `at`; null before the second sample. */
  rate: number | null;
}

/** Time constant of the rate of one file, in ms: a change shows to two thirds after this time. */
const SMOOTHING = 3000;
/** Samples closer than this (ms) are one sample: their difference is mostly noise. */
const SHORTEST_SAMPLE = 50;
/** A worker that is silent for longer than this (ms) may hang: the rates of its files sink. */
const SILENCE = 1500;

/** What one worker has told. Its size is that of its last list, whatever number of files it moved. */
export class Lanes {
  #samples = new Map<string, Sample>();
  #inFlight = 0;
  #finished = 0;
  #total = 0;

  /** Bytes of the finished files that this worker carried. */
  get finished(): number {
    return this.#finished;
  }

  /** Bytes of the unfinished files at the last report. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Bytes handed to the destination. Between a file's end and the worker's next report its bytes
   * are both in `finished` and in the old `inFlight`, so the two are only added up at a report, and
   * in between the greater of what is certain holds: never too much.
   */
  get moved(): number {
    return Math.max(this.#finished, this.#total);
  }

  /** Counts the bytes of a file that this worker has finished. */
  finish(bytes: number): void {
    this.#finished += bytes;
  }

  /** Replaces the list of files in flight; `now` in ms. */
  report(now: number, active: readonly FileProgress[], bytesInFlight: number): void {
    const samples = new Map<string, Sample>();
    for (const file of active) {
      samples.set(file.path, nextSample(now, file, this.#samples.get(file.path)));
    }
    this.#samples = samples;
    this.#inFlight = bytesInFlight;
    this.#total = this.#finished + bytesInFlight;
  }

  /** The files in flight with their rates at the moment `now` (ms). */
  files(now: number): SeenFile[] {
    const files: SeenFile[] = [];
    for (const [path, { size, done, at, since, rate: measured }] of this.#samples) {
      const silent = Math.max(0, now - at - SILENCE);
      const rate = measured === null ? null : measured * Math.exp(-silent / SMOOTHING);
      // below a byte per second a file stands still, and nobody knows when it will be done
      const secondsLeft = rate !== null && rate >= 1 ? Math.max(0, size - done) / rate : null;
      files.push({ path, size, done, rate, secondsLeft, since });
    }
    return files;
  }
}

function nextSample(now: number, file: FileProgress, last: Sample | undefined): Sample {
  const { size, done } = file;
  // a file that starts anew (a retry) has no rate yet
  if (last === undefined || done < last.done) {
    return { size, done, at: now, since: now, rate: null };
  }
  const elapsed = now - last.at;
  if (elapsed < SHORTEST_SAMPLE) return last;
  const current = (done - last.done) / (elapsed / 1000);
  const weight = 1 - Math.exp(-elapsed / SMOOTHING);
  const rate = last.rate === null ? current : last.rate + (current - last.rate) * weight;
  return { size, done, at: now, since: last.since, rate };
}
