/** A mounted directory on Linux, through system calls that keep names and times exactly. */
import { baseOf, type Entry, parentOf, type Times } from "../../entry.ts";
import { SyncError } from "../../errors.ts";
import { showPath } from "../../name.ts";
import type {
  Backend,
  CallOptions,
  Capabilities,
  FileWriter,
  Identity,
  ListBatch,
  NewLink,
  Space,
  Trash,
} from "../backend.ts";
import type { ListingPacker } from "../../listing_packer.ts";
import type { Attributes, Refusal } from "../../preserve.ts";
import { abortable } from "../../lib/abortable.ts";
import { inTheWay } from "../failures.ts";
import { trashIn } from "../trash.ts";
import { Creator, Flushing } from "./creator.ts";
import { Directories, lastName, lastNameOrDot, nulTerminated } from "./directories.ts";
import { Entries } from "./entries.ts";
import { EEXIST, posixError } from "./errno.ts";
import { type FlushStyle, timespecs } from "./file.ts";
import { readXattrs, writeAttributes } from "./attributes.ts";
import { Lister } from "./lister.ts";
import { Mounts } from "./mounts.ts";
import { AT, type Libc, O, type Syscalls } from "./libc.ts";
import { moveBetween } from "./move.ts";
import { NamesMemory, PosixNames } from "./names.ts";
import { refreshWay } from "./refresh.ts";
import { Opener } from "./opener.ts";
import { PosixSmallFiles } from "./small.ts";
import { ShareSmallFiles } from "./small_shares.ts";

/** Options of {@link openPosix}. */
export interface PosixOptions extends CallOptions {
  /** Gives out temporary names. */
  readonly temporaryName: () => string;
  /** Overrides what the kind of file system says; for tests and measurements. */
  readonly latency?: Capabilities["latency"];
  readonly durability?: Capabilities["durability"];
  readonly flush?: FlushStyle;
  /** Milliseconds since the epoch, as the kernel stamps files with. Default: `Date.now`. */
  readonly now?: () => number;
  /** Disposes of `libc` with the backend. Default: false. */
  readonly ownsLibc?: boolean;
}

/** Opens the directory at full path `root`. Rejects with a SyncError when it is not a directory. */
export async function openPosix(root: string, libc: Libc, options: PosixOptions): Promise<Backend> {
  const { signal } = options;
  const flags = O.RDONLY | O.DIRECTORY | O.CLOEXEC;
  const opening = async () => await libc.pooled.openat(AT.FDCWD, nulTerminated(root), flags, 0);
  const fd = await abortable(opening, signal);
  if (fd < 0) throw posixError(fd, `open ${showPath(root)}`, "");
  const mounts = new Mounts(libc);
  let identity: Identity;
  try {
    identity = await abortable(() => mounts.identify(fd), signal);
  } catch (error) {
    libc.now.close(fd);
    throw error;
  }
  const { system } = mounts;
  return new PosixBackend(root, fd, libc, options, mounts, identity, {
    latency: options.latency ?? (system.network ? "waiting" : "immediate"),
    durability: options.durability ?? (system.network ? "file" : "group"),
    exactNames: true,
    timePrecision: system.timePrecision,
    kind: system.name,
    block: system.network ? mounts.block : undefined,
  });
}

class PosixBackend implements Backend {
  readonly root: string;
  readonly capabilities: Capabilities;
  readonly small?: PosixSmallFiles | ShareSmallFiles;
  readonly holdNames?: Backend["holdNames"];
  readonly #fd: number;
  readonly #libc: Libc;
  readonly #sys: Syscalls;
  readonly #directories: Directories;
  readonly #entries: Entries;
  readonly #options: PosixOptions;
  readonly #mounts: Mounts;
  readonly identity: Identity;
  readonly #opener: Opener;
  readonly open: Backend["open"];
  readonly #lister: Lister;
  readonly #creator: Creator;
  #disposed = false;

  constructor(
    root: string,
    fd: number,
    libc: Libc,
    options: PosixOptions,
    mounts: Mounts,
    identity: Identity,
    capabilities: Capabilities,
  ) {
    this.root = root;
    this.#mounts = mounts;
    this.identity = identity;
    this.capabilities = capabilities;
    this.#fd = fd;
    this.#libc = libc;
    this.#sys = capabilities.latency === "immediate" ? libc.now : libc.pooled;
    this.#directories = new Directories(this.#sys, libc.now, fd);
    this.#entries = new Entries({
      libc,
      sys: this.#sys,
      directories: this.#directories,
      immediate: capabilities.latency === "immediate",
    });
    this.#lister = new Lister({
      sys: this.#sys,
      directories: this.#directories,
      entries: this.#entries,
    });
    this.#options = options;
    const { now = Date.now } = options;
    this.#opener = new Opener({
      libc,
      sys: this.#sys,
      directories: this.#directories,
      entries: this.#entries,
      capabilities,
      now,
      place: this,
    });
    this.open = this.#opener.open;
    const { latency, durability } = capabilities;
    const flushing = new Flushing(
      options.flush ?? (durability === "group" ? "together" : mounts.flushStyle),
    );
    this.#creator = new Creator({
      libc,
      sys: this.#sys,
      directories: this.#directories,
      flushing,
    });
    const parts = {
      libc,
      directories: this.#directories,
      temporaryName: options.temporaryName,
      noatime: this.#opener.noatime,
      now,
      writer: (path: string, temporary: Uint8Array) => this.#creator.closed(path, temporary),
    };
    if (latency === "immediate") this.holdNames = this.#namesHolder();
    if (latency === "immediate" && durability === "group") {
      this.small = new PosixSmallFiles({ ...parts, run: libc.runProgram });
    } else if (latency === "waiting" && durability === "file") {
      const { timesWhen, renamesDirectories, system: { network } } = mounts;
      const about = { flushing, timesWhen, renamesDirectories, noReplace: !network };
      this.small = new ShareSmallFiles({ ...parts, ...about });
    }
  }

  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.small instanceof ShareSmallFiles) this.small.close();
    this.#entries.close();
    this.#directories.close();
    this.#libc.now.close(this.#fd);
    if (this.#options.ownsLibc) this.#libc[Symbol.dispose]();
  }

  async identify({ signal }: CallOptions = {}): Promise<Identity> {
    return await abortable(() => this.#mounts.identifyPath(this.root), signal);
  }

  async space({ signal }: CallOptions = {}): Promise<Space | null> {
    return await abortable(() => this.#mounts.space(this.#fd), signal);
  }

  async look(path: string, { signal }: CallOptions = {}): Promise<Entry | undefined> {
    signal?.throwIfAborted();
    if (path === "") return await this.#entries.entryAt(this.#fd, "", AT.EMPTY_PATH, path);
    const entry = await this.#lookOnce(path);
    const waiting = this.capabilities.latency === "waiting";
    if (entry !== undefined || (parentOf(path) === "" && !waiting)) return entry;
    // "not there" decides what may be deleted: it must not come from the handle of a directory that
    // was replaced by another one of the same name
    this.#directories.forgetWay(parentOf(path));
    if (waiting) await refreshWay(this.#sys, this.#directories, parentOf(path));
    return await this.#lookOnce(path);
  }

  async #lookOnce(path: string): Promise<Entry | undefined> {
    lastName(path);
    let directory;
    try {
      directory = await this.#directories.hold(parentOf(path));
    } catch (error) {
      if (error instanceof SyncError && error.code === "ENOENT") return undefined;
      throw error;
    }
    using held = directory;
    // a share's client may answer from what it remembers, unless it is told to ask (statx(2))
    const ask = this.capabilities.latency === "waiting" ? AT.FORCE_SYNC : 0;
    return await this.#entries.entryAt(held.fd, baseOf(path), AT.SYMLINK_NOFOLLOW | ask, path);
  }

  list(
    path: string,
    options: CallOptions & { readonly into?: ListingPacker } = {},
  ): AsyncIterable<ListBatch> {
    return this.#lister.list(path, options);
  }

  async create(path: string, { signal }: CallOptions = {}): Promise<FileWriter> {
    return await this.#creator.create(path, this.#options.temporaryName(), { signal });
  }

  async createLink(
    path: string,
    { target, times }: NewLink,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    using held = await this.#directories.hold(parentOf(path));
    const name = lastName(path);
    const temporary = nulTerminated(this.#options.temporaryName());
    let result = await this.#sys.symlinkat(nulTerminated(target), held.fd, temporary);
    if (result < 0) throw this.#directories.failure(result, "make the symbolic link", path);
    if (times !== undefined) {
      const flags = AT.SYMLINK_NOFOLLOW;
      result = await this.#sys.utimensat(held.fd, temporary, timespecs(times), flags);
    }
    if (result >= 0) {
      result = await this.#sys.renameat2(held.fd, temporary, held.fd, name, 0);
    }
    if (result < 0) {
      await this.#sys.unlinkat(held.fd, temporary, 0);
      throw this.#directories.failure(result, "put the symbolic link at its name", path);
    }
  }

  async link(existing: string, path: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    using from = await this.#directories.hold(parentOf(existing));
    using held = await this.#directories.hold(parentOf(path));
    const name = lastName(path);
    const temporary = nulTerminated(this.#options.temporaryName());
    let result = await this.#sys.linkat(from.fd, lastName(existing), held.fd, temporary, 0);
    if (result < 0) throw this.#directories.failure(result, "make the hard link", path);
    result = await this.#sys.renameat2(held.fd, temporary, held.fd, name, 0);
    // where the name is one of that file already, renaming does nothing at all
    await this.#sys.unlinkat(held.fd, temporary, 0);
    if (result < 0) throw this.#directories.failure(result, "put the hard link at its name", path);
  }

  async makeDirectory(path: string, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    using held = await this.#directories.hold(parentOf(path));
    const result = await this.#sys.mkdirat(held.fd, lastName(path), 0o777);
    if (result >= 0) {
      // a handle from before belongs to a directory that somebody removed
      this.#directories.forget(path);
      return true;
    }
    if (result === -EEXIST) {
      const there = await this.#entries.entryAt(held.fd, baseOf(path), AT.SYMLINK_NOFOLLOW, path);
      if (there?.kind === "directory") return false;
      if (there !== undefined) throw inTheWay(there.kind, path);
    }
    throw this.#directories.failure(result, "make the directory", path);
  }

  async setTimes(
    path: string,
    times: Pick<Times, "mtime" | "atime">,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    using held = await this.#directories.hold(parentOf(path));
    const name = lastNameOrDot(path);
    const flags = AT.SYMLINK_NOFOLLOW;
    const result = await this.#sys.utimensat(held.fd, name, timespecs(times), flags);
    if (result < 0) throw this.#directories.failure(result, "set the times", path);
  }

  async xattrs(path: string, options: CallOptions = {}): Promise<Map<string, Uint8Array>> {
    return await this.#with(path, options, (fd) => readXattrs(this.#sys, fd, path));
  }

  async setAttributes(
    path: string,
    attributes: Attributes,
    options: CallOptions = {},
  ): Promise<Refusal[]> {
    const { owner } = attributes;
    if (owner !== undefined && (await this.look(path, options))?.kind === "symlink") {
      using held = await this.#directories.hold(parentOf(path));
      const [uid, gid, flags] = [owner.uid | 0, owner.gid | 0, AT.SYMLINK_NOFOLLOW];
      const result = await this.#sys.fchownat(held.fd, lastName(path), uid, gid, flags);
      if (result >= 0) return [];
      const { code, message } = posixError(result, "set the owner", path);
      return [{ what: "owner", code, message }];
    }
    const set = (fd: number) => writeAttributes(this.#sys, fd, path, attributes);
    return await this.#with(path, options, set);
  }

  /** Opens a file or directory for calls about its attributes. */
  async #with<T>(path: string, { signal }: CallOptions, use: (fd: number) => Promise<T>) {
    signal?.throwIfAborted();
    using held = await this.#directories.hold(parentOf(path));
    const name = lastNameOrDot(path);
    const fd = await this.#opener.handle(held.fd, name, path);
    try {
      return await use(fd);
    } finally {
      await this.#sys.close(fd);
    }
  }

  async removeFile(path: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    using held = await this.#directories.hold(parentOf(path));
    const result = await this.#sys.unlinkat(held.fd, lastName(path), 0);
    if (result < 0) throw this.#directories.failure(result, "remove", path);
  }

  async removeDirectory(path: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    using held = await this.#directories.hold(parentOf(path));
    const result = await this.#sys.unlinkat(held.fd, lastName(path), AT.REMOVEDIR);
    if (result < 0) throw this.#directories.failure(result, "remove the directory", path);
    this.#directories.forget(path);
  }

  #namesHolder(): NonNullable<Backend["holdNames"]> {
    const memory = new NamesMemory(this.#libc);
    return async (path, { signal, anew = false } = {}) => {
      signal?.throwIfAborted();
      // as in look()
      if (anew) this.#directories.forgetWay(path);
      const held = await this.#directories.hold(path);
      return new PosixNames(path, held, { directories: this.#directories, memory });
    };
  }

  async openTrash(
    root: string,
    { signal, make = false }: CallOptions & { make?: boolean } = {},
  ): Promise<Trash> {
    const bytes = nulTerminated(root);
    const made = make ? await this.#sys.mkdirat(AT.FDCWD, bytes, 0o700) : 0;
    if (made < 0 && made !== -EEXIST) {
      throw posixError(made, `make the trash ${showPath(root)}`, "");
    }
    const place = await openPosix(root, this.#libc, { ...this.#options, signal, ownsLibc: false });
    const directories = (place as PosixBackend).#directories;
    return trashIn(
      place,
      (path, to) =>
        moveBetween(this.#sys, { directories: this.#directories, path }, { directories, path: to }),
    );
  }

  async flush({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.capabilities.durability === "file") return;
    const result = await this.#libc.pooled.syncfs(this.#fd);
    if (result < 0) throw posixError(result, `flush ${showPath(this.root)}`, "");
  }
}
