/**
 * The way of the calls to one side: how many may be under way at a time, so that others have theirs.
 *
 * Lanes would be too slow to give way with: a lane keeps its file to the end, which may take hours,
 * and one lane reads and writes several blocks at the same time. So it is the calls that are held
 * back. Less than one call at a time is one that is followed by a rest.
 *
 * The way also knows how long calls take. What decides on the width is `control/adaptive.ts`.
 */
import type { Clock } from "../lib/clock.ts";
import { Latencies, latencyMemory } from "../lib/latencies.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";
import { type Around, type Call, type Extent, LISTS } from "./around.ts";

/** What threads share of a way. */
export interface WayMemory {
  /** See `lib/latencies.ts`; the kinds are those of {@link kindOf}. */
  readonly latencies: SharedArrayBuffer;
  /** The width, calls that were held back, and for how long calls were under way. */
  readonly words: SharedArrayBuffer;
}

const WIDTH = 0, HELD = 1, BUSY = 2;
/** In shared memory the width is whole. */
const UNIT = 1024;

/** Kinds of calls that are compared with each other; those of data come after those of names. */
const NAMES: ReadonlyMap<Call, number> = new Map(
  [
    ...["look", "open", "lookAgain", "create", "finish", "commit", "makeDirectory"] as const,
    ...["setTimes", "removeFile", "createLink", "link", "commitParcel"] as const,
  ].map((call, index): [Call, number] => [call, index]),
);
/** Those whose time depends on how much they are about: so many sizes of each. */
const SIZED = ["list", "readParcel", "writeParcel", "read", "write"] as const;
const SIZES = 12;
const FIRST_DATA = NAMES.size + 3 * SIZES;
const KINDS = NAMES.size + SIZED.length * SIZES;

/** What is never held back, since others wait for it, or it says whether there is a root at all. */
const FREE: ReadonlySet<Call> = new Set<Call>([
  ...["identify", "space", "close", "abort", "discardParcel", "uncache", "flush"] as const,
]);

/** Milliseconds that nobody rests longer than, and after which a rest asks whether it goes on. */
const LONGEST_REST = 5000, LOOK = 250;
/** A call that hung is told of as if it had taken so many ms. */
const LONGEST_TOLD = 60_000;
/**
 * What was held back for longer than this, in ms, until the way was so many times wider, has lost its
 * place in the budget of bytes.
 */
const LATE = 15, WIDER = 1.5;

/** Shared memory for a way: hand it to every thread that makes calls. Everything may go at first. */
export function wayMemory(): WayMemory {
  return { latencies: latencyMemory(KINDS), words: new SharedArrayBuffer(12) };
}

/** Which calls a call may be compared with, after it; null: with none. */
export function kindOf(call: Call, extent: Extent): number | null {
  const { files, bytes } = extent;
  // all files of the parcel take the ordinary way
  if (files === 0 && call.endsWith("Parcel")) return null;
  const kind = NAMES.get(call);
  if (kind !== undefined) return kind;
  const sized = SIZED.indexOf((LISTS.has(call) ? "list" : call) as typeof SIZED[number]);
  if (sized < 0) return null;
  const size = call === "read" || call === "write"
    // from 4 KiB to 8 MiB
    ? Math.log2(bytes / 4096)
    : call === "readParcel" || call === "writeParcel"
    ? Math.log2(Math.max(1, bytes / files / 1024))
    : Math.log2(Math.max(1, files));
  return NAMES.size + sized * SIZES + Math.max(0, Math.min(SIZES - 1, Math.ceil(size)));
}

/** Whether a kind is of data; others are of names. */
export function isData(kind: number): boolean {
  return kind >= FIRST_DATA;
}

/** The way as the one sees it who decides on its width. */
export class WayControl {
  readonly #words: Int32Array;
  readonly latencies: Latencies;

  constructor({ latencies, words }: WayMemory) {
    this.latencies = new Latencies(latencies);
    this.#words = new Int32Array(words);
  }

  /** Calls at a time, of all threads together; null for as many as want to. */
  set width(width: number | null) {
    Atomics.store(this.#words, WIDTH, width === null ? 0 : Math.max(1, Math.round(width * UNIT)));
  }

  get width(): number | null {
    const width = Atomics.load(this.#words, WIDTH);
    return width === 0 ? null : width / UNIT;
  }

  /** Calls that were held back since the last time, and the ms that calls took together. */
  take(): { readonly held: number; readonly busy: number } {
    return {
      held: Atomics.exchange(this.#words, HELD, 0),
      busy: Atomics.exchange(this.#words, BUSY, 0) / 1000,
    };
  }
}

/** What a {@link Way} works with. */
export interface WayOptions {
  readonly clock: Clock;
  /** After its abort nothing is held back: what is done settles. */
  readonly signal: AbortSignal;
  /** The part of the width that this thread has, from 0 up to 1. */
  readonly share: number;
  /** The budget of bytes that reads, or writes, were taken from. */
  readonly bucket: TokenBucket;
}

/** Holds back the calls of one thread, and times them; put around them by `withAround`. */
export class Way implements Around {
  readonly holdsBack = true;
  readonly #options: WayOptions;
  readonly #words: Int32Array;
  readonly #latencies: Latencies;
  readonly #waiting: (() => void)[] = [];
  #underway = 0;
  /** Until when nothing begins. */
  #rest = -Infinity;
  #resting = false;

  constructor(memory: WayMemory, options: WayOptions) {
    this.#options = options;
    this.#words = new Int32Array(memory.words);
    this.#latencies = new Latencies(memory.latencies);
    options.signal.addEventListener("abort", () => this.#next(), { once: true });
  }

  async call<T>(
    call: Call,
    _path: string,
    make: () => Promise<T>,
    extent: Extent = { files: 1, bytes: 0 },
  ): Promise<T> {
    if (FREE.has(call)) return await make();
    if (this.#mayBegin()) this.#underway += 1;
    else await this.#hold(extent);
    const began = this.#options.clock.now();
    try {
      return await make();
    } finally {
      this.#underway -= 1;
      this.#ended(call, extent, began);
      this.#next();
    }
  }

  /** It cannot be held back, but what comes after it can. */
  now<T>(call: Call, _path: string, make: () => T, extent: Extent): T {
    const began = this.#options.clock.now();
    try {
      return make();
    } finally {
      this.#ended(call, extent, began);
    }
  }

  #width(): number {
    const width = Atomics.load(this.#words, WIDTH);
    return width === 0 ? Infinity : width / UNIT * this.#options.share;
  }

  #mayBegin(): boolean {
    const width = this.#width();
    if (width === Infinity || this.#options.signal.aborted) return true;
    if (this.#underway >= Math.max(1, Math.floor(width))) return false;
    return width >= 1 || this.#options.clock.now() >= this.#rest;
  }

  /** Resolves when its turn has come: it is under way then. */
  async #hold({ bytes }: Extent): Promise<void> {
    const { clock, bucket, signal } = this.#options;
    Atomics.add(this.#words, HELD, 1);
    const since = clock.now(), width = this.#width();
    await this.#turn();
    // while it is narrow, it is the way that paces; but what it has dammed up must not go all at once
    if (bytes === 0 || bucket.rate === null || signal.aborted) return;
    if (clock.now() - since < LATE || this.#width() <= width * WIDER) return;
    // what needs no budget must not wait behind what does
    this.#underway -= 1;
    this.#next();
    try {
      await bucket.take(bytes, { signal });
    } catch {
      // the call itself finds out that the run is to stop
    }
    if (this.#mayBegin()) this.#underway += 1;
    else await this.#turn();
  }

  /** Resolves when the next call may begin, which counts as under way then. */
  async #turn(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#next();
    await turn;
  }

  #ended(call: Call, extent: Extent, began: number): void {
    const { clock } = this.#options;
    const now = clock.now(), took = now - began;
    Atomics.add(this.#words, BUSY, Math.round(Math.min(took, LONGEST_TOLD) * 1000));
    const kind = kindOf(call, extent);
    if (kind !== null) {
      const parcel = call === "readParcel" || call === "writeParcel" || call === "commitParcel";
      this.#latencies.add(kind, parcel ? took / extent.files : took);
    }
    const width = this.#width();
    if (width < 1) this.#rest = now + Math.min(LONGEST_REST, took * (1 / width - 1));
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#mayBegin()) {
      this.#underway += 1;
      this.#waiting.shift()!();
    }
    // whoever is under way calls again when it ends
    if (this.#waiting.length === 0 || this.#underway > 0 || this.#resting) return;
    this.#resting = true;
    const { clock, signal } = this.#options;
    const left = Math.max(0, this.#rest - clock.now());
    clock.sleep(Math.min(left, LOOK), { signal }).catch(() => {/* nothing is held back now */})
      .then(() => {
        this.#resting = false;
        this.#next();
      });
  }
}
