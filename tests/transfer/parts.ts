/** Parts that tests of the transfer put together: jobs, items, a carrier's options. */
import { type MemoryBackend, memoryBackend } from "../../src/backend/memory.ts";
import type { Backend, Capabilities } from "../../src/backend/backend.ts";
import type { Block, Carried, Item } from "../../src/block.ts";
import type { Kind } from "../../src/entry.ts";
import type { Job, Outcome } from "../../src/job.ts";
import { Gate, gateMemory } from "../../src/lib/gate.ts";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { Buffers } from "../../src/transfer/buffers.ts";
import { Group } from "../../src/transfer/group.ts";
import { KnownDirectories } from "../../src/transfer/known_directories.ts";
import type { Settled } from "../../src/transfer/staged.ts";
import { Streams } from "../../src/transfer/streams.ts";
import type { ReaderOptions } from "../../src/transfer/reader.ts";
import type { WriterOptions } from "../../src/transfer/one_file.ts";
import { outcomeInParcel } from "../../src/transfer/parcel_writer.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { fill, type Tree } from "../testing/world.ts";

const UNSEEN = { mtime: 0, mtimeNanos: 0, ctime: 0, ctimeNanos: 0 };

/** A job of some files (or links) of one directory; sizes as in `tree`, where it has them. */
export function jobOf(path: string, names: readonly string[], tree: Tree = {}): Job {
  return {
    directory: path.length + 1,
    path,
    missing: [],
    listed: null,
    last: true,
    whole: null,
    files: names.map((name) => {
      const node = tree[path === "" ? name : `${path}/${name}`];
      const kind: Kind = typeof node === "object" && node?.target ? "symlink" : "file";
      const size = typeof node === "string" ? node.length : 1;
      return { name, kind, size, reason: "not at the destination", scanned: UNSEEN };
    }),
  };
}

export function memory(tree: Tree = {}, capabilities?: Partial<Capabilities>): MemoryBackend {
  const backend = memoryBackend({ capabilities });
  fill(backend, tree);
  return backend;
}

/** A bucket without a limit. */
export function unlimited(): TokenBucket {
  return new TokenBucket(bucketMemory(), new FakeClock());
}

/** A gate that is open. */
export function open(): Gate {
  return new Gate(gateMemory(), new FakeClock());
}

/** Options of a reader of `tree` with 10-byte blocks. */
export function readerOptions(
  source: Backend,
  changes: Partial<ReaderOptions> = {},
): ReaderOptions {
  return {
    source,
    parcels: false,
    mostInParcel: () => 64,
    buffers: new Buffers({ slots: 2, blockSize: 10 }),
    streams: new Streams(),
    blockSize: 10,
    bucket: unlimited(),
    gate: open(),
    clock: new FakeClock(),
    signal: new AbortController().signal,
    breathe: () => undefined,
    ...changes,
  };
}

/** Hands out some jobs. */
export function taker(...jobs: Job[]): () => Promise<Job | undefined> {
  return () => Promise.resolve(jobs.shift());
}

export function carriedOf(job: Job, name: string, changes: Partial<Carried> = {}): Carried {
  const file = job.files.find((file) => file.name === name)!;
  const path = job.path === "" ? name : `${job.path}/${name}`;
  return { job, file, path, entry: null, stamp: null, began: 0, failed: null, ...changes };
}

export function blockOf(carried: Carried, text: string, changes: Partial<Block> = {}): Block {
  return {
    type: "block",
    carried,
    offset: 0,
    data: new TextEncoder().encode(text),
    last: true,
    hash: null,
    release() {},
    ...changes,
  };
}

/** A writer's options at a destination, with all that leaves its group. */
export function writerParts(
  source: Backend,
  destination: Backend,
  rules: readonly Rule[] = [],
): { options: WriterOptions; group: Group; settled: Outcome[]; jobs: Job[]; clock: FakeClock } {
  const settled: Outcome[] = [];
  const jobs: Job[] = [];
  const clock = new FakeClock();
  const faulty = withFaults(destination, rules);
  const group = new Group({
    checkRoots: () => undefined,
    destination: faulty,
    clock,
    outcomeOf: outcomeInParcel,
    settled: (some: Settled) => {
      settled.push(...some.outcomes);
      jobs.push(...some.jobs);
      for (const { parcel } of some.parcels) parcel.recorded();
    },
  });
  const options: WriterOptions = {
    source,
    destination: faulty,
    group,
    streams: new Streams(),
    known: new KnownDirectories(),
    clock,
    signal: new AbortController().signal,
    preserve: [],
    links: "kept",
    parcels: false,
    checkRoot: () => Promise.resolve(),
    progress() {},
    width: () => 1,
    busy() {},
    ended() {},
  };
  return { options, group, settled, jobs, clock };
}

/** Batches of one item each. */
export async function* one(...items: Item[]): AsyncGenerator<Item[]> {
  for (const item of items) yield [await Promise.resolve(item)];
}
