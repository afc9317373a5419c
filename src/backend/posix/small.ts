/**
 * Small files on a disk that answers at once: a handful of system calls in a row on the calling
 * thread, in memory that is used again and again. Promises and allocations around each call would
 * cost more than the calls do.
 *
 * Only the ordinary case is done here. Whatever is not (an error, a directory whose handle is not at
 * hand, a file that changes) is answered with null, and the caller takes the ordinary way, which
 * does it again and knows how to say what is wrong.
 */
import { baseOf, parentOf } from "../../entry.ts";
import type { ChangeTimes, Stamp } from "../../stamp.ts";
import type { FileWriter, SmallFiles } from "../backend.ts";
import { checkName } from "../failures.ts";
import type { Directories } from "./directories.ts";
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
  readonly #statx = new StatxBuffer();
  readonly #times = new Int32Array(8);
  readonly #timeBytes = new Uint8Array(this.#times.buffer);

  constructor(options: PosixSmallOptions) {
    this.#options = options;
  }

  read(path: string, into: Uint8Array, size: number, scanned: ChangeTimes): Stamp | null {
    const { sys, directories, noatime } = this.#options;
    const directory = directories.atHand(parentOf(path));
    if (directory === null || !this.#encode(baseOf(path))) return null;
    const flags = O.RDONLY | O.NOFOLLOW | O.CLOEXEC | O_NONBLOCK | noatime();
    const fd = sys.openat(directory, this.#name, flags, 0) as number;
    if (fd < 0) return null;
    const filled = size === 0 || sys.pread64(fd, into, size, 0) === size;
    // on a local disk the open file itself tells whether anything has changed
    const looked = sys.statx(fd, SELF, AT.EMPTY_PATH, STATX_WANTED, this.#statx.bytes) === 0;
    if ((sys.close(fd) as number) < 0 || !filled || !looked) return null;
    return this.#statx.isFileOf(size) ? this.#statx.stampIf(scanned) : null;
  }

  write(path: string, data: Uint8Array, stamp: Stamp): FileWriter | null {
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
    this.#fillTimes(stamp);
    const timed = written && sys.utimensat(fd, null, this.#timeBytes, 0) === 0;
    if ((sys.close(fd) as number) >= 0 && timed) return writer(path, temporary);
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

  /** Two struct timespec, access and modification, in 32-bit halves: no bigint is made. */
  #fillTimes({ atime, atimeNanos, mtime, mtimeNanos }: Stamp): void {
    const words = this.#times;
    words[0] = atime;
    words[1] = Math.floor(atime / 2 ** 32);
    words[2] = atimeNanos;
    words[4] = mtime;
    words[5] = Math.floor(mtime / 2 ** 32);
    words[6] = mtimeNanos;
  }

  /** Puts a name and its NUL into the scratch memory; false for one that needs more care. */
  #encode(name: string): boolean {
    if (name.length > 255 || !name.isWellFormed()) return false;
    checkName(name, name);
    const { written } = encoder.encodeInto(name, this.#name);
    this.#name[written] = 0;
    return true;
  }
}
