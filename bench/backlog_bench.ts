/**
 * How fast the database takes in what walkers list, decides it, and settles what was copied.
 *
 * Run it with `deno bench -A bench/backlog_bench.ts`. An iteration handles 20,000 files in 40
 * directories, in a database of its own that is not written to a disk.
 */
import { randomBytes } from "node:crypto";
import type { Backend } from "../src/backend/backend.ts";
import { memoryBackend } from "../src/backend/memory.ts";
import type { ListedChunk } from "../src/backlog/backlog.ts";
import { SqliteBacklog } from "../src/backlog/sqlite.ts";
import type { Job } from "../src/job.ts";
import { Parcel, PROGRESS } from "../src/parcel.ts";
import { filesOf } from "../src/packed.ts";
import { listDirectory } from "../src/scan/walker.ts";
import { EXACT } from "../src/times.ts";

const DIRECTORIES = 40, FILES_EACH = 500, FILES = DIRECTORIES * FILES_EACH;
const ROOTS = { source: "/source", destination: "/destination" };
const ROOT_ENTRIES = {
  source: { inode: 1n, mtime: 0n },
  destination: { inode: 2n, mtime: 0n },
};
/** Directories whose listings are put into the database in one transaction. */
const AT_ONCE = 8;

/** A tree as both sides have it; the times are the same wherever it is made. */
function makeTree(): Backend {
  let time = 1_700_000_000_000_000_000n;
  const backend = memoryBackend({ now: () => time });
  for (let d = 0; d < DIRECTORIES; d++) {
    for (let i = 0; i < FILES_EACH; i++) {
      time += 1_000_003n;
      const path = `directory ${d}/a file with a name of usual length ${i}`;
      backend.put(path, { kind: "file", content: "content" });
    }
  }
  return backend;
}

/** What the walkers make of some directories: listing them is not the database's time. */
async function list(backend: Backend, paths: readonly string[]): Promise<Map<string, ListedChunk>> {
  const { signal } = new AbortController();
  const chunks = new Map<string, ListedChunk>();
  for (const path of paths) {
    for await (const listed of listDirectory(backend, { id: 0, path }, { signal })) {
      if ("error" in listed) throw new Error(listed.error.message);
      chunks.set(path, listed);
    }
  }
  return chunks;
}

const PATHS = ["", ...Array.from({ length: DIRECTORIES }, (_, d) => `directory ${d}`)];
const FULL = await list(makeTree(), PATHS);
const EMPTY = (await list(memoryBackend(), [""])).get("")!;

/** A scan of both sides; the destination is `full`, with the same entries, or has none. */
function scan(backlog: SqliteBacklog, full: boolean, bench?: Deno.BenchContext): void {
  bench?.start();
  const store = backlog.beginScan(ROOT_ENTRIES, { times: EXACT });
  for (const side of ["source", "destination"] as const) {
    for (;;) {
      const queued = store.queued(side, 0, AT_ONCE);
      if (queued.length === 0) break;
      backlog.transaction(() => {
        for (const { id, path } of queued) {
          const listed = side === "source" || full ? FULL.get(path)! : EMPTY;
          store.put(side, [{ ...listed, id, path }]);
        }
      });
    }
  }
  backlog.finishScan(store.scan);
  bench?.end();
}

function expectPending(backlog: SqliteBacklog, files: number): void {
  const pending = backlog.transfer.pending().files;
  if (pending !== files) throw new Error(`${pending} files are pending instead of ${files}`);
}

Deno.bench(`scan ${FILES} files, none at the destination`, { group: "scan" }, (bench) => {
  using backlog = SqliteBacklog.temporary(ROOTS);
  scan(backlog, false, bench);
  expectPending(backlog, FILES);
});

Deno.bench(`scan ${FILES} files, all at the destination`, { group: "scan" }, (bench) => {
  using backlog = SqliteBacklog.temporary(ROOTS);
  scan(backlog, true, bench);
  expectPending(backlog, 0);
});

Deno.bench(`scan ${FILES} files again, nothing changed`, { group: "scan" }, (bench) => {
  using backlog = SqliteBacklog.temporary(ROOTS);
  scan(backlog, true);
  scan(backlog, true, bench);
  expectPending(backlog, 0);
});

Deno.bench(`give out and settle ${FILES} files`, { group: "transfer" }, (bench) => {
  using backlog = SqliteBacklog.temporary(ROOTS);
  scan(backlog, false);
  const hash = randomBytes(32).toString("hex");
  bench.start();
  const jobs = backlog.jobs({ limits: { files: 64, bytes: 64 * 2 ** 20 }, spread: 8, scan: null });
  for (;;) {
    const job = backlog.transaction(() => jobs.next());
    if (job === undefined) break;
    const work = {
      outcomes: [],
      parcels: [filesOf(copied(job, hash))],
      landed: [job.directory],
    };
    backlog.transaction(() => backlog.transfer.settle(work, "sha256"));
  }
  bench.end();
  expectPending(backlog, 0);
});

/** A job as a lane gives it back. */
function copied(job: Job, hash: string) {
  const data = new Uint8Array(0);
  const parcel = new Parcel(job, job.files, { data, release() {}, began: 0 });
  parcel.progress.fill(PROGRESS.committed);
  for (const _ of job.files) parcel.hashes.push(hash);
  return { parcel, files: job.files.length, bytes: parcel.bytes };
}
