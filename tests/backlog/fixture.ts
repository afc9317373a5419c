/** A database under test, and scans of trees in memory into it, one directory at a time. */
import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { type MemoryBackend, memoryBackend } from "../../src/backend/memory.ts";
import type { ListedChunk } from "../../src/backlog/backlog.ts";
import type { ScanStore } from "../../src/backlog/scan_store.ts";
import { SqliteBacklog } from "../../src/backlog/sqlite.ts";
import type { Side } from "../../src/event.ts";
import type { JobLimits } from "../../src/backlog/job_source.ts";
import type { Job, Outcome } from "../../src/job.ts";
import { isFailure, listDirectory } from "../../src/scan/walker.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { scratchDirectory } from "../testing/scratch.ts";
import { fill, type Tree } from "../testing/world.ts";
import { queryDatabase } from "../testing/query.ts";
import { EXACT } from "../../src/times.ts";

const WINDOW = { times: EXACT };
const { signal } = new AbortController();

export class Fixture implements Disposable {
  readonly directory = scratchDirectory();
  readonly path = `${this.directory}/sluice.db`;
  readonly from: MemoryBackend = memoryBackend();
  readonly to: MemoryBackend = memoryBackend();
  readonly pair = { source: "/source", destination: "/destination" };
  backlog: SqliteBacklog = SqliteBacklog.open(this.path, this.pair);

  constructor(source: Tree = {}, destination: Tree = {}) {
    fill(this.from, source);
    fill(this.to, destination);
  }

  [Symbol.dispose](): void {
    this.backlog[Symbol.dispose]();
    Deno.removeSync(this.directory, { recursive: true });
  }

  /** Closes the database and opens it again, as the next run does. */
  reopen(): void {
    this.backlog[Symbol.dispose]();
    this.backlog = SqliteBacklog.open(this.path, this.pair);
  }

  async begin(): Promise<ScanStore> {
    const root = async (backend: Backend) => ({ ...(await backend.look(""))! });
    return this.backlog.beginScan(
      { source: await root(this.from), destination: await root(this.to) },
      WINDOW,
    );
  }

  resume(): ScanStore {
    return this.backlog.resumeScan(this.backlog.lastScan()!.id, WINDOW);
  }

  /** A whole scan; the sides take turns of `turns` directories. */
  async scan(
    { faults = {}, turns = 1 }: {
      faults?: { source?: readonly Rule[]; destination?: readonly Rule[] };
      turns?: number;
    } = {},
  ): Promise<void> {
    const store = await this.begin();
    while (
      await this.walk(store, "source", { limit: turns, faults: faults.source }) +
          await this.walk(store, "destination", { limit: 1, faults: faults.destination }) > 0
    );
    this.backlog.finishScan(store.scan);
    this.check();
  }

  /** Lists up to `limit` directories of a side; of the last one only `chunks`. */
  async walk(
    store: ScanStore,
    side: Side,
    options: { limit?: number; chunks?: number; faults?: readonly Rule[] } = {},
  ): Promise<number> {
    const { limit = Infinity, chunks = Infinity, faults = [] } = options;
    const backend = withFaults(side === "source" ? this.from : this.to, faults);
    let done = 0;
    while (done < limit) {
      const [next] = store.queued(side, 0, 1);
      if (next === undefined) break;
      let count = 0;
      for await (const listed of listDirectory(backend, next, { signal })) {
        if (++count > chunks) return done;
        this.backlog.transaction(() => store.put(side, [listed]));
      }
      done += 1;
    }
    return done;
  }

  /** The listing of a directory of the source that is known, chunk by chunk. */
  async *listing(path: string): AsyncGenerator<ListedChunk> {
    const [row] = this.query(`SELECT id FROM directory WHERE path = '${path}'`);
    for await (
      const listed of listDirectory(this.from, { id: Number(row!.id), path }, { signal })
    ) {
      if (!isFailure(listed)) yield listed;
    }
  }

  query(sql: string): Record<string, unknown>[] {
    return queryDatabase(this.path, sql);
  }

  /** "status path" of files, links and special files, sorted. */
  files(): string[] {
    return this.query(`
      SELECT d.path || iif(d.path = '', '', '/') || f.name AS path, f.status AS status
      FROM file f JOIN directory d ON d.id = f.directory`)
      .map(({ path, status }) => `${["pending", "synced", "skipped"][Number(status)]} ${path}`)
      .sort();
  }

  /** "kind path" of extras, with "conflict" where they stand in the way; sorted. */
  extras(): string[] {
    const { extras } = this.backlog;
    return [
      ...extras.files({ directory: 0, name: "" }, 1000, "all"),
      ...extras.directories(
        { depth: Number.MAX_SAFE_INTEGER, directory: 0, name: "" },
        1000,
        "all",
      ),
    ].map(({ kind, path, conflict }) => `${kind} ${path}${conflict ? " conflict" : ""}`).sort();
  }

  /** What must hold between any two transactions. */
  check(): void {
    assert.deepEqual(
      this.query(`
        SELECT d.path AS path, d.pending_files, d.pending_bytes, count(f.name), sum(f.size)
        FROM directory d LEFT JOIN file f ON f.directory = d.id AND f.status = 0
        GROUP BY d.id HAVING d.pending_files <> count(f.name)
          OR d.pending_bytes <> coalesce(sum(f.size), 0)`),
      [],
    );
    assert.deepEqual(
      this.query("SELECT * FROM file WHERE directory NOT IN (SELECT id FROM directory)"),
      [],
    );
    const [sum] = this.query(
      "SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM file WHERE status = 0",
    );
    assert.deepEqual(this.backlog.transfer.pending(), sum);
    const [free] = this.query(`
      SELECT coalesce(sum(pending_files), 0) AS files, coalesce(sum(pending_bytes), 0) AS bytes
      FROM directory WHERE destination_state <> 3`);
    assert.deepEqual(this.backlog.transfer.transferable(), free);
    assert.deepEqual(
      this.query(`
        SELECT d.path, f.name FROM directory d JOIN file f ON f.directory = d.id
        WHERE (d.unsettled = 0 AND f.status NOT IN (1, 2))
          OR (d.unsettled = 2 AND f.status NOT IN (0, 1, 2))`),
      [],
    );
  }

  /** All jobs of one pass. */
  jobs(limits: JobLimits = { files: 64, bytes: Infinity }, spread = 4): Job[] {
    const source = this.backlog.jobs({ limits, spread, scan: null });
    const all: Job[] = [];
    this.backlog.transaction(() => {
      for (let job = source.next(); job !== undefined; job = source.next()) all.push(job);
    });
    return all;
  }
}

/** What a transfer says of one file of a job. */
export function outcomeOf(job: Job, name: string, changes: Partial<Outcome> = {}): Outcome {
  const file = job.files.find((file) => file.name === name)!;
  return {
    ...SUCCESS,
    directory: job.directory,
    name,
    path: job.path === "" ? name : `${job.path}/${name}`,
    kind: file.kind,
    size: file.size,
    expected: file.size,
    ...changes,
  } as Outcome;
}

const NOW = {
  mtime: 1_000_000_000,
  mtimeNanos: 123_456_789,
  atime: 1,
  atimeNanos: 2,
  ctime: 3,
  ctimeNanos: 4,
};

const SUCCESS = {
  action: "copy",
  reason: "not at the destination",
  status: "success",
  hash: "ab".repeat(32),
  stamp: { ...NOW, birthtime: null, birthtimeNanos: 0, mode: 0o644, uid: 1, gid: 2 },
  duration: 1,
  error: null,
};
