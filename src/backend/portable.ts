/**
 * A mounted directory through Deno's own API: for macOS, Windows, and where libc cannot be loaded.
 *
 * What it cannot do, and so does not claim:
 * - Times have milliseconds; those of symbolic links cannot be set. Below Deno 2.9, times before 1970
 *   are read wrongly and are an error to set.
 * - Names that are not Unicode arrive with U+FFFD in them and cannot be told apart, so every name
 *   with U+FFFD is a problem, refused by name. Below Deno 2.8 they do not arrive at all (on Linux,
 *   `open.ts` does not fall back to this backend there).
 * - Parents are checked to be real directories, link by link, before each call and again before the
 *   rename. Somebody who puts a symbolic link in the way between the check and the call can still
 *   lead that call out of the root; only handles, as in `posix/`, rule that out.
 */
import { type Entry, join, parentOf, type Times } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { showPath } from "../name.ts";
import { type Attributes, modeAfter, type Preservable, type Refusal } from "../preserve.ts";
import { abortable } from "../lib/abortable.ts";
import type {
  Backend,
  CallOptions,
  Capabilities,
  FileReader,
  FileWriter,
  Identity,
  ListBatch,
  NewLink,
  Space,
  Trash,
} from "./backend.ts";
import { failure, inTheWay, notAFile } from "./failures.ts";
import { forEachLimited } from "./in_flight.ts";
import { attempt, codeOf, portableError } from "./portable_errors.ts";
import { dateOf, PortableReader, PortableWriter, PositionedFile } from "./portable_file.ts";
import { entryOf, portableNames } from "./portable_names.ts";
import { PortablePaths } from "./portable_paths.ts";
import { isTemporary } from "./temporary.ts";
import { trashIn } from "./trash.ts";
import { lookByOpening } from "./look_by_opening.ts";

/** Metadata look-ups in flight for one directory. */
const LOOKS_IN_FLIGHT = 32;
/** Names in one batch of a listing. */
const BATCH = 1000;

/** Files up to this size may be kept in places that are not counted as allocated. */
const SPARSE_FROM = 64 * 1024;

/** Options of {@link openPortable}. */
export interface PortableOptions extends CallOptions {
  /** Gives out temporary names. */
  readonly temporaryName: () => string;
  /** Overrides `waiting`. */
  readonly latency?: Capabilities["latency"];
}

/** Opens the directory at full path `root`. Rejects with a SyncError when it is not a directory. */
export async function openPortable(root: string, options: PortableOptions): Promise<Backend> {
  const doing = `open ${showPath(root)}`;
  const info = await attempt(
    doing,
    "",
    () => abortable(() => Deno.stat(root), options.signal),
    options,
  );
  if (!info.isDirectory) throw failure("ENOTDIR", doing, "");
  return new PortableBackend(root, identityOf(info), options);
}

class PortableBackend implements Backend {
  readonly root: string;
  readonly capabilities: Capabilities;
  readonly identity: Identity;
  readonly #temporaryName: () => string;
  readonly #paths: PortablePaths;

  constructor(
    root: string,
    identity: Identity,
    { temporaryName, latency = "waiting" }: PortableOptions,
  ) {
    this.root = root;
    this.identity = identity;
    this.#paths = new PortablePaths(root);
    this.#temporaryName = temporaryName;
    this.capabilities = {
      latency,
      durability: "file",
      exactNames: false,
      timePrecision: 1_000_000n,
      kind: "portable",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async identify(options: CallOptions = {}): Promise<Identity> {
    const look = () => abortable(() => Deno.stat(this.root), options.signal);
    return identityOf(await attempt("find the root", "", look, options));
  }

  // deno-lint-ignore require-await
  async space({ signal }: CallOptions = {}): Promise<Space | null> {
    signal?.throwIfAborted();
    return null;
  }

  async look(path: string, { signal }: CallOptions = {}): Promise<Entry | undefined> {
    signal?.throwIfAborted();
    try {
      const full = await this.#paths.resolve(path);
      return await this.#entryAt(full, path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw portableError(error, "look at", path);
    }
    // Windows says "not found" for a server that is gone as well: only below a root that is there
    // does it mean that the file is not
    await attempt("find the root", "", () => Deno.stat(this.root));
    return undefined;
  }

  async *list(path: string, { signal }: CallOptions = {}): AsyncIterable<ListBatch> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    let names: string[] = [];
    try {
      if (path !== "") await this.#paths.demandDirectory(full, path);
      for await (const { name } of Deno.readDir(full)) {
        signal?.throwIfAborted();
        names.push(name);
        if (names.length < BATCH) continue;
        yield await this.#batch(full, path, names, signal);
        names = [];
      }
      if (names.length > 0) yield await this.#batch(full, path, names, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw portableError(error, "list the directory", path);
    }
  }

  async open(path: string, { signal }: CallOptions = {}): Promise<FileReader> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    return await attempt("open", path, async () => {
      // before opening: opening a FIFO waits for its other end, and a link would be followed
      const before = await Deno.lstat(full);
      demandFile(before, path);
      const opened = await Deno.open(full);
      const file = new PositionedFile(opened, path);
      try {
        const info = await opened.stat();
        demandFile(info, path);
        if (info.ino !== before.ino || info.dev !== before.dev) {
          throw new SyncError("ECHANGED", "was replaced while it was opened", {
            path,
            retryable: true,
          });
        }
        const look = (options?: CallOptions) => lookByOpening(this, path, options);
        const sparse = info.size > SPARSE_FROM && (info.blocks ?? Infinity) * 512 < info.size;
        return new PortableReader(file, { entry: entryOf(info, path), sparse }, look);
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  async create(path: string, { signal }: CallOptions = {}): Promise<FileWriter> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    const name = join(parentOf(path), this.#temporaryName());
    const temporary = this.#paths.full(name);
    const doing = "create a temporary file next to the file";
    const file = await attempt(
      doing,
      path,
      () => Deno.open(temporary, { write: true, createNew: true }),
    );
    return new PortableWriter(
      new PositionedFile(file, path),
      { path, temporary: name },
      temporary,
      () => this.#paths.rename(temporary, full, path),
    );
  }

  async createLink(
    path: string,
    { target }: NewLink,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    if (!target.isWellFormed()) throw failure("EILSEQ", "make the symbolic link", path);
    const temporary = this.#paths.full(join(parentOf(path), this.#temporaryName()));
    await attempt("make the symbolic link", path, () => Deno.symlink(target, temporary));
    try {
      await this.#paths.rename(temporary, full, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
  }

  async link(existing: string, path: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const from = await this.#paths.resolve(existing);
    const full = await this.#paths.resolve(path);
    const temporary = this.#paths.full(join(parentOf(path), this.#temporaryName()));
    await attempt("make the hard link", path, () => Deno.link(from, temporary));
    try {
      await this.#paths.rename(temporary, full, path);
    } finally {
      // where the name is one of that file already, renaming does nothing at all
      await Deno.remove(temporary).catch(() => {});
    }
  }

  async makeDirectory(path: string, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    return await attempt("make the directory", path, async () => {
      try {
        await Deno.mkdir(full);
        return true;
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
        const { kind } = entryOf(await Deno.lstat(full), path);
        if (kind === "directory") return false;
        throw inTheWay(kind, path);
      }
    });
  }

  async setTimes(
    path: string,
    { atime, mtime }: Pick<Times, "mtime" | "atime">,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    await attempt("set the times", path, async () => {
      const { isSymlink } = await Deno.lstat(full);
      // utime would follow it
      if (isSymlink && path !== "") {
        throw failure("EOPNOTSUPP", "set a symbolic link's times", path);
      }
      await Deno.utime(full, dateOf(atime), dateOf(mtime));
    });
  }

  /** Deno has no call for them. */
  async xattrs(): Promise<ReadonlyMap<string, Uint8Array>> {
    return await Promise.resolve(new Map());
  }

  async setAttributes(
    path: string,
    { owner, mode, xattrs = new Map() }: Attributes,
    { signal }: CallOptions = {},
  ): Promise<Refusal[]> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    const refusals: Refusal[] = [];
    const refuse = (what: Preservable, error: unknown) => {
      const { code, message } = portableError(error, `set the ${what}`, path);
      refusals.push({ what, code, message });
    };
    const { isSymlink } = await attempt("look at", path, () => Deno.lstat(full));
    const none = failure("EOPNOTSUPP", "set this attribute", path);
    if (owner !== undefined) {
      // of a link, the calls would change what it leads to
      await (isSymlink ? Promise.reject(none) : Deno.chown(full, owner.uid, owner.gid))
        .catch((error) => refuse("owner", error));
    }
    if (xattrs.size > 0) refuse("xattr", none);
    if (mode !== undefined && !isSymlink) {
      const after = modeAfter(refusals, mode);
      await Deno.chmod(full, after.mode).then(
        () => after.refused === null || refusals.push(after.refused),
        (error) => refuse("mode", error),
      );
    }
    return refusals;
  }

  async removeFile(path: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    await attempt("remove", path, async () => {
      // Deno.remove also takes an empty directory
      if ((await Deno.lstat(full)).isDirectory) throw failure("EISDIR", "remove", path);
      await Deno.remove(full);
    });
  }

  async removeDirectory(path: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const full = await this.#paths.resolve(path);
    await attempt("remove the directory", path, async () => {
      await this.#paths.demandDirectory(full, path);
      await Deno.remove(full);
    });
  }

  async openTrash(
    root: string,
    { signal, make = false }: CallOptions & { make?: boolean } = {},
  ): Promise<Trash> {
    signal?.throwIfAborted();
    if (make) {
      await attempt(`make the trash ${showPath(root)}`, "", async () => {
        try {
          await Deno.mkdir(root, { mode: 0o700 });
        } catch (error) {
          if (codeOf(error) !== "EEXIST") throw error;
        }
      });
    }
    const place = await openPortable(root, { temporaryName: this.#temporaryName, signal });
    return trashIn(place, async (path, to, options) => {
      const doing = "move into the trash";
      const full = await this.#paths.resolve(path);
      if (await place.look(to, options) !== undefined) throw failure("EEXIST", doing, path);
      await (place as PortableBackend).#paths.resolve(to);
      await attempt(doing, path, () => Deno.rename(full, `${root}/${to}`));
    });
  }

  // deno-lint-ignore require-await
  async flush({ signal }: CallOptions = {}): Promise<void> {
    // files are durable when finished, names when committed
    signal?.throwIfAborted();
  }

  async #entryAt(full: string, path: string): Promise<Entry> {
    // the root itself may be given as a link
    if (path === "") return entryOf(await Deno.stat(full), path);
    const info = await Deno.lstat(full);
    return entryOf(info, path, info.isSymlink ? await Deno.readLink(full) : "");
  }

  async #batch(
    full: string,
    directory: string,
    names: readonly string[],
    signal?: AbortSignal,
  ): Promise<ListBatch> {
    const entries: Entry[] = [];
    const temporaries: string[] = [];
    const problems: { name: string; code: string; message: string }[] = [];
    let missing = 0;
    const look = async (name: string) => {
      signal?.throwIfAborted();
      if (isTemporary(name)) return void temporaries.push(name);
      const path = join(directory, name);
      try {
        portableNames(path);
        entries.push(await this.#entryAt(`${full}/${name}`, path));
      } catch (error) {
        // removed since the name was read, so the directory no longer has it
        if (codeOf(error) === "ENOENT") return void (missing += 1);
        const { code, message, scope } = portableError(error, "look at", path);
        if (scope === "run") throw error;
        problems.push({ name, code, message });
      }
    };
    await forEachLimited(names, LOOKS_IN_FLIGHT, () => look);
    // see look(): "not found" may also be the server
    if (missing > 0) await Deno.stat(this.root);
    return { entries, temporaries, problems };
  }
}

function identityOf(info: Deno.FileInfo): Identity {
  return { device: BigInt(info.dev), inode: BigInt(info.ino ?? 0) };
}

function demandFile(info: Deno.FileInfo, path: string): void {
  if (info.isSymlink) throw failure("ELOOP", "open", path);
  if (!info.isFile) throw notAFile(entryOf(info, path).kind, path);
}
