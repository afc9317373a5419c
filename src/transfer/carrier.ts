/** The carrier: the lanes of one thread, and everything they share. */
import type { Backend, Identity } from "../backend/backend.ts";
import { boundBy } from "../backend/bound_by.ts";
import { RootGuard } from "../backend/root_guard.ts";
import type { Carried, Item } from "../block.ts";
import type { Side } from "../event.ts";
import type { Job } from "../job.ts";
import type { Clock } from "../lib/clock.ts";
import type { Gate } from "../lib/gate.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";
import type { Algorithm } from "../options.ts";
import type { Preservable } from "../preserve.ts";
import type { LinkTimes } from "../times.ts";
import { isPlain } from "../parcel.ts";
import { Buffers } from "./buffers.ts";
import { digest } from "./digest.ts";
import { Group } from "./group.ts";
import { KnownDirectories } from "./known_directories.ts";
import { outcomeInParcel } from "./parcel_writer.ts";
import { BlockQueue } from "./queue.ts";
import { readItems } from "./reader.ts";
import type { Settled } from "./staged.ts";
import { Streams } from "./streams.ts";
import { isLarge, STOCK, weightOf } from "./supply.ts";
import { throttle } from "./throttle.ts";
import { Widths } from "./width.ts";
import { writeItems } from "./writer.ts";

/** A file under way, for the display. */
export interface Underway {
  readonly path: string;
  readonly size: number;
  readonly done: number;
}

/** What a carrier works with. */
export interface CarrierOptions {
  readonly source: Backend;
  readonly destination: Backend;
  /** What the roots were when the run began. */
  readonly identities: Readonly<Record<Side, Identity>>;
  readonly lanes: number;
  /**
   * How many lanes are wanted instead; null for {@link lanes}. With 0, what was given is carried and
   * nothing more is asked for. Default: null. Asked four times a second.
   */
  readonly wantedLanes?: () => number | null;
  /** Large buffers that may be out at once, see `buffers.ts`. */
  readonly slots: number;
  readonly blockSize: number;
  readonly algorithm: Algorithm;
  /** Attributes to apply; with any, small files take the ordinary way. */
  readonly preserve: readonly Preservable[];
  /** What the destination does with what its symbolic links are given. */
  readonly links: LinkTimes;
  /** One budget for what is read and one for what is written, shared by all carriers. */
  readonly buckets: { readonly read: TokenBucket; readonly write: TokenBucket };
  /** Closed while the run is paused. */
  readonly gate: Gate;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly settled: (settled: Settled) => void;
  /** Called when few `files` are waiting (see {@link STOCK}) or lanes are `idle`; more should be added. */
  readonly hungry: (files: number, idle: number) => void;
}

/** Milliseconds after which a busy lane lets messages and timers of its thread have a turn. */
const BREATH = 20;

/** A look at a root that is younger than this many ms is good enough to go on. */
export const FRESH = 100;

/** Carries jobs until it is told that there are no more. */
export class Carrier {
  readonly #options: CarrierOptions;
  readonly #jobs: Job[] = [];
  /** Large jobs, which are taken up when no others wait. */
  readonly #large: Job[] = [];
  /** Lanes that have a large job. */
  readonly #laden = new Set<number>();
  readonly #widths = new Widths(() => this.#allowed);
  readonly #underway = new Map<number, Underway>();
  /** Bytes of files that are written and not settled yet. */
  #unsettled = 0;
  #closed = false;
  #asked = false;
  /** The weight of jobs that wait, see {@link STOCK}. */
  #waiting = 0;
  readonly #stock: (typeof STOCK)[keyof typeof STOCK];
  readonly #known = new KnownDirectories();
  #wake: (() => void)[] = [];
  /** Lanes that are not wanted now. */
  #parked: (() => void)[] = [];
  /** Lanes that may carry. */
  #allowed: number;
  readonly #guards: Readonly<Record<Side, RootGuard>>;
  #breathed: number;

  constructor(options: CarrierOptions) {
    this.#options = options;
    this.#allowed = options.lanes;
    const { source, destination, identities, clock } = options;
    this.#stock = STOCK[boundBy(source.capabilities, destination.capabilities)];
    // what is finished settles after an abort too, and not without a look; one that hangs is given
    // up on by the watch around the backends
    const { signal } = new AbortController();
    const guard = (side: Side, backend: Backend) =>
      new RootGuard(backend, { side, expected: identities[side], clock, signal });
    this.#guards = {
      source: guard("source", source),
      destination: guard("destination", destination),
    };
    this.#breathed = options.clock.now();
  }

  /** Adds jobs; lanes that wait take them up. */
  add(jobs: readonly Job[]): void {
    for (const job of jobs) {
      if (isLarge(job)) this.#large.push(job);
      else this.#jobs.push(job);
      this.#waiting += weightOf(job, this.#stock);
    }
    this.#asked = false;
    this.#wakeAll();
  }

  /** No more jobs will come. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  /** The files under way now, and the bytes that are sent but not yet in a settled outcome. */
  underway(): { active: Underway[]; bytes: number } {
    const active = [...this.#underway.values()];
    return { active, bytes: active.reduce((sum, { done }) => sum + done, this.#unsettled) };
  }

  /**
   * Runs the lanes until all jobs are done and everything has settled. When the signal aborts,
   * what is finished still settles, what is not leaves nothing behind, and the promise rejects.
   */
  async run(): Promise<void> {
    const { signal, destination, clock } = this.#options;
    const settled = (settled: Settled) => {
      for (const { size } of settled.outcomes) this.#unsettled -= size;
      for (const { bytes } of settled.parcels) this.#unsettled -= bytes;
      this.#options.settled(settled);
    };
    const group = new Group({
      destination,
      clock,
      settled,
      outcomeOf: outcomeInParcel,
      checkRoots: () => this.#checkRoots(),
    });
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const buffers = new Buffers(this.#options);
    const streams = new Streams();
    both.addEventListener("abort", () => this.#wakeAll());
    const running: Promise<void>[] = [];
    let failed: { readonly reason: unknown } | null = null;
    const adjust = () => {
      this.#allow(this.#options.wantedLanes?.() ?? this.#options.lanes);
      while (running.length < Math.max(1, this.#allowed)) {
        const lane = this.#lane(running.length, { group, buffers, streams }, both, stop);
        running.push(lane.catch((reason) => {
          // the first error is the one that counts
          failed ??= { reason };
          stop.abort(reason);
        }));
      }
    };
    const ticker = setInterval(() => {
      adjust();
      group.pace()?.catch((error) => stop.abort(error));
      this.#checkRoots()?.catch((error) => stop.abort(error));
    }, 250);
    adjust();
    // others may have begun meanwhile
    for (let ended = 0; ended < running.length;) ended = (await Promise.all(running)).length;
    clearInterval(ticker);
    try {
      await group.drain();
    } catch (error) {
      // a destination that is gone cannot settle anything
      throw (failed as { readonly reason: unknown } | null)?.reason ?? error;
    }
    if (stop.signal.aborted) throw stop.signal.reason;
    signal.throwIfAborted();
  }

  async #lane(
    lane: number,
    { group, buffers, streams }: { group: Group; buffers: Buffers; streams: Streams },
    signal: AbortSignal,
    stop: AbortController,
  ): Promise<void> {
    const { source, destination, blockSize, buckets, gate, clock, algorithm, preserve, links } =
      this.#options;
    const queue = new BlockQueue<Item[]>(this.#options.slots, () => gate.pass({ signal }));
    const parcels = preserve.length === 0 && takesParcels(source) && takesParcels(destination);
    const items = readItems(() => this.#take(lane, signal), {
      source,
      parcels,
      mostInParcel: () => Math.min(source.small!.most, destination.small!.most),
      buffers,
      streams,
      blockSize,
      bucket: buckets.read,
      gate,
      clock,
      signal,
      breathe: () => this.#breathe(),
    });
    const filled = ReadableStream.from(items)
      .pipeThrough(digest(algorithm))
      .pipeTo(queue.writable);
    const shared = destination.capabilities.durability === "file";
    const written = writeItems(throttle(queue, buckets.write, { signal, shared }), {
      source,
      destination,
      preserve,
      links,
      parcels,
      group,
      streams,
      known: this.#known,
      clock,
      signal,
      checkRoot: async (side) => await this.#guards[side].check(),
      progress: (carried, done) => this.#progress(lane, carried, done),
      // a group gives directories their names without a look at who is writing in them
      width: () => shared ? this.#widths.each : 1,
      busy: (busy) => this.#widths.mark(lane, busy),
      ended: (bytes) => this.#unsettled += bytes,
    });
    // a writer that fails must not leave the reader waiting for room in the queue, or reading on
    const emptied = written.catch(async (error) => {
      stop.abort(error);
      queue.discard();
      await filled.catch(
        () => {/* it ends with the same abort; the writer's error is the cause */},
      );
      throw error;
    });
    const [read, wrote] = await Promise.allSettled([filled, emptied]);
    if (wrote.status === "rejected") throw wrote.reason;
    if (read.status === "rejected") throw read.reason;
  }

  /** Rejects when a root is gone; undefined when both were there a moment ago. */
  #checkRoots(): Promise<void> | undefined {
    const source = this.#guards.source.check(FRESH);
    const destination = this.#guards.destination.check(FRESH);
    if (source === undefined) return destination;
    return destination === undefined ? source : Promise.all([source, destination]).then(() => {});
  }

  /** So many lanes may carry; the first carries on until nothing is left, whatever is allowed. */
  #allow(lanes: number): void {
    if (lanes === this.#allowed) return;
    this.#allowed = lanes;
    this.#wakeAll();
  }

  async #take(lane: number, signal: AbortSignal): Promise<Job | undefined> {
    this.#laden.delete(lane);
    for (;;) {
      const looking = this.#checkRoots();
      if (looking !== undefined) await looking;
      signal.throwIfAborted();
      const waiting = this.#jobs.length + this.#large.length;
      if (lane >= Math.max(1, this.#allowed) && !(this.#closed && waiting === 0)) {
        await new Promise<void>((resolve) => this.#parked.push(resolve));
        continue;
      }
      const job = this.#jobs.shift() ?? this.#takeLarge(lane);
      if (job !== undefined) this.#waiting -= weightOf(job, this.#stock);
      if (job === undefined && this.#closed) {
        // those that are parked have nothing to wait for either
        this.#wakeAll();
        return undefined;
      }
      if (!this.#closed && this.#allowed > 0 && (job === undefined || this.#wantsMore())) {
        this.#asked = true;
        const idle = this.#wake.length + (job === undefined ? 1 : 0);
        this.#options.hungry(this.#waiting, idle);
      }
      if (job !== undefined) return job;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #takeLarge(lane: number): Job | undefined {
    const job = this.#large.shift();
    if (job !== undefined) this.#laden.add(lane);
    return job;
  }

  /** Few files wait, and what came now would not have to wait behind a large job. */
  #wantsMore(): boolean {
    if (this.#asked || this.#waiting >= this.#stock.few) return false;
    return this.#large.length === 0 && this.#laden.size < this.#allowed;
  }

  #wakeAll(): void {
    const waiting = [...this.#wake, ...this.#parked];
    this.#wake = [];
    this.#parked = [];
    for (const wake of waiting) wake();
  }

  #progress(lane: number, carried: Carried | null, done: number): void {
    if (carried === null) this.#underway.delete(lane);
    else {
      this.#underway.set(lane, {
        path: carried.path,
        size: carried.entry?.size ?? carried.file.size,
        done,
      });
    }
  }

  #breathe(): Promise<void> | undefined {
    const { clock } = this.#options;
    if (clock.now() - this.#breathed < BREATH) return undefined;
    this.#breathed = clock.now();
    return new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** The records of parcels spare themselves the notation of paths that are not text. */
function takesParcels({ small, root }: Backend): boolean {
  return small !== undefined && isPlain(root);
}
