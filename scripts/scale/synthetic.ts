/**
 * A tree of any size that is not there: every directory's listing follows from its path, so that
 * nothing is stored, and what is written to it is counted and thrown away.
 */
import type {
  Backend,
  CallOptions,
  FileReader,
  FileWriter,
  HeldParcels,
  Identity,
  ListBatch,
  Trash,
} from "../../src/backend/backend.ts";
import { isTemporary } from "../../src/backend/temporary.ts";
import { baseOf, type Entry } from "../../src/entry.ts";
import { SyncError } from "../../src/errors.ts";
import { type Parcel, PARCEL_FILES, PROGRESS } from "../../src/parcel.ts";

/** Files in a folder, folders in a project, projects in an area. */
const FILES = 100, FOLDERS = 100, PROJECTS = 100;
const BATCH = 1000;
const NOTHING: ListBatch = { entries: [], temporaries: [], problems: [] };

/**
 * What the tree lists: all its files, none of them, or all with the first one of each folder changed,
 * so that no two listings agree.
 */
export type Contents = "all" | "none" | "changed";

/** A directory that is made with its files, which are thrown away as all others. */
const MADE = {
  open: true,
  named: true,
  seal() {},
  discard: () => undefined,
  name: () => Promise.resolve(),
  [Symbol.dispose]() {},
} as const;

/** A tree to be made up. */
export interface SyntheticOptions {
  readonly root: string;
  readonly identity: Identity;
  /** Files in all. */
  readonly files: number;
  readonly contents: Contents;
  /** All files are in the root. Default: 100 in a folder, three levels deep. */
  readonly flat?: boolean;
  /** Called when the first file is about to be written. */
  readonly written?: () => void;
  /** Called for each directory that is listed. */
  readonly listed?: (path: string) => void;
}

/** Opens a tree that is made up. */
export function openSynthetic(options: SyntheticOptions): Backend {
  const { root, identity, written } = options;
  const held: HeldParcels = {
    read(parcel) {
      stampAll(parcel);
      parcel.progress.fill(PROGRESS.read);
    },
    write({ progress }) {
      written?.();
      for (let i = 0; i < progress.length; i++) {
        if (progress[i] === PROGRESS.read) progress[i] = PROGRESS.written;
      }
    },
    commit({ progress }) {
      for (let i = 0; i < progress.length; i++) {
        if (progress[i] === PROGRESS.written) progress[i] = PROGRESS.committed;
      }
    },
    discard() {},
    writer: () => refuse("writer"),
    [Symbol.dispose]() {},
  };
  return {
    root,
    identity,
    capabilities: {
      latency: "immediate",
      durability: "group",
      exactNames: true,
      timePrecision: 1n,
      kind: "synthetic",
    },
    small: {
      most: PARCEL_FILES,
      hold: () => Promise.resolve(held),
      make: () => Promise.resolve({ ...MADE, hold: () => held }),
    },
    identify: () => Promise.resolve(identity),
    space: () => Promise.resolve(null),
    // deno-lint-ignore require-await
    async look(path: string): Promise<Entry | undefined> {
      return isTemporary(baseOf(path)) ? undefined : directory(baseOf(path));
    },
    async *list(path: string, { signal }: CallOptions = {}): AsyncIterable<ListBatch> {
      options.listed?.(path);
      signal?.throwIfAborted();
      await Promise.resolve();
      let entries: Entry[] = [];
      for (const entry of listing(path, options)) {
        entries.push(entry);
        if (entries.length < BATCH) continue;
        yield { ...NOTHING, entries };
        entries = [];
      }
      yield { ...NOTHING, entries };
    },
    makeDirectory: (path) => isTemporary(path) ? refuse("probe") : Promise.resolve(true),
    setTimes: () => Promise.resolve(),
    flush: () => Promise.resolve(),
    open: (): Promise<FileReader> => refuse("open"),
    create: (): Promise<FileWriter> => refuse("create"),
    createLink: () => refuse("link"),
    link: () => refuse("link"),
    xattrs: () => Promise.resolve(new Map()),
    setAttributes: () => Promise.resolve([]),
    removeFile: () => refuse("remove"),
    removeDirectory: () => refuse("remove"),
    openTrash: (): Promise<Trash> => refuse("trash"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function refuse(what: string): never {
  throw new SyncError("EOPNOTSUPP", `a synthetic tree cannot ${what}`);
}

/** What reading would have found: what the scan saw. */
function stampAll(parcel: Parcel): void {
  parcel.files.forEach(({ scanned }, i) =>
    parcel.setStamp(i, {
      ...scanned,
      atime: scanned.mtime,
      atimeNanos: scanned.mtimeNanos,
      birthtime: scanned.mtime,
      birthtimeNanos: 0,
      mode: 0o644,
      uid: 1000,
      gid: 1000,
    })
  );
}

function* listing(path: string, options: SyntheticOptions): Iterable<Entry> {
  const { files, contents, flat = false } = options;
  if (contents === "none") return;
  const changed = contents === "changed";
  if (flat) return yield* numbered(0, files, (n) => file(n, changed && n === 0));
  const [level, number] = placeOf(path);
  const [width, make] = [
    [FILES * FOLDERS * PROJECTS, (n: number) => directory(`area ${pad(n, 3)}`)],
    [FILES * FOLDERS, (n: number) => directory(`project ${pad(n, 5)}`)],
    [FILES, (n: number) => directory(`folder ${pad(n, 7)}`)],
    [1, (n: number) => file(n, changed && n % FILES === 0)],
  ][level] as [number, (number: number) => Entry];
  const all = Math.ceil(files / width);
  const each = level === 0 ? all : level === 1 ? PROJECTS : level === 2 ? FOLDERS : FILES;
  yield* numbered(number * each, Math.min(all, (number + 1) * each), make);
}

function* numbered(from: number, to: number, make: (number: number) => Entry): Iterable<Entry> {
  for (let number = from; number < to; number++) yield make(number);
}

/** How deep a directory is, and its number among all of its level. */
function placeOf(path: string): [level: number, number: number] {
  if (path === "") return [0, 0];
  const name = baseOf(path);
  const level = ["area", "project", "folder"].findIndex((kind) => name.startsWith(kind)) + 1;
  return [level, Number(name.slice(name.indexOf(" ") + 1))];
}

const BASE = 1_700_000_000_000_000_000n;

function file(number: number, changed: boolean): Entry {
  const time = BASE + BigInt(number) * 1_000_003n;
  const size = (number * 7919) % 512 + (changed ? 1 : 0);
  return {
    ...COMMON,
    name: `report of the day ${pad(number, 9)}.dat`,
    kind: "file",
    size,
    ...at(time),
  };
}

function directory(name: string): Entry {
  return { ...COMMON, name, kind: "directory", size: 4096, ...at(BASE) };
}

function at(time: bigint): Pick<Entry, "mtime" | "atime" | "ctime" | "birthtime"> {
  return { mtime: time, atime: time, ctime: time, birthtime: time };
}

const COMMON = {
  mode: 0o644,
  uid: 1000,
  gid: 1000,
  device: 1n,
  inode: 1n,
  links: 1,
  target: "",
} as const;

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}
