/** What a crew thread does: opens its backends, then lists or carries as it is told. */
import type { Backend, Identity } from "./backend/backend.ts";
import { type Around, within } from "./backend/around.ts";
import { paced } from "./backend/operations.ts";
import { ReadOnlyParts } from "./backend/read_only_parts.ts";
import { Retry } from "./backend/retry.ts";
import { openSameRoot, RootGuard } from "./backend/root_guard.ts";
import { temporaryNames } from "./backend/temporary.ts";
import { Watch } from "./backend/watch.ts";
import { Way } from "./backend/way.ts";
import type { DirectoryToList, FailedListing, ListedChunk } from "./backlog/backlog.ts";
import type { FromCrew, Port, Role, ToCrew } from "./crew.ts";
import { SyncError } from "./errors.ts";
import type { Side } from "./event.ts";
import { type Clock, systemClock } from "./lib/clock.ts";
import { Gate } from "./lib/gate.ts";
import { giveBack } from "./lib/give_back.ts";
import { ListingPacker } from "./listing_packer.ts";
import { showPath } from "./name.ts";
import { SharedCount } from "./lib/shared_count.ts";
import { TokenBucket } from "./lib/token_bucket.ts";
import { CopiedRecords } from "./report/copied_records.ts";
import { packOutcomes, unpackJobs } from "./packed.ts";
import { packListings } from "./scan/packed_listings.ts";
import { isFailure, listAtOnce, listDirectory } from "./scan/walker.ts";
import { Carrier, FRESH } from "./transfer/carrier.ts";

/** Opens a backend; tests put their own here. */
export type Open = (root: string, temporaryName: () => string) => Promise<Backend>;

type Start = Extract<ToCrew, { type: "start" }>;
type CrewPort = Port<FromCrew, ToCrew>;

/** Directories of one side that are listed at the same time on a share, and on a local disk. */
const LISTS_WAITING = 16, LISTS_IMMEDIATE = 1;
/** Listed bytes, and directories, after which a message is sent although more is at hand. */
const MESSAGE_BYTES = 256 * 1024, MESSAGE_DIRECTORIES = 128;
/** Listed bytes on their way to the database from which on no more are listed. */
const UNTAKEN_BYTES = 2 ** 20;
/** Milliseconds between two signs of life. */
const PULSE = 500;

/** What a role works with beside its own fields. */
interface Tools {
  readonly port: CrewPort;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Opens the root of a side, which must be what it was when the run began. */
  readonly open: (side: Side, root: string, expected: Identity) => Promise<Backend>;
  /** Says what messages go to from now on; those that came before go there first. */
  readonly ready: (handler: (message: ToCrew) => void) => void;
}

/** Serves one role after the other. Each begins with a "start" and ends with a "done". */
export function serve(port: CrewPort, open: Open): void {
  let abort = new AbortController();
  let hand: (message: ToCrew) => void = () => {};
  port.onMessage((message) => {
    if (message.type === "abort") abort.abort(new DOMException("interrupted", "AbortError"));
    if (message.type !== "start") return hand(message);
    abort = new AbortController();
    const { signal } = abort;
    const early: ToCrew[] = [];
    hand = (message) => early.push(message);
    const ready = (handler: (message: ToCrew) => void) => {
      hand = handler;
      early.forEach(handler);
    };
    const work = serveRole(message, { port, ready, signal, open });
    work.catch((error) => {
      if (!signal.aborted) port.post({ type: "fatal", error: asData(error) });
    }).finally(() => port.post({ type: "done" }));
  });
}

async function serveRole(
  { role, token, thread, now, calls }: Start,
  { port, ready, signal, open }: Pick<Tools, "port" | "ready" | "signal"> & { open: Open },
): Promise<void> {
  const clock = systemClock(now - performance.now());
  const counts = new Int32Array(calls);
  using source = new Watch({ side: "source", clock, signal, counts });
  using destination = new Watch({ side: "destination", clock, signal, counts });
  const watches = { source, destination };
  const tools: Tools = {
    port,
    clock,
    signal,
    ready,
    async open(side, root, expected) {
      const watch = watches[side];
      const temporaryName = temporaryNames(token, thread);
      const opening = () => watch.call("open", "", () => open(root, temporaryName));
      const backend = await openSameRoot(root, opening, { side, expected });
      const bucket = new TokenBucket(role.control.operations[side], clock);
      const timed = wayOf(role, side, { clock, signal, watch });
      const { around: limited, put } = paced(timed, bucket, { signal });
      const watched = put(backend, limited);
      const around = side === "source"
        ? limited
        : within(new ReadOnlyParts(watched, temporaryName), limited);
      // a local disk has no passing errors, and a bad sector is not read better after a pause
      if (backend.capabilities.latency === "immediate" || role.retries === 0) {
        return put(backend, around);
      }
      const guard = new RootGuard(watched, { side, expected, clock, signal });
      const { retries } = role;
      const retry = new Retry({ retries, clock, signal, alive: async () => await guard.check() });
      return put(backend, within(retry, around));
    },
  };
  const pulse = setInterval(() => {
    const pending = [source.oldest(), destination.oldest()].filter((call) => call !== null);
    port.post({ type: "pulse", pending });
  }, PULSE);
  try {
    await (role.type === "walk" ? walk(role, tools) : carry(role, tools));
  } finally {
    clearInterval(pulse);
  }
}

/** What is put around calls to a side: the watch, and the way where it can be narrowed. */
function wayOf(
  role: Role,
  side: Side,
  { clock, signal, watch }: { clock: Clock; signal: AbortSignal; watch: Watch },
): Around {
  const { ways, read, write } = role.control;
  if (ways === null) return watch;
  const share = role.type === "carry" ? 1 / role.seat.of : 1;
  const bucket = new TokenBucket(side === "source" ? read : write, clock);
  return within(new Way(ways[side], { clock, signal, share, bucket }), watch);
}

function asData(error: unknown) {
  const { code, message, path, retryable } = SyncError.from(error);
  return { code, message, path, retryable, scope: "run" } as const;
}

async function walk(role: Extract<Role, { type: "walk" }>, tools: Tools): Promise<void> {
  const { root, side, identity: expected } = role;
  const { port, clock, signal, ready } = tools;
  await using backend = await tools.open(side, root, expected);
  const guard = new RootGuard(backend, { side, expected, clock, signal });
  const gate = new Gate(role.control.gate, clock);
  const waiting: DirectoryToList[] = [];
  let closed = false;
  /** Bytes of each message that is not taken yet, and their sum. */
  const sent: number[] = [];
  let untaken = 0;
  let wake: (() => void)[] = [];
  const wakeAll = () => {
    const sleepers = wake;
    wake = [];
    sleepers.forEach((resolve) => resolve());
  };
  signal.addEventListener("abort", wakeAll);
  ready((message) => {
    if (message.type === "list") {
      for (const directory of message.directories) waiting.push(directory);
    }
    if (message.type === "taken") untaken -= sent.shift() ?? 0;
    if (message.type === "close") closed = true;
    wakeAll();
  });
  port.post({ type: "ready", capabilities: { [role.side]: backend.capabilities } });

  let batch: (ListedChunk | FailedListing)[] = [];
  let bytes = 0;
  const send = () => {
    if (batch.length > 0) {
      const listed = packListings(batch);
      port.post({ type: "listed", listed }, [listed.data.buffer, listed.columns.numbers.buffer]);
      sent.push(bytes);
      untaken += bytes;
    }
    batch = [];
    bytes = 0;
  };
  const put = (listed: ListedChunk | FailedListing) => {
    batch.push(listed);
    bytes += isFailure(listed) ? 0 : listed.data.length;
    if (bytes >= MESSAGE_BYTES || batch.length >= MESSAGE_DIRECTORIES) send();
  };
  /** A directory of a million entries must not pile up in the other thread. */
  const taken = async () => {
    while (untaken >= UNTAKEN_BYTES && !signal.aborted) {
      await new Promise<void>((resolve) => wake.push(resolve));
    }
  };
  const lister = async () => {
    const packer = new ListingPacker(), complete = side === "source";
    // on a share many are listed at a time, each with a packer of its own, and the calls are what counts
    const keep = backend.capabilities.latency === "immediate";
    const options = { signal, packer, complete, keep };
    while (!signal.aborted) {
      const directory = waiting.shift();
      if (directory === undefined) {
        send();
        if (closed) return;
        await new Promise<void>((resolve) => wake.push(resolve));
        continue;
      }
      const opening = gate.pass({ signal });
      if (opening !== undefined) await opening;
      const look = guard.check(FRESH);
      if (look !== undefined) await look;
      const small = listAtOnce(backend, directory, options);
      if (small !== undefined) {
        put(small);
        if (untaken >= UNTAKEN_BYTES) await taken();
        continue;
      }
      for await (const listed of listDirectory(backend, directory, options)) {
        await gate.pass({ signal });
        // the root itself cannot be listed: there is nothing to compare with
        if (isFailure(listed) && directory.path === "") {
          const { message } = listed.error;
          throw new SyncError("ELIST", `the ${side} ${showPath(root)}: ${message}`, {
            scope: "run",
          });
        }
        put(listed);
        await taken();
      }
      if (backend.capabilities.latency === "waiting") send();
    }
  };
  const listers = backend.capabilities.latency === "waiting" ? LISTS_WAITING : LISTS_IMMEDIATE;
  await Promise.all(Array.from({ length: listers }, lister));
}

/** Of lanes that are asked for, those of one thread; null when none are asked for. */
function shareOf(
  wanted: SharedCount,
  { index, of }: { readonly index: number; readonly of: number },
): () => number | null {
  return () => {
    const { value } = wanted;
    return value === null ? null : Math.floor((value + of - 1 - index) / of);
  };
}

async function carry(role: Extract<Role, { type: "carry" }>, tools: Tools): Promise<void> {
  const { port, clock, signal, ready, open } = tools;
  const { identities } = role;
  await using source = await open("source", role.source, identities.source);
  await using destination = await open("destination", role.destination, identities.destination);
  const records = new CopiedRecords({
    source: role.source,
    destination: role.destination,
    algorithm: role.algorithm,
  });
  let given = 0;
  const carrier = new Carrier({
    ...role,
    source,
    destination,
    gate: new Gate(role.control.gate, clock),
    wantedLanes: shareOf(new SharedCount(role.control.lanes), role.seat),
    buckets: {
      read: new TokenBucket(role.control.read, clock),
      write: new TokenBucket(role.control.write, clock),
    },
    clock,
    signal,
    hungry: (files, idle) => port.post({ type: "hungry", files, idle, given }),
    settled: ({ outcomes, parcels, jobs }) => {
      const packed = packOutcomes({ parcels, outcomes }, records);
      for (const { parcel } of parcels) parcel.recorded();
      port.post({
        type: "settled",
        outcomes: packed,
        jobs: jobs.map(({ directory }) => directory),
      }, [packed.records.buffer, packed.parcels.numbers.buffer]);
    },
  });
  ready((message) => {
    if (message.type === "jobs") {
      given += 1;
      carrier.add(unpackJobs(message.jobs));
      giveBack(message.jobs.numbers);
    }
    if (message.type === "close") carrier.close();
  });
  port.post({
    type: "ready",
    capabilities: { source: source.capabilities, destination: destination.capabilities },
  });
  const progress = setInterval(
    () => port.post({ type: "progress", ...carrier.underway() }),
    200,
  );
  try {
    await carrier.run();
    // others may go on for hours, and what it had in its hands is done
    port.post({ type: "progress", ...carrier.underway() });
  } finally {
    clearInterval(progress);
  }
}
