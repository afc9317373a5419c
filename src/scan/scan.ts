/** The scan: two walkers, one on each side, and the database in which they meet. */
import type { FailedListing, ListedChunk } from "../backlog/backlog.ts";
import type { ScanStore } from "../backlog/scan_store.ts";
import type { RunContext } from "../context.ts";
import type { FromCrew } from "../crew.ts";
import { join } from "../entry.ts";
import { type Side, SIDES } from "../event.ts";
import { type Hand, together } from "../hands.ts";
import { countListing } from "../listing.ts";
import { giveBack } from "../lib/give_back.ts";
import { isExact } from "../name_rules.ts";
import { auditPath } from "../report/operation_record.ts";
import { HeldListings } from "./held_listings.ts";
import { unpackListings } from "./packed_listings.ts";
import { isFailure } from "./walker.ts";

/**
 * Directories that a walker has been given and has not answered for, at most, and when it gets more:
 * so many that it has something to list while its last message is on its way to the database.
 */
const MOST_GIVEN = 512, FEW_GIVEN = 256;

/** What the scan tells while it runs. */
export interface ScanHandlers {
  /** Its walkers have their threads: one that two can share is not taken from them any more. */
  readonly begun: () => void;
  /** Directories that became decided, or of which there is more to carry, by number. */
  readonly decided: (directories: readonly number[]) => void;
  /** Whether what is decided is carried meanwhile: then what is listed of a large directory is too. */
  readonly early: boolean;
  /** Temporaries of sluice seen in a directory of the destination. */
  readonly temporaries: (directory: string, names: readonly string[]) => void;
}

/** Runs a scan to its end, or until the signal aborts; what was listed stays listed. */
export async function runScan(
  context: RunContext,
  store: ScanStore,
  handlers: ScanHandlers,
): Promise<void> {
  context.backlog.transaction(() => store.go(handlers));
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const source = new WalkerDesk(context, store, "source", handlers, signal);
  // what the source brings may queue directories of the destination once more, under the names
  // that the source has for them
  const leader = isExact(context.names) ? null : source;
  const destination = new WalkerDesk(context, store, "destination", handlers, signal, {
    leader,
    after: source,
    // on shares both only wait, for which one thread is enough
    beside: SIDES.every((side) => context[side].capabilities.latency === "waiting") ? source : null,
  });
  handlers.begun();
  tellCounts(context, store);
  await together([source, destination], (reason) => stop.abort(reason));
  context.signal.throwIfAborted();
  context.backlog.finishScan(store.scan);
  tellCounts(context, store);
}

function tellCounts({ backlog, statistics }: RunContext, store: ScanStore): void {
  for (const side of SIDES) {
    const { done, ...counts } = backlog.scanCounts(store.scan, side);
    statistics.side(side, counts, done);
  }
  statistics.pending(backlog.transfer.pending());
}

/** The owner's side of one walker: hands directories out, takes listings in. */
class WalkerDesk {
  readonly done: Promise<void>;
  readonly #context: RunContext;
  readonly #store: ScanStore;
  readonly #side: Side;
  readonly #handlers: ScanHandlers;
  readonly #given = new Set<number>();
  readonly #hand: Hand;
  #closed = false;
  /** All that is queued in the database has been given out: it need not be asked for more. */
  #knowsAll = false;
  /** Messages that the walker is still to be told of as taken, and what will tell it. */
  #taken = 0;
  #turn: ReturnType<typeof setTimeout> | null = null;
  readonly #leader: WalkerDesk | null;
  #follower: WalkerDesk | null = null;
  readonly #held: HeldListings;
  /** What it brought may wait for this walker. */
  #later: WalkerDesk | null = null;

  constructor(
    context: RunContext,
    store: ScanStore,
    side: Side,
    handlers: ScanHandlers,
    signal: AbortSignal,
    { leader = null, after = null, beside = null }: {
      /** Whose end this walker waits for. */
      readonly leader?: WalkerDesk | null;
      /** Who is heard first about a directory, if both are at it. */
      readonly after?: WalkerDesk | null;
      /** Whose thread this walker shares. */
      readonly beside?: WalkerDesk | null;
    } = {},
  ) {
    this.#leader = leader;
    if (leader !== null) leader.#follower = this;
    this.#held = new HeldListings((id) => after !== null && after.#given.has(id));
    if (after !== null) after.#later = this;
    this.#context = context;
    this.#store = store;
    this.#side = side;
    this.#handlers = handlers;
    const { hand, done } = context.crew.start(
      {
        type: "walk",
        retries: context.options.retries,
        side,
        root: context[side].root,
        identity: context.identities[side],
        control: context.control.memory,
      },
      (message) => this.#receive(message),
      { signal, grace: context.grace, beside: beside === null ? undefined : beside.#hand },
    );
    this.#hand = hand;
    this.done = done.finally(() => {
      if (this.#turn !== null) clearTimeout(this.#turn);
    });
    this.#give();
  }

  #receive(message: FromCrew): void {
    if (message.type !== "listed") return;
    this.#held.push(unpackListings(message.listed));
    giveBack(message.listed.columns.numbers);
    this.#putHeld();
    if (this.#later !== null) this.#later.#putHeld();
  }

  #putHeld(): void {
    for (const listings of this.#held.take()) this.#put(listings);
  }

  #put(listings: readonly (ListedChunk | FailedListing)[]): void {
    const { statistics, backlog } = this.#context;
    const { decided, done: _, ...counts } = this.#context.settle(() => {
      listings.forEach((listed) => this.#tell(listed));
      const decided = this.#store.put(this.#side, listings);
      return { decided, ...backlog.scanCounts(this.#store.scan, this.#side) };
    });
    this.#knowsAll &&= listings.every((one) => isFailure(one) || hasNoDirectory(one));
    for (const listed of listings) if (!isFailure(listed)) giveBack(listed.data);
    if (decided.length > 0) this.#handlers.decided(decided);
    if (decided.length > 0) this.#goOn();
    this.#pending();
    this.#taken += 1;
    this.#turn ??= setTimeout(() => this.#tellTaken(), 0);
    this.#give();
    statistics.side(this.#side, counts, this.#closed);
  }

  /**
   * The walker goes on, after everybody else was heard: as long as there is a next message of the
   * same thread, the runtime comes to no other thread, to no timer and to no socket.
   */
  #tellTaken(): void {
    this.#turn = null;
    for (; this.#taken > 0; this.#taken--) this.#hand.post({ type: "taken" });
  }

  /** What is to be told of a listing beside what it holds. */
  #tell(listed: ListedChunk | FailedListing): void {
    if (isFailure(listed)) {
      this.#given.delete(listed.id);
      return this.#failure(listed.path, listed.error.message);
    }
    if (listed.last) this.#given.delete(listed.id);
    for (const { name, message } of listed.problems) {
      this.#failure(join(listed.path, name), message);
    }
    if (listed.temporaries.length > 0) this.#temporaries(listed);
  }

  /** A directory or entry that could not be looked at: an error of its own, not of the run. */
  #failure(path: string, message: string): void {
    const { event, audit, statistics, source, destination } = this.#context;
    statistics.finished({ action: "list", status: "failure", bytes: 0, lanes: null });
    statistics.failure(path, `${this.#side}: ${message}`);
    event({ type: "failure", path, message: `${this.#side}: ${message}` });
    audit({
      type: "operation",
      action: "list",
      status: "failure",
      side: this.#side,
      source: auditPath(source.root, path),
      destination: auditPath(destination.root, path),
      error: message,
    });
  }

  #temporaries({ path, temporaries }: ListedChunk): void {
    if (this.#side === "destination") return this.#handlers.temporaries(path, temporaries);
    const { audit, statistics, source, destination } = this.#context;
    for (const name of temporaries) {
      statistics.finished({ action: "skip", status: "skipped", bytes: 0, lanes: null });
      audit({
        type: "operation",
        action: "skip",
        status: "skipped",
        reason: "the name is one of sluice's own temporaries",
        source: auditPath(source.root, join(path, name)),
        destination: auditPath(destination.root, join(path, name)),
      });
    }
  }

  #give(): void {
    if (this.#given.size >= FEW_GIVEN || (this.#knowsAll && this.#given.size > 0)) return;
    // those already given are still queued in the database and come first
    const all = this.#store.queued(this.#side, 0, MOST_GIVEN);
    const queued = all.filter(({ id }) => !this.#given.has(id));
    this.#knowsAll = all.length < MOST_GIVEN;
    if (queued.length > 0) {
      for (const { id } of queued) this.#given.add(id);
      this.#hand.post({ type: "list", directories: queued });
    } else if (this.#given.size === 0 && this.#mayClose()) {
      this.#closed = true;
      this.#hand.post({ type: "close" });
      this.#goOn();
    }
  }

  #mayClose(): boolean {
    return !this.#closed && (this.#leader === null || this.#leader.#closed);
  }

  /** The other side may have something to do again, or nothing more to wait for. */
  #goOn(): void {
    if (this.#follower === null) return;
    this.#follower.#knowsAll = false;
    this.#follower.#give();
  }

  #lastPending = -Infinity;
  /** A sum over all directories: often enough for a display, not for every message. */
  #pending(): void {
    const now = this.#context.clock.now();
    if (now - this.#lastPending < 500) return;
    this.#lastPending = now;
    this.#context.statistics.pending(this.#context.backlog.transfer.pending());
  }
}

function hasNoDirectory({ data }: ListedChunk): boolean {
  return countListing(data).directories === 0;
}
