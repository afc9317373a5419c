/** Open files of the POSIX backend: one being read, one being written. */
import { type Entry, join, parentOf, type Times } from "../../entry.ts";
import { SyncError } from "../../errors.ts";
import { decodeName } from "../../name.ts";
import type { CallOptions, FileReader, FileWriter } from "../backend.ts";
import { type Directories, lastName } from "./directories.ts";
import { EINVAL, EIO, ENXIO, posixError } from "./errno.ts";
import type { Handle } from "./handle.ts";
import { AT, type Syscalls } from "./libc.ts";

/** Reads and writes of at least this many bytes go to the pool even where calls answer at once. */
const LARGE = 256 * 1024;

/** A file of less than this has one block, which is flushed at its end. */
const SMALL_WRITE = 64 * 1024;

const SEEK_DATA = 3;
const SECOND = 1_000_000_000n;

const F_SETFL = 4;

const FADV_RANDOM = 1, FADV_DONTNEED = 4;

/** Waits for what is being written back, begins with the rest, and waits for that. */
const SYNC_FILE_RANGE_ALL = 7;

/** Packs atime and mtime as two struct timespec. */
export function timespecs({ atime, mtime }: Pick<Times, "mtime" | "atime">): Uint8Array {
  const words = new BigInt64Array(TIMESPECS);
  fillTimespecs(words, 0, { atime, mtime });
  return new Uint8Array(words.buffer);
}

/** Words of 64 bits that utimensat(2) wants. */
export const TIMESPECS = 4;

/** Puts the times of utimensat(2) into words, from `at` on. */
export function fillTimespecs(
  words: BigInt64Array,
  at: number,
  { atime, mtime }: Pick<Times, "mtime" | "atime">,
): void {
  fillTimespec(words, at, atime);
  fillTimespec(words, at + 2, mtime);
}

function fillTimespec(words: BigInt64Array, at: number, time: bigint): void {
  let nanoseconds = time % SECOND;
  if (nanoseconds < 0n) nanoseconds += SECOND;
  words[at] = (time - nanoseconds) / SECOND;
  words[at + 1] = nanoseconds;
}

/** Bytes that are read of a file on a share before what is remembered of it is dropped again. */
const DROP_AFTER = 32 * 1024 * 1024;

/** A file that is being read by position. */
export class PosixReader implements FileReader {
  readonly entry: Entry;
  readonly sparse: boolean;
  readonly #look: FileReader["look"];
  readonly #sys: Syscalls;
  readonly #pooled: Syscalls;
  readonly #handle: Handle;
  readonly #path: string;
  readonly #streams: boolean;
  /** Bytes read since the file's pages were last dropped. */
  #kept = 0;

  constructor(
    look: FileReader["look"],
    sys: Syscalls,
    pooled: Syscalls,
    handle: Handle,
    path: string,
    { entry, sparse, streams }: Pick<FileReader, "entry" | "sparse"> & {
      /** Nothing is read ahead, and nothing stays in memory of this system: see {@link stream}. */
      readonly streams: boolean;
    },
  ) {
    this.#streams = streams;
    this.sparse = sparse;
    this.#look = look;
    this.#sys = sys;
    this.#pooled = pooled;
    this.#handle = handle;
    this.#path = path;
    this.entry = entry;
  }

  async dataFrom(position: number, { signal }: CallOptions = {}): Promise<number> {
    signal?.throwIfAborted();
    const at = await this.#handle.use((fd) => this.#pooled.lseek(fd, position, SEEK_DATA));
    if (at === -ENXIO) return Infinity;
    // a place that does not know the question has content everywhere
    return at < 0 ? position : at;
  }

  async read(into: Uint8Array, position: number, { signal }: CallOptions = {}): Promise<number> {
    const sys = into.length >= LARGE ? this.#pooled : this.#sys;
    let filled = 0;
    while (filled < into.length) {
      signal?.throwIfAborted();
      const part = filled === 0 ? into : into.subarray(filled);
      const at = position + filled;
      const length = await this.#handle.use((fd) => sys.pread64(fd, part, part.length, at));
      if (length < 0) throw posixError(length, "read", this.#path);
      if (length === 0) break;
      filled += length;
    }
    if (this.#streams) {
      this.#kept += filled;
      if (this.#kept >= DROP_AFTER) await this.#drop();
    }
    return filled;
  }

  /**
   * Reads exactly what is asked for from now on: the kernel's own read-ahead would fetch from a share
   * what the limit does not allow yet.
   */
  async stream(): Promise<void> {
    // only advice: where it is not taken, the file is read all the same
    await this.#handle.use((fd) => this.#pooled.fadvise64(fd, 0, 0, FADV_RANDOM));
  }

  /** Others' files should stay in memory, not this one, which is read once. */
  async #drop(): Promise<void> {
    this.#kept = 0;
    await this.#handle.use((fd) => this.#pooled.fadvise64(fd, 0, 0, FADV_DONTNEED));
  }

  async look(options: CallOptions = {}): Promise<Entry | undefined> {
    return await this.#look(options);
  }

  async uncache({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    // only what was written back can be dropped; a sync would also flush the disk, for each file
    const written = await this.#handle.use((fd) =>
      this.#pooled.sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_ALL)
    );
    if (written < 0) throw posixError(written, "write back", this.#path);
    const dropped = await this.#handle.use((fd) => this.#pooled.fadvise64(fd, 0, 0, FADV_DONTNEED));
    if (dropped < 0) throw posixError(dropped, "drop from the cache", this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#kept > 0) await this.#drop();
    await this.#handle.close();
  }
}

/**
 * When what was written leaves this system: `together`, with a flush for many files; or each block by
 * itself, and then it goes past the page cache (`direct`), or is `flushed` to the server's disk.
 *
 * A block that is left to the page cache goes to a share some time later at the full speed of the
 * line, in the way of what is read, whatever the limit is.
 */
export type FlushStyle = "together" | "direct" | "flushed";

/** A file that is being written under its temporary name. */
export class PosixWriter implements FileWriter {
  readonly path: string;
  readonly #sys: Syscalls;
  readonly #pooled: Syscalls;
  readonly #directories: Directories;
  #flush: FlushStyle;
  readonly #refuseDirect: () => void;
  readonly #handle: Handle;
  readonly #temporary: Uint8Array;

  /**
   * @param flush `direct` for a handle that was opened so; `refuseDirect` is called when it cannot be
   * written to so
   */
  constructor(
    sys: Syscalls,
    pooled: Syscalls,
    directories: Directories,
    { flush, refuseDirect }: { readonly flush: FlushStyle; readonly refuseDirect: () => void },
    handle: Handle,
    path: string,
    temporary: Uint8Array,
  ) {
    this.#sys = sys;
    this.#pooled = pooled;
    this.#directories = directories;
    this.#flush = flush;
    this.#refuseDirect = refuseDirect;
    this.#handle = handle;
    this.path = path;
    this.#temporary = temporary;
  }

  get temporary(): string {
    // without the NUL at the end
    return join(parentOf(this.path), decodeName(this.#temporary.subarray(0, -1)));
  }

  async write(data: Uint8Array, position: number, { signal }: CallOptions = {}): Promise<void> {
    const sys = data.length >= LARGE ? this.#pooled : this.#sys;
    let written = 0;
    while (written < data.length) {
      signal?.throwIfAborted();
      const part = written === 0 ? data : data.subarray(written);
      const at = position + written;
      // others of this file may find out at the same time
      const direct = this.#flush === "direct";
      const length = await this.#handle.use((fd) => sys.pwrite64(fd, part, part.length, at));
      if (length === -EINVAL && direct) {
        await this.#throughCache();
        continue;
      }
      // a write that does nothing would be tried for ever
      if (length <= 0) throw posixError(length === 0 ? -EIO : length, "write", this.path);
      written += length;
    }
    if (this.#flush !== "flushed") return;
    // a low limit makes small blocks: the first one goes with the second, or at the end of the file
    if (data.length >= SMALL_WRITE) await this.#send(position, data.length);
    else if (position > 0) {
      const from = Math.max(0, position - SMALL_WRITE);
      await this.#send(from, position - from + data.length);
    }
  }

  /**
   * From now on by way of the page cache: some places take a file that is to be written directly, and
   * then no write to it, or only one that begins and ends where they like it.
   */
  async #throughCache(): Promise<void> {
    this.#refuseDirect();
    // of its flags, those that can be changed: there was only the one
    const result = await this.#handle.use((fd) => this.#pooled.fcntl(fd, F_SETFL, 0));
    if (result < 0) throw posixError(result, "write by way of the page cache", this.path);
    this.#flush = "flushed";
  }

  async #send(position: number, length: number): Promise<void> {
    const result = await this.#handle.use((fd) => this.#pooled.fdatasync(fd));
    // a share reports a full disk here, not at write
    if (result < 0) throw posixError(result, "flush", this.path);
    // what has left is not needed here any more; if it cannot be dropped, it is only in the way
    await this.#handle.use((fd) => this.#pooled.fadvise64(fd, position, length, FADV_DONTNEED));
  }

  async extend(size: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const result = await this.#handle.use((fd) => this.#sys.ftruncate(fd, size));
    if (result < 0) throw posixError(result, "extend", this.path);
  }

  async finish(
    times: Pick<Times, "mtime" | "atime">,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    if (this.#flush !== "together") {
      // a share reports a full disk here, not at write
      const result = await this.#handle.use((fd) => this.#sys.fdatasync(fd));
      if (result < 0) throw posixError(result, "flush", this.path);
    }
    const closed = await this.#handle.close();
    if (closed < 0) throw posixError(closed, "close", this.path);
    // after the close: a CIFS mount forgets times that were set on an open file
    using held = await this.#directories.hold(parentOf(this.path));
    const set = timespecs(times);
    const result = await this.#sys.utimensat(held.fd, this.#temporary, set, AT.SYMLINK_NOFOLLOW);
    if (result < 0) throw this.#directories.failure(result, "set the times", this.path);
  }

  async commit({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    using held = await this.#directories.hold(parentOf(this.path));
    const name = lastName(this.path);
    const result = await this.#sys.renameat2(held.fd, this.#temporary, held.fd, name, 0);
    if (result < 0) {
      throw this.#directories.failure(result, "rename over the final name", this.path);
    }
  }

  async abort(): Promise<void> {
    await this.#handle.close();
    try {
      using held = await this.#directories.hold(parentOf(this.path));
      await this.#sys.unlinkat(held.fd, this.#temporary, 0);
    } catch (error) {
      // the directory itself is gone: there is nothing left to remove
      if (!(error instanceof SyncError)) throw error;
    }
  }
}
