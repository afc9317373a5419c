/**
 * How long things took, by kind, in memory that threads share: histograms, so that many can add and
 * one can take what has come together.
 */

/** Steps of a doubling; the times of one step are taken for equal. */
const STEPS = 4;
/** The first bucket has what took no longer than this, in ms; the last has all that took longer. */
const SHORTEST = 1 / 16;
const BUCKETS = 24 * STEPS;

/** Shared memory for so many kinds: hand it to every thread that adds. */
export function latencyMemory(kinds: number): SharedArrayBuffer {
  return new SharedArrayBuffer(kinds * BUCKETS * 4);
}

/** What took how long since somebody took it, of one kind. */
export interface Taken {
  readonly kind: number;
  readonly count: number;
  /** Half took no longer, in ms. */
  readonly median: number;
}

/** Adds, and takes. */
export class Latencies {
  readonly #counts: Int32Array;

  /** @param memory from {@link latencyMemory} */
  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Int32Array(memory);
  }

  /** Something of a kind took `ms`. */
  add(kind: number, ms: number): void {
    const bucket = ms <= SHORTEST ? 0 : Math.ceil(Math.log2(ms / SHORTEST) * STEPS);
    Atomics.add(this.#counts, kind * BUCKETS + Math.min(BUCKETS - 1, bucket), 1);
  }

  /**
   * What has come together; it begins anew.
   *
   * @param into histograms by kind, which what is taken is added to
   */
  take(into: Histograms): void {
    const counts = this.#counts;
    for (let i = 0; i < counts.length; i++) {
      if (Atomics.load(counts, i) === 0) continue;
      into.add(Math.floor(i / BUCKETS), i % BUCKETS, Atomics.exchange(counts, i, 0));
    }
  }
}

/** What was taken, in one thread. */
export class Histograms {
  readonly #kinds = new Map<number, number[]>();

  add(kind: number, bucket: number, count: number): void {
    let counts = this.#kinds.get(kind);
    if (counts === undefined) this.#kinds.set(kind, counts = new Array(BUCKETS).fill(0));
    counts[bucket]! += count;
  }

  /** Forgets everything. */
  clear(): void {
    this.#kinds.clear();
  }

  /** Each kind of which there is anything. */
  all(): Taken[] {
    return [...this.#kinds].map(([kind, counts]) => {
      const count = counts.reduce((sum, one) => sum + one, 0);
      let below = 0;
      const bucket = counts.findIndex((one) => (below += one) >= count / 2);
      // between the bounds of its bucket by how many of it are needed, so that it does not jump
      const inside = counts[bucket]!;
      const part = (count / 2 - (below - inside)) / inside;
      const median = bucket === 0 ? SHORTEST * part : SHORTEST * 2 ** ((bucket - 1 + part) / STEPS);
      return { kind, count, median };
    });
  }
}
