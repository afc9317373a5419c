/**
 * Small files on a disk that answers at once: a handful of system calls in a row on the calling
 * thread, in memory that is used again and again. Promises and allocations around each call would
 * cost more than the calls do.
 *
 * Only the ordinary case is done here. Whatever is not (an error, a directory whose handle is not at
 * hand, a file that changes) is answered with null, and the caller takes the ordinary way, which
 * does it again and knows how to say what is wrong.
 */
import { baseOf, type Entry, parentOf, type Times } from "../../entry.ts";
import type { FileWriter, SmallFile, SmallFiles } from "../backend.ts";
import { checkName } from "../failures.ts";
import type { Directories } from "./directories.ts";
import { fillTimespecs } from "./file.ts";
import { AT, O, type Syscalls } from "./libc.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";

const SELF = Uint8Array.of(0);
const O_NONBLOCK = 0o4000;
/** A name has at most 255 bytes; a component of UTF-16 code units at most three times as many. */
const NAME_BYTES = 1024;
const encoder = new TextEncoder();

/** What a {@link PosixSmallFiles} works with; `sys` makes calls on the calling thread only. */
export interface PosixSmallOptions {
  readonly sys: Syscalls;
  readonly directories: Directories;
  readonly temporaryName: () => string;
  /** O.NOATIME or 0, as the backend has found out. */
  readonly noatime: () => number;
  /** A writer for a file that is complete under its temporary name. */
  readonly writer: (path: string, temporary: Uint8Array) => FileWriter;
}

export class PosixSmallFiles implements SmallFiles {
  readonly #options: PosixSmallOptions;
  readonly #name = new Uint8Array(NAME_BYTES);
  readonly #before = new StatxBuffer();
  readonly #after = new StatxBuffer();
  readonly #times = new BigInt64Array(4);
  readonly #timeBytes = new Uint8Array(this.#times.buffer);

  constructor(options: PosixSmallOptions) {
    this.#options = options;
  }

  read(path: string, into: Uint8Array): SmallFile | null {
    const { sys, directories, noatime } = this.#options;
    const directory = directories.atHand(parentOf(path));
    if (directory === null || !this.#encode(baseOf(path))) return null;
    const name = this.#name;
    const flags = O.RDONLY | O.NOFOLLOW | O.CLOEXEC | O_NONBLOCK | noatime();
    const fd = sys.openat(directory, name, flags, 0) as number;
    if (fd < 0) return null;
    const before = this.#before, after = this.#after;
    let entry: Entry | null = null;
    if (sys.statx(fd, SELF, AT.EMPTY_PATH, STATX_WANTED, before.bytes) === 0) {
      entry = before.entry(baseOf(path));
      const fits = entry.kind === "file" && entry.size <= into.length;
      if (!fits || !this.#fill(fd, into, entry.size)) entry = null;
    }
    if ((sys.close(fd) as number) < 0 || entry === null) return null;
    const looked = sys.statx(directory, name, AT.SYMLINK_NOFOLLOW, STATX_WANTED, after.bytes);
    return looked === 0 && after.sameState(before) ? { entry, length: entry.size } : null;
  }

  write(
    path: string,
    data: Uint8Array,
    times: Pick<Times, "mtime" | "atime">,
  ): FileWriter | null {
    const { sys, directories, temporaryName, writer } = this.#options;
    const directory = directories.atHand(parentOf(path));
    if (directory === null) return null;
    checkName(baseOf(path), path);
    const temporary = encoder.encode(`${temporaryName()}\0`);
    const flags = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;
    const fd = sys.openat(directory, temporary, flags, 0o666) as number;
    if (fd < 0) return null;
    const written = data.length === 0 ||
      sys.pwrite64(fd, data, data.length, 0) === data.length;
    fillTimespecs(this.#times, times);
    const done = (sys.close(fd) as number) >= 0 && written &&
      sys.utimensat(directory, temporary, this.#timeBytes, AT.SYMLINK_NOFOLLOW) === 0;
    if (done) return writer(path, temporary);
    sys.unlinkat(directory, temporary, 0);
    return null;
  }

  /** Gives a complete file its final name; false when the ordinary way must do it. */
  commit(path: string, temporary: Uint8Array): boolean {
    const { sys, directories } = this.#options;
    const directory = directories.atHand(parentOf(path));
    if (directory === null || !this.#encode(baseOf(path))) return false;
    return sys.renameat2(directory, temporary, directory, this.#name, 0) === 0;
  }

  /** Puts a name and its NUL into the scratch memory; false for one that needs more care. */
  #encode(name: string): boolean {
    if (name.length > 255 || !name.isWellFormed()) return false;
    checkName(name, name);
    const { written } = encoder.encodeInto(name, this.#name);
    this.#name[written] = 0;
    return true;
  }

  #fill(fd: number, into: Uint8Array, size: number): boolean {
    if (size === 0) return true;
    return this.#options.sys.pread64(fd, into, size, 0) === size;
  }
}
