/**
 * Opening files for reading: by the handle of their directory, once more where that handle was out
 * of date, and, where a file was changed a moment ago, not before a further change would show.
 */
import { baseOf, type Entry, parentOf } from "../../entry.ts";
import { SyncError } from "../../errors.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Backend, CallOptions, Capabilities, FileReader, OpenOptions } from "../backend.ts";
import { notAFile } from "../failures.ts";
import { lookByOpening } from "../look_by_opening.ts";
import { settlingTime } from "../settling.ts";
import { type Directories, lastName } from "./directories.ts";
import type { Entries } from "./entries.ts";
import { EINVAL, EPERM } from "./errno.ts";
import { PosixReader } from "./file.ts";
import { Handle } from "./handle.ts";
import { AT, type Libc, O, SELF, type Syscalls } from "./libc.ts";
import { READ_FLAGS } from "./parcel_memory.ts";
import { StatxBuffer } from "./statx.ts";

/** Files up to this size may be kept in places that are not counted as allocated. */
const SPARSE_FROM = 64 * 1024;

/** What an opener works with. */
export interface OpenerParts {
  readonly libc: Libc;
  /** Makes the calls. */
  readonly sys: Syscalls;
  readonly directories: Directories;
  readonly entries: Entries;
  readonly capabilities: Pick<Capabilities, "latency" | "durability">;
  /** Milliseconds since the epoch, as the kernel stamps files with. */
  readonly now: () => number;
  /** The place itself: looks at a file where that need not ask a server. */
  readonly place: Pick<Backend, "look">;
}

/** Opens the files of one place. */
export class Opener {
  readonly #parts: OpenerParts;
  readonly #sys: Syscalls;
  readonly #immediate: boolean;
  /** Reading should not change access times, which only a file's owner may ask for. */
  #noatime: number = O.NOATIME;
  /** For looks that are made by opening; they wait for nothing to settle. */
  readonly #anew: Pick<Backend, "open"> = {
    open: (path, options = {}) => this.#openTwice(path, options),
  };

  constructor(parts: OpenerParts) {
    this.#parts = parts;
    this.#sys = parts.sys;
    this.#immediate = parts.capabilities.latency === "immediate";
  }

  /** The flag to open with that keeps access times; 0 once it was refused. */
  readonly noatime = (): number => this.#noatime;

  /** See {@link Backend.open}. */
  readonly open = async (path: string, options: OpenOptions = {}): Promise<FileReader> => {
    const now = this.#parts.now();
    const reader = await this.#openTwice(path, options);
    try {
      const wait = this.#settlingTime(reader.entry, now, options.seen);
      if (wait === 0) return reader;
      await systemClock().sleep(wait, options);
      const after = await reader.look(options);
      if (after?.ctime === reader.entry.ctime) return reader;
      throw new SyncError("ECHANGED", "changed while it was read: it is being written to", {
        path,
        retryable: true,
      });
    } catch (error) {
      await reader[Symbol.asyncDispose]();
      throw error;
    }
  };

  /**
   * The handle of a file or directory, to be read from, by its directory's handle and its name. It
   * is the caller's to close. Rejects with a SyncError.
   */
  async handle(directory: number, name: Uint8Array, path: string): Promise<number> {
    let fd = await this.#sys.openat(directory, name, READ_FLAGS | this.#noatime, 0);
    if ((fd === -EPERM || fd === -EINVAL) && this.#noatime !== 0) {
      fd = await this.#sys.openat(directory, name, READ_FLAGS, 0);
      if (fd >= 0) this.#noatime = 0;
    }
    if (fd < 0) throw this.#parts.directories.failure(fd, "open", path);
    return fd;
  }

  #settlingTime({ ctime }: Entry, now: number, seen: OpenOptions["seen"]): number {
    // not by the latency, which says how calls are made: also those on a local disk may wait
    const sameClock = this.#parts.capabilities.durability === "group";
    const wholeSeconds = ctime % 1_000_000_000n === 0n;
    const since = seen?.ctime === ctime ? seen.at : null;
    return settlingTime(Number(ctime) / 1e6, { wholeSeconds, now, sameClock, since });
  }

  async #openTwice(path: string, options: CallOptions): Promise<FileReader> {
    try {
      return await this.#openOnce(path, options);
    } catch (error) {
      const gone = error instanceof SyncError && error.code === "ENOENT";
      if (!gone || parentOf(path) === "") throw error;
      // the handle of a directory that was replaced by another one of the same name says so too; the
      // failed call has dropped the handles on the way
      return await this.#openOnce(path, options);
    }
  }

  async #openOnce(path: string, { signal }: CallOptions): Promise<FileReader> {
    const { directories, entries, libc, place } = this.#parts;
    signal?.throwIfAborted();
    using held = await directories.hold(parentOf(path));
    const fd = await this.handle(held.fd, lastName(path), path);
    try {
      const buffer = new StatxBuffer();
      await entries.statx(fd, SELF, AT.EMPTY_PATH, buffer, path);
      const entry = buffer.entry(baseOf(path));
      if (entry.kind !== "file") throw notAFile(entry.kind, path);
      const handle = new Handle(this.#sys, fd);
      const immediate = this.#immediate;
      const look = (options?: CallOptions) =>
        immediate ? place.look(path, options) : lookByOpening(this.#anew, path, options);
      const sparse = entry.size > SPARSE_FROM && buffer.allocated() < entry.size;
      const streams = !immediate && entry.size > SPARSE_FROM;
      const about = { entry, sparse, streams };
      const reader = new PosixReader(look, this.#sys, libc.pooled, handle, path, about);
      if (streams) await reader.stream();
      return reader;
    } catch (error) {
      await this.#sys.close(fd);
      throw error;
    }
  }
}
