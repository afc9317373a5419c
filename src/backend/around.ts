/** Something around each call of a backend: the shape that its wrappers share. */
import type {
  Backend,
  CallOptions,
  FileReader,
  FileWriter,
  HeldNames,
  ListBatch,
  Listing,
  Trash,
} from "./backend.ts";
import { SyncError } from "../errors.ts";
import { aroundSmall, quietly } from "./around_small.ts";

/** The calls of a backend and of what it opens. */
export type Call =
  | "identify"
  | "space"
  | "look"
  | "list"
  | "listMore"
  | "listRest"
  | "open"
  | "dataFrom"
  | "read"
  | "lookAgain"
  | "uncache"
  | "close"
  | "create"
  | "write"
  | "extend"
  | "finish"
  | "commit"
  | "abort"
  | "createLink"
  | "link"
  | "makeDirectory"
  | "nameDirectory"
  | "setTimes"
  | "xattrs"
  | "setAttributes"
  | "removeFile"
  | "removeDirectory"
  | "openTrash"
  | "take"
  | "flush"
  | "hold"
  | "lookNames"
  | "removeNames"
  | "timeNames"
  | "readParcel"
  | "writeParcel"
  | "commitParcel"
  | "discardParcel";

/** Those that read a part of a listing: the first, one that may be made again, one that may not. */
export const LISTS: ReadonlySet<Call> = new Set<Call>(["list", "listMore", "listRest"]);

/** How much a call is about. */
export interface Extent {
  /** Files, or names of a listing; of a listing and of a parcel they are known only after the call. */
  readonly files: number;
  readonly bytes: number;
}

/** What is put around calls. */
export interface Around {
  /**
   * It may make calls wait. What would be done at once, and can be done by a call, is done by one then.
   * Default: false.
   */
  readonly holdsBack?: boolean;
  /**
   * Makes a call, or several, or none; `path` is what it is about, relative to the root. Calls whose
   * time depends on how much they are about have an `extent`.
   */
  call<T>(call: Call, path: string, make: () => Promise<T>, extent?: Extent): Promise<T>;
  /** The same for the calls of the short way that are done when they return. */
  now<T>(call: Call, path: string, make: () => T, extent: Extent): T;
}

/** One `Around` in another: `outer` decides how often `inner` is asked. */
export function within(outer: Around, inner: Around): Around {
  return {
    holdsBack: outer.holdsBack === true || inner.holdsBack === true,
    call: (call, path, make, extent) =>
      outer.call(call, path, () => inner.call(call, path, make, extent), extent),
    now: (call, path, make, extent) =>
      outer.now(call, path, () => inner.now(call, path, make, extent), extent),
  };
}

/** A backend with `around` around each of its calls. It disposes of `inner`. */
export function withAround(inner: Backend, around: Around): Backend {
  const { small } = inner;
  const outer: Backend = {
    root: inner.root,
    capabilities: inner.capabilities,
    identity: inner.identity,
    identify: (options) => around.call("identify", "", () => inner.identify(options)),
    space: (options) => around.call("space", "", () => inner.space(options)),
    look: (path, options) => around.call("look", path, () => inner.look(path, options)),
    list: (path, options) => listing(inner, path, options, around),
    open: async (path, options) =>
      reader(await around.call("open", path, () => inner.open(path, options)), path, around),
    create: async (path, options) =>
      writer(await around.call("create", path, () => inner.create(path, options)), around),
    createLink: (path, link, options) =>
      around.call("createLink", path, () => inner.createLink(path, link, options)),
    link: (existing, path, options) =>
      around.call("link", path, () => inner.link(existing, path, options)),
    makeDirectory: (path, options) =>
      around.call("makeDirectory", path, () => inner.makeDirectory(path, options)),
    setTimes: (path, times, options) =>
      around.call("setTimes", path, () => inner.setTimes(path, times, options)),
    xattrs: (path, options) => around.call("xattrs", path, () => inner.xattrs(path, options)),
    setAttributes: (path, attributes, options) =>
      around.call("setAttributes", path, () => inner.setAttributes(path, attributes, options)),
    removeFile: (path, options) =>
      around.call("removeFile", path, () => inner.removeFile(path, options)),
    removeDirectory: (path, options) =>
      around.call("removeDirectory", path, () => inner.removeDirectory(path, options)),
    openTrash: async (root, options) =>
      trash(await around.call("openTrash", root, () => inner.openTrash(root, options)), around),
    flush: (options) => around.call("flush", "", () => inner.flush(options)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
  if (inner.holdNames !== undefined) {
    outer.holdNames = async (directory, options) =>
      names(
        await around.call("hold", directory, () => inner.holdNames!(directory, options)),
        directory,
        around,
      );
  }
  if (small === undefined) return outer;
  const waiting = inner.capabilities.latency === "waiting";
  const parts = { around, waiting, writer: (file: FileWriter) => writer(file, around) };
  return Object.assign(outer, { small: aroundSmall(small, parts) });
}

function listing(
  inner: Backend,
  path: string,
  options: Parameters<Backend["list"]>[1],
  around: Around,
): Listing {
  const iterated = { [Symbol.asyncIterator]: () => batches(inner, path, options, around) };
  if (around.holdsBack) return iterated;
  return {
    ...iterated,
    atOnce: () => {
      const { atOnce } = inner.list(path, options);
      if (atOnce === undefined) return false;
      const before = options?.into?.length ?? 0;
      const extent = {
        get files() {
          return (options?.into?.length ?? 0) - before;
        },
        bytes: 0,
      };
      return around.now("list", path, atOnce, extent);
    },
  };
}

async function* batches(
  inner: Backend,
  path: string,
  options: Parameters<Backend["list"]>[1],
  around: Around,
): AsyncGenerator<ListBatch> {
  const parts = new Parts(() => inner.list(path, options));
  const extent = { files: 0, bytes: 0 };
  try {
    for (let call: Call = "list";; call = parts.canTryAgain ? "listMore" : "listRest") {
      const next = await around.call(call, path, async () => {
        const before = options?.into?.length ?? 0;
        const next = await parts.next({ isFirst: call === "list" });
        const others = next === null ? 0 : next.entries.length;
        extent.files = others + (options?.into?.length ?? 0) - before;
        return next;
      }, extent);
      if (next === null) return;
      yield next;
    }
  } finally {
    if (parts.isOpen) await quietly(around.call("close", path, () => parts.close()));
  }
}

/** The parts of a listing, of which each may be asked for again when it could not be read. */
class Parts {
  readonly #begin: () => Listing;
  #iterator: AsyncIterator<ListBatch | SyncError, void> | null = null;
  /** Why it came to its end too early: who went on would take half a directory for all of it. */
  #broken: unknown = null;
  canTryAgain = false;

  constructor(begin: () => Listing) {
    this.#begin = begin;
  }

  get isOpen(): boolean {
    return this.#iterator !== null;
  }

  /** The next part; null after the last one. The first is read from a listing that begins anew. */
  async next({ isFirst }: { isFirst: boolean }): Promise<ListBatch | null> {
    if (isFirst) {
      await this.close();
      const listing = this.#begin();
      this.canTryAgain = listing.tried !== undefined;
      this.#iterator = listing.tried?.() ?? listing[Symbol.asyncIterator]();
    }
    if (this.#iterator === null) throw this.#broken;
    let next: IteratorResult<ListBatch | SyncError, void>;
    try {
      next = await this.#iterator.next();
    } catch (error) {
      this.#iterator = null;
      throw this.#broken = error;
    }
    if (next.done) {
      this.#iterator = null;
      return null;
    }
    if (next.value instanceof SyncError) throw next.value;
    return next.value;
  }

  async close(): Promise<void> {
    const open = this.#iterator;
    this.#iterator = null;
    await open?.return?.();
  }
}

function reader(file: FileReader, path: string, around: Around): FileReader {
  const { uncache } = file;
  const outer: FileReader = {
    entry: file.entry,
    sparse: file.sparse,
    dataFrom: (position, options) =>
      around.call("dataFrom", path, () => file.dataFrom(position, options)),
    read: (into, position, options) =>
      around.call("read", path, () => file.read(into, position, options), {
        files: 1,
        bytes: into.length,
      }),
    look: (options) => around.call("lookAgain", path, () => file.look(options)),
    [Symbol.asyncDispose]: () =>
      quietly(around.call("close", path, async () => await file[Symbol.asyncDispose]())),
  };
  if (uncache === undefined) return outer;
  return Object.assign(outer, {
    uncache: (options?: CallOptions) =>
      around.call("uncache", path, () => uncache.call(file, options)),
  });
}

function writer(file: FileWriter, around: Around): FileWriter {
  const { path, temporary } = file;
  return {
    path,
    temporary,
    write: (data, position, options) =>
      around.call("write", path, () => file.write(data, position, options), {
        files: 1,
        bytes: data.length,
      }),
    extend: (size, options) => around.call("extend", path, () => file.extend(size, options)),
    finish: (times, options) => around.call("finish", path, () => file.finish(times, options)),
    commit: (options) => around.call("commit", path, () => file.commit(options)),
    // it never throws; what could not be removed is found by the next run
    abort: () => quietly(around.call("abort", path, () => file.abort())),
  };
}

function trash(inner: Trash, around: Around): Trash {
  return {
    root: inner.root,
    take: (path, to, options) => around.call("take", path, () => inner.take(path, to, options)),
    look: (path, options) => around.call("look", path, () => inner.look(path, options)),
    makeDirectory: (path, options) =>
      around.call("makeDirectory", path, () => inner.makeDirectory(path, options)),
    setTimes: (path, times, options) =>
      around.call("setTimes", path, () => inner.setTimes(path, times, options)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

function names(inner: HeldNames, directory: string, around: Around): HeldNames {
  return {
    look: (names) =>
      around.now("lookNames", directory, () => inner.look(names), {
        files: names.length,
        bytes: 0,
      }),
    remove: (entries) =>
      around.now("removeNames", directory, () => inner.remove(entries), {
        files: entries.length,
        bytes: 0,
      }),
    setTimes: (entries) =>
      around.now("timeNames", directory, () => inner.setTimes(entries), {
        files: entries.length,
        bytes: 0,
      }),
    [Symbol.dispose]: () => inner[Symbol.dispose](),
  };
}
