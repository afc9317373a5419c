/** A world for a run: two sides, a database and a log in a temporary directory. */
import type { Backend, Capabilities } from "../../src/backend/backend.ts";
import {
  type MemoryBackend,
  memoryBackend,
  type MemoryOptions,
  type TreeNode,
} from "../../src/backend/memory.ts";
import type { NameHabits } from "../../src/backend/name_map.ts";
import type { RunEvent, Summary } from "../../src/event.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { spawnInProcess } from "../../src/hands.ts";
import type { SyncOptions } from "../../src/options.ts";
import { sync, type SyncEnvironment } from "../../src/sync.ts";
import { type Rule, withFaults } from "./faulty_backend.ts";
import { scratchDirectory } from "./scratch.ts";
import { queryDatabase } from "./query.ts";

/** A tree as a test writes it down: a text is a file, null an empty directory. */
export type Tree = Readonly<Record<string, string | null | TreeNode>>;

/** An audit record, as it was read back. */
export type Record_ = Readonly<Record<string, unknown>> & { readonly type: string };

/** 2001-09-09 01:46:40.123456789 */
export const THEN = 1_000_000_000_123_456_789n;

export interface Ran {
  readonly summary: Summary;
  readonly events: readonly RunEvent[];
  /** "copy path", "delete path": what a dry run planned, sorted. */
  readonly planned: readonly string[];
}

export type RunOptions = Partial<SyncOptions> & SyncEnvironment & {
  readonly faults?: {
    readonly source?: readonly Rule[];
    readonly destination?: readonly Rule[];
    /** What rules stall by; the run itself goes by another. */
    readonly clock?: Clock;
  };
};

abstract class World implements Disposable {
  readonly top: string;
  readonly source: string;
  readonly destination: string;
  readonly db: string;
  readonly log: string;

  constructor(directory: string) {
    this.top = Deno.realPathSync(directory);
    this.source = `${this.top}/source`;
    this.destination = `${this.top}/destination`;
    this.db = `${this.top}/sluice.db`;
    this.log = `${this.top}/audit.jsonl`;
    Deno.mkdirSync(this.source);
    Deno.mkdirSync(this.destination);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.top, { recursive: true });
  }

  /** Runs sync() and gathers what it told. */
  async run(options: RunOptions = {}): Promise<Ran> {
    const events: RunEvent[] = [];
    const { faults: _, ...rest } = options;
    const summary = await sync(this.source, this.destination, {
      db: this.db,
      log: this.log,
      reporter: () => ({ event: (event) => events.push(event), async [Symbol.asyncDispose]() {} }),
      // what waits is tested where a test says so
      waitForMount: 0,
      waitForSpace: 0,
      retries: 0,
      ...this.environment(options),
      ...rest,
    });
    const planned = events.flatMap((event) =>
      event.type === "operation" ? [`${event.action} ${event.path}`] : []
    ).sort();
    return { summary, events, planned };
  }

  protected environment(_options: RunOptions): SyncEnvironment {
    return {};
  }

  /** Every record of the audit log; each line must parse. */
  records(): Record_[] {
    return Deno.readTextFileSync(this.log).split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  /** The operations of the last run: "action status path", sorted. */
  operations(): string[] {
    const all = this.records();
    const run = all.at(-1)!.run;
    return all.filter((one) => one.type === "operation" && one.run === run).map((one) =>
      `${one.action} ${one.status} ${String(one.destination).slice(this.destination.length + 1)}`
    ).sort();
  }

  /** The words of a command line that syncs this world. */
  args(...more: string[]): string[] {
    return [this.source, this.destination, "--db", this.db, "--log", this.log, ...more];
  }

  /** Rows of a query. */
  query(sql: string): Record<string, unknown>[] {
    return queryDatabase(this.db, sql);
  }

  /** "status path" of every row of `files`, sorted. */
  statuses(): string[] {
    return this.query("SELECT source_path, status FROM files").map((row) =>
      `${row.status} ${String(row.source_path).slice(this.source.length + 1)}`
    ).sort();
  }
}

/** A world with both sides in memory, and faults where a run asks for them. */
export class MemoryWorld extends World {
  readonly from: MemoryBackend;
  readonly to: MemoryBackend;
  /** Names of temporaries carry the token of the run that made them. */
  readonly #names = new Map<string, () => string>();

  constructor(
    source: Tree = {},
    destination: Tree = {},
    capabilities?: Partial<Capabilities>,
    /** What the destination makes of a time that it is given. */
    keepTime?: MemoryOptions["keepTime"],
    /** What it does with names. */
    habits?: NameHabits,
  ) {
    super(scratchDirectory());
    const make = (root: string, options: Pick<MemoryOptions, "keepTime" | "names"> = {}) =>
      memoryBackend({
        root,
        capabilities,
        temporaryName: () => this.#names.get(root)!(),
        ...options,
      });
    this.from = make(this.source);
    this.to = make(this.destination, { keepTime, names: habits });
    fill(this.from, source);
    fill(this.to, destination);
  }

  protected override environment({ faults = {} }: RunOptions): SyncEnvironment {
    const from = withFaults(this.from, faults.source ?? [], faults);
    const to = withFaults(this.to, faults.destination ?? [], faults);
    const open = (root: string, temporaryName: () => string): Promise<Backend> => {
      // all lanes share one tree here, so the last maker of names serves them all
      this.#names.set(root, temporaryName);
      return Promise.resolve(root === this.source ? from : to);
    };
    return { open, spawn: spawnInProcess(open) };
  }
}

/** A world of two real directories, with real threads. */
export class DiskWorld extends World {
  constructor(source: Tree = {}, destination: Tree = {}) {
    super(Deno.makeTempDirSync({ prefix: "sluice-test-" }));
    writeTree(this.source, source);
    writeTree(this.destination, destination);
  }
}

/** Puts a tree into a backend; what names no time gets {@link THEN}. */
export function fill(backend: MemoryBackend, tree: Tree): void {
  for (const [path, node] of Object.entries(tree)) {
    if (node === null) backend.put(path, { kind: "directory", mtime: THEN });
    else if (typeof node === "string") backend.put(path, { content: node, mtime: THEN });
    else backend.put(path, { mtime: THEN, ...node });
  }
}

/** What two sides in sync have in common: path, kind, content or target, and time. */
export function essence(backend: MemoryBackend, options: { times?: boolean } = {}) {
  return Object.fromEntries(
    Object.entries(backend.tree()).map(([path, { kind, content, target, mtime }]) => [path, {
      kind,
      content: content === undefined ? undefined : new TextDecoder().decode(content as Uint8Array),
      target,
      mtime: options.times === false ? undefined : mtime,
    }]),
  );
}

/** Writes a tree below a real directory. */
export function writeTree(root: string, tree: Tree): void {
  for (const [path, node] of Object.entries(tree)) {
    const full = `${root}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    if (node === null) Deno.mkdirSync(full, { recursive: true });
    else if (typeof node === "string") Deno.writeTextFileSync(full, node);
    else if (node.target !== undefined) Deno.symlinkSync(node.target, full);
    else if (node.kind === "directory") Deno.mkdirSync(full, { recursive: true });
    else {
      const { content = "" } = node;
      Deno.writeFileSync(full, typeof content === "string" ? utf8.encode(content) : content);
    }
    if (node !== null && typeof node !== "string" && node.target !== undefined) continue;
    if (node !== null && typeof node !== "string" && node.mtime !== undefined) {
      const seconds = Number(node.mtime) / 1e9;
      Deno.utimeSync(full, seconds, seconds);
    }
  }
}

const utf8 = new TextEncoder();

/** A real tree as data: path to kind, content or target, and time in milliseconds. */
export function readTree(root: string, path = ""): Record<string, string> {
  const tree: Record<string, string> = {};
  const here = path === "" ? root : `${root}/${path}`;
  tree[path] = `directory ${Deno.lstatSync(here).mtime!.getTime()}`;
  for (const { name } of Deno.readDirSync(here)) {
    const at = path === "" ? name : `${path}/${name}`;
    const stat = Deno.lstatSync(`${root}/${at}`);
    const time = stat.mtime!.getTime();
    if (stat.isDirectory) Object.assign(tree, readTree(root, at));
    else if (stat.isSymlink) tree[at] = `link ${Deno.readLinkSync(`${root}/${at}`)}`;
    else if (stat.isFile) tree[at] = `file ${time} ${Deno.readTextFileSync(`${root}/${at}`)}`;
    else tree[at] = "special";
  }
  return tree;
}
