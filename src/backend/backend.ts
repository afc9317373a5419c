/**
 * The contract of a place that holds files.
 *
 * Paths are relative to the backend's root, components joined by "/", "" is the root itself; names
 * are strings as in `name.ts`. Nothing outside the root is ever reached: a symbolic link in the way
 * is an error (ELOOP or ENOTDIR), never followed. Every failure is a `SyncError`; every method takes
 * a signal and rejects with its reason.
 */
import type { Entry, Times } from "../entry.ts";
import type { SyncError } from "../errors.ts";
import type { ListingPacker } from "../listing_packer.ts";
import type { Attributes, Refusal } from "../preserve.ts";
import type { Parcel } from "../parcel.ts";
import type { Stamp } from "../stamp.ts";

/** What a backend can keep and how it likes to be called. Behaviour follows these, never a name. */
export interface Capabilities {
  /**
   * `immediate`: calls answer in microseconds (a local disk), so they are made one after the other.
   * `waiting`: they answer in milliseconds (a share), so many are kept in flight.
   */
  readonly latency: "immediate" | "waiting";
  /**
   * `file`: a file is durable when `FileWriter.finish` returns, its name when `commit` returns.
   * `group`: both are durable when the next {@link Backend.flush} returns.
   */
  readonly durability: "file" | "group";
  /** Names are kept byte for byte; without it, names that are not UTF-8 are refused. */
  readonly exactNames: boolean;
  /** The finest difference between two times that survives, in nanoseconds. */
  readonly timePrecision: bigint;
  /** The kind of file system, for people: "nfs", "tmpfs", "portable", "memory". */
  readonly kind: string;
  /** Bytes of a block that suit writing here; undefined where any size does. */
  readonly block?: number;
}

/** Options of every call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What is known of a file that is to be opened. */
export interface OpenOptions extends CallOptions {
  /** The ctime that it had, in ns, at a time in ms since the epoch. */
  readonly seen?: { readonly ctime: bigint; readonly at: number };
}

/**
 * Which file system object a root is; two looks at the same mount give equal identities. What is
 * compared, and when, is in `identity.ts`.
 */
export interface Identity {
  /** Of a share or a tmpfs, another one after each mount. */
  readonly device: bigint;
  /** 0 where the file system makes numbers up anew with each mount. */
  readonly inode: bigint;
  /** The kind of file system, such as "nfs". */
  readonly type?: string;
  /**
   * Its number of its own (f_fsid), only where it survives a remount, or on xfs the time at which the
   * root was made. Hexadecimal.
   */
  readonly fsid?: string;
  /** What is mounted ("server:/export"), where no number tells one file system from another. */
  readonly source?: string;
}

/** Room at a place, as far as it tells. */
export interface Space {
  /** Bytes that may be written. */
  readonly bytes: number;
  /** Files that may be made; null where there is no such bound. */
  readonly files: number | null;
}

/** A regular file that is being read. */
export interface FileReader extends AsyncDisposable {
  /** What the file system said about the open file before the first byte was read. */
  readonly entry: Entry;
  /** It has holes: less is allocated than its size. Never for files of 64 KiB or less. */
  readonly sparse: boolean;
  /**
   * Where content begins at or after byte `position`: `position` itself where the place cannot tell
   * holes from content, Infinity when nothing but a hole follows. Asked of sparse files only.
   */
  dataFrom(position: number, options?: CallOptions): Promise<number>;
  /** Fills `into` from byte `position` on; less than its length only at the end of the file. */
  read(into: Uint8Array, position: number, options?: CallOptions): Promise<number>;
  /** A fresh look at the path that was opened; undefined when it is gone. */
  look(options?: CallOptions): Promise<Entry | undefined>;
  /**
   * Makes the reads that follow come from the place itself: drops what this system remembers of the
   * file. Missing where that cannot be done.
   */
  uncache?(options?: CallOptions): Promise<void>;
}

/**
 * A file that is being written under a temporary name next to its final one.
 * The order is write*, finish, commit; `abort` may come at any time before commit.
 */
export interface FileWriter {
  /** The final path. */
  readonly path: string;
  /** The path it is written under. */
  readonly temporary: string;
  /** Writes all of `data` at byte `position`. */
  write(data: Uint8Array, position: number, options?: CallOptions): Promise<void>;
  /** Makes the file `size` bytes long; what was not written is a hole, and reads as zeros. */
  extend(size: number, options?: CallOptions): Promise<void>;
  /** Completes content and times under the temporary name (durable where durability is `file`). */
  finish(times: Pick<Times, "mtime" | "atime">, options?: CallOptions): Promise<void>;
  /** Puts the complete file at its final name, in place of what was there. */
  commit(options?: CallOptions): Promise<void>;
  /** Leaves nothing behind. Never throws: what could not be removed is found by the next run. */
  abort(): Promise<void>;
}

/**
 * One directory, held open for parcels of its files; disposing of it lets it go. Its methods return
 * undefined where calls answer at once and everything is done when they return.
 */
export interface HeldParcels extends Disposable {
  /**
   * Reads files: those that are there, whole, and look after the last byte as the scan saw them,
   * are `read` then. The others keep their progress, here as below, and take the ordinary way, which
   * does the same and reports what is wrong.
   */
  read(parcel: Parcel): Promise<void> | undefined;
  /** Writes what was read under temporary names, as create, write and finish do. */
  write(parcel: Parcel): Promise<void> | undefined;
  /** Puts what was written at the final names. */
  commit(parcel: Parcel): Promise<void> | undefined;
  /** Removes what was written and not committed, as far as that is possible. */
  discard(parcel: Parcel): Promise<void> | undefined;
  /** What remains to be done for a file that was written and could not be committed here. */
  writer(path: string, temporary: number): FileWriter;
}

/**
 * A directory that is made together with its first files. It has a temporary name until they are
 * durable, so that they need no temporary names of their own. It is disposed of when nothing more
 * happens in it, after {@link discard}.
 */
export interface NewDirectory extends Disposable {
  /** Files may be put into it; not after {@link seal}. */
  readonly open: boolean;
  /** Whether it has got its name; false before, and when it could not be given one. */
  readonly named: boolean;
  /** Holds it, to write files. */
  hold(): HeldParcels;
  /**
   * It gets these times with its name, for which all its files must be in it. Missing where it cannot
   * have them so; without effect once it has its name.
   */
  setTimes?: ((times: Stamp) => void) | undefined;
  /** Those that it has got so; null, or missing, before and where it has not. */
  readonly times?: Stamp | null;
  /** No more files are put into it. What was written is flushed after this, and before its name. */
  seal(): void;
  /**
   * Gives it its name. If there is a directory of that name by now, or it cannot be given one, the
   * files are moved into that one, each by its commit. Rejects with a SyncError.
   */
  name(): Promise<void>;
  /** The same without a promise; false where it has no name by it, which the long way finds out about. */
  nameAtOnce?: (() => boolean) | undefined;
  /**
   * Removes it if it has no name, once its files have left it; undefined: when it is disposed of.
   * Never rejects: what could not be removed is found by the next run.
   */
  discard(): Promise<void> | undefined;
}

/** The short way of small files: without a promise, and a change of threads, for each of their calls. */
export interface SmallFiles {
  /** Files that a parcel should have at most. */
  readonly most: number;
  /** Holds a directory. Rejects with a SyncError. */
  hold(directory: string): Promise<HeldParcels>;
  /** The same without a promise; undefined where it fails, which the long way finds out about. */
  holdAtOnce?: ((directory: string) => HeldParcels | undefined) | undefined;
  /**
   * Makes a directory, in one that is there. Rejects with a SyncError. Missing where directories are
   * made before their files.
   */
  make?: ((directory: string) => Promise<NewDirectory>) | undefined;
  /** The same without a promise; undefined where it fails, and nothing was made. */
  makeAtOnce?: ((directory: string) => NewDirectory | undefined) | undefined;
}

/** One batch of a directory listing. */
export interface ListBatch {
  readonly entries: readonly Entry[];
  /** Names of temporaries of sluice (this or another run); they are not entries. */
  readonly temporaries: readonly string[];
  /** Entries that are in the directory but could not be looked at: they fail by name. */
  readonly problems: readonly {
    readonly name: string;
    readonly code: string;
    readonly message: string;
  }[];
}

/** A listing, which begins when it is asked for. */
export interface Listing extends AsyncIterable<ListBatch> {
  /**
   * Puts all of it into `into` at once: on disks that answer at once, what a promise or two for each
   * call would take is most of what a small directory takes. False, and nothing was put there, where
   * it cannot be: it is long, or something about it is out of the ordinary. Iterating finds out.
   */
  readonly atOnce?: () => boolean;
  /**
   * The same, where a part that could not be read comes as its error, and the next one is that part
   * again. Where this is not there, a listing that failed is at its end.
   */
  readonly tried?: () => AsyncGenerator<ListBatch | SyncError, void>;
}

/**
 * A directory on a backend's file system into which things are moved out of its tree. Paths at which
 * they are put are relative to it; what was there is never replaced.
 */
export interface Trash extends AsyncDisposable {
  /** The full path of the directory. */
  readonly root: string;
  /**
   * Moves anything but a directory from `path` in the backend's tree to `to` in the trash, in one
   * step; directories above it are made. EEXIST when something is there, EXDEV when it is on another
   * file system.
   */
  take(path: string, to: string, options?: CallOptions): Promise<void>;
  look(path: string, options?: CallOptions): Promise<Entry | undefined>;
  /** Makes a directory, with those above it; false when it was there already. */
  makeDirectory(path: string, options?: CallOptions): Promise<boolean>;
  setTimes(
    path: string,
    times: Pick<Times, "mtime" | "atime">,
    options?: CallOptions,
  ): Promise<void>;
}

/** What a look at a name tells, without what needs another call. */
export type NameLook = Omit<Entry, "name" | "target">;

/**
 * A directory that is held for calls about many of its names, which are done when they return;
 * disposing of it lets it go. What fails is told for each name, whatever its scope; only EINVAL for
 * what is no name is thrown.
 */
export interface HeldNames extends Disposable {
  /** Fresh looks; undefined only where the file system says that it is not there (ENOENT). */
  look(names: readonly string[]): (NameLook | SyncError | undefined)[];
  /** Removes, in order, empty directories and anything that is not a directory; null: it is gone. */
  remove(entries: readonly Pick<Entry, "name" | "kind">[]): (SyncError | null)[];
  /** Sets times, those of symbolic links too; null: they are set. */
  setTimes(entries: readonly Pick<Entry, "name" | "mtime" | "atime">[]): (SyncError | null)[];
}

/** A symbolic link that is to be made; without times it has those that the place gives it. */
export interface NewLink extends Pick<Entry, "target"> {
  readonly times?: Pick<Times, "mtime" | "atime">;
}

/** A place that holds files. */
export interface Backend extends AsyncDisposable {
  /** The root as a full path or URL, as a string like every path. */
  readonly root: string;
  readonly capabilities: Capabilities;
  /** Set where small files have a short way. */
  readonly small?: SmallFiles;
  /** What was opened: all paths are below it, whatever the root's path leads to by now. */
  readonly identity: Identity;
  /** What the root's path leads to now (looked up anew, not through an open handle). */
  identify(options?: CallOptions): Promise<Identity>;
  /** A fresh look at a path; undefined only when the file system says that it is not there (ENOENT). */
  look(path: string, options?: CallOptions): Promise<Entry | undefined>;
  /**
   * Lists a directory in batches. A listing that cannot be completed throws: it is incomplete.
   * A backend may put files and directories into `into` instead of among the entries of a batch, but
   * for names that begin with ".sluice".
   */
  list(
    path: string,
    options?: CallOptions & { readonly into?: ListingPacker },
  ): Listing;
  /** Opens a regular file; one that was changed just now is waited for, see `settling.ts`. */
  open(path: string, options?: OpenOptions): Promise<FileReader>;
  /** Begins a file; its directory must exist. */
  create(path: string, options?: CallOptions): Promise<FileWriter>;
  /**
   * Puts a symbolic link at `path` in one step, in place of what was there, with the times that are
   * given, if any.
   */
  createLink(
    path: string,
    link: NewLink,
    options?: CallOptions,
  ): Promise<void>;
  /**
   * Gives the file at `existing` a further name `path` in one step, in place of what was there.
   * A place without hard links fails with EOPNOTSUPP, EPERM or ENOSYS.
   */
  link(existing: string, path: string, options?: CallOptions): Promise<void>;
  /** Makes one directory; false when a directory was already there. */
  makeDirectory(path: string, options?: CallOptions): Promise<boolean>;
  setTimes(
    path: string,
    times: Pick<Times, "mtime" | "atime">,
    options?: CallOptions,
  ): Promise<void>;
  /** The extended attributes of a file or directory that can be carried, by name. */
  xattrs(path: string, options?: CallOptions): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Gives a file, link or directory attributes; resolves with those that the place refuses. */
  setAttributes(
    path: string,
    attributes: Attributes,
    options?: CallOptions,
  ): Promise<readonly Refusal[]>;
  /** Removes anything that is not a directory. */
  removeFile(path: string, options?: CallOptions): Promise<void>;
  /** Removes an empty directory. */
  removeDirectory(path: string, options?: CallOptions): Promise<void>;
  /**
   * Holds a directory, for many calls about its names. With `anew` it is opened from the root, whatever
   * is open already: what its names are is what they are below the root now. Rejects with ENOENT and
   * the path of what is missing. Missing where calls are waited for.
   */
  holdNames?(
    directory: string,
    options?: CallOptions & { readonly anew?: boolean },
  ): Promise<HeldNames>;
  /**
   * Opens the directory at the full path `root` as a trash, which the caller disposes of. With `make`
   * it is made, for its owner only, when it is missing; the directory that it is in must exist.
   */
  openTrash(root: string, options?: CallOptions & { readonly make?: boolean }): Promise<Trash>;
  /** Makes durable whatever was finished and committed before the call. */
  flush(options?: CallOptions): Promise<void>;
  /** How much room there is; null where that cannot be told. */
  space(options?: CallOptions): Promise<Space | null>;
}
