/**
 * Small files on a disk that answers at once: a parcel's system calls as programs, in memory that is
 * used again and again. Promises, allocations and crossings for each call would cost more than the
 * calls do.
 *
 * Only the ordinary case is done here. A file for which anything is not (an error, a change since
 * the scan) stays behind, and the caller takes the ordinary way for it, which does it again and
 * knows how to say what is wrong.
 */
import { type Parcel, PARCEL_FILES, PROGRESS, STAMP, stampAt } from "../../parcel.ts";
import type { Stamp } from "../../stamp.ts";
import type { FileWriter, HeldParcels, NewDirectory, SmallFiles } from "../backend.ts";
import { isUnsettled, unsettledSince } from "../settling.ts";
import { type Directories, type HeldDirectory, nulTerminated } from "./directories.ts";
import { posixError } from "./errno.ts";
import { AT, type Libc } from "./libc.ts";
import { makeNewDirectory, newDirectoryAtOnce } from "./new_directory.ts";
import {
  fillTimes,
  NAME,
  NAMED,
  putNames,
  READ_FLAGS,
  TEMPORARY,
  TIMES,
  WRITE_FLAGS,
} from "./parcel_memory.ts";
import { addressOf, Program } from "./program.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Temporary names in one piece of memory. */
const TEMPORARIES = 64;

const encoder = new TextEncoder();

/** What a {@link PosixSmallFiles} works with. */
export interface PosixSmallOptions {
  readonly libc: Libc;
  readonly run: Libc["runProgram"];
  readonly directories: Directories;
  readonly temporaryName: () => string;
  /** O.NOATIME or 0, as the backend has found out. */
  readonly noatime: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A writer for a file that is complete under its temporary name. */
  readonly writer: (path: string, temporary: Uint8Array) => FileWriter;
}

export class PosixSmallFiles implements SmallFiles {
  readonly most = PARCEL_FILES;
  readonly #options: PosixSmallOptions;
  readonly #names = new Uint8Array(PARCEL_FILES * NAME);
  readonly #namesAt: number;
  /** Where each name of the parcel begins in `#names`. */
  readonly #starts = new Int32Array(PARCEL_FILES);
  readonly #temporaries: Temporaries;
  /** An empty C string. */
  readonly #empty = new Uint8Array(8);
  #reading: { readonly program: Program; readonly looks: StatxBuffer } | null = null;
  #writing: { readonly program: Program; readonly times: Int32Array } | null = null;
  #committing: Program | null = null;
  #above: { readonly looks: StatxBuffer; readonly stamp: Float64Array } | null = null;

  constructor(options: PosixSmallOptions) {
    this.#options = options;
    this.#namesAt = addressOf(this.#names.buffer);
    this.#temporaries = new Temporaries(options.temporaryName);
  }

  async hold(directory: string): Promise<HeldParcels> {
    const held = await this.#options.directories.hold(directory);
    return new Held(this, held);
  }

  holdAtOnce(directory: string): HeldParcels | undefined {
    const held = this.#options.directories.holdAtOnce(directory);
    return held === undefined ? undefined : new Held(this, held);
  }

  makeAtOnce(directory: string): NewDirectory | undefined {
    const { libc, directories, temporaryName } = this.#options;
    return newDirectoryAtOnce(directory, this, { libc, directories, temporaryName });
  }

  async make(directory: string): Promise<NewDirectory> {
    const { libc, directories, temporaryName } = this.#options;
    return await makeNewDirectory(directory, this, { libc, directories, temporaryName });
  }

  read({ fd }: HeldDirectory, parcel: Parcel): void {
    const { files, data, progress, stamps } = parcel;
    const { program, looks } = this.#reading ??= this.#newReading();
    const now = this.#options.now(), unsettled = unsettledSince(now);
    if (!putNames(parcel, this.#names, this.#starts)) return;
    let at = this.#options.libc.addresses.of(data);
    const flags = READ_FLAGS | this.#options.noatime();
    for (let i = 0; i < files.length; i++) {
      const { size } = files[i]!;
      program.open(4 * i, fd, this.#namesAt + this.#starts[i]!, flags);
      program.adjust(4 * i + 1, at, size);
      at += size;
    }
    program.run(4 * files.length);
    if (parcel.job.whole !== null) parcel.above = this.#stampOf(fd);
    for (let i = 0; i < files.length; i++) {
      const { size, scanned } = files[i]!;
      const done = program.result(4 * i + 1) === size && program.result(4 * i + 2) === 0 &&
        program.result(4 * i + 3) === 0;
      // changed just now: it may change again with the same time, which the ordinary way waits out
      if (
        scanned.ctime >= unsettled &&
        isUnsettled(scanned, { now, sameClock: true, since: parcel.job.listed })
      ) continue;
      // on a local disk the open file itself tells whether anything has changed
      if (done && looks.isUnchanged(i, size, scanned)) {
        looks.stamp(i, stamps, i * STAMP);
        progress[i] = PROGRESS.read;
      }
    }
  }

  /**
   * True unless something is left that is not a whole file.
   *
   * @param named the files get their own names at once: the directory is one that is being made
   */
  write({ fd }: HeldDirectory, parcel: Parcel, named = false): boolean {
    const { files, data, progress, stamps, temporaries } = parcel;
    const { program, times } = this.#writing ??= this.#newWriting();
    if (named && !putNames(parcel, this.#names, this.#starts)) return true;
    let at = this.#options.libc.addresses.of(data);
    let calls = 0, clean = true;
    for (let i = 0; i < files.length; i++) {
      const { size } = files[i]!;
      if (progress[i] === PROGRESS.read) {
        const temporary = temporaries[i] = named ? NAMED : this.#temporaries.take();
        const name = named
          ? this.#namesAt + this.#starts[i]!
          : this.#temporaries.address(temporary);
        program.direct(4 * calls, fd, name);
        program.adjust(4 * calls + 1, at, size);
        fillTimes(times, calls, stamps, i * STAMP);
        calls += 1;
      }
      at += size;
    }
    program.run(4 * calls);
    calls = 0;
    for (let i = 0; i < files.length; i++) {
      if (progress[i] !== PROGRESS.read) continue;
      const at = 4 * calls++;
      const done = program.result(at + 1) === files[i]!.size && program.result(at + 2) === 0 &&
        program.result(at + 3) === 0;
      if (done) progress[i] = PROGRESS.written;
      else clean = this.#remove(fd, parcel, i, program.result(at) >= 0) && clean;
    }
    return clean;
  }

  /** The files of a new directory that has its name now are at their final names. */
  committed({ progress }: Parcel): void {
    for (let i = 0; i < progress.length; i++) {
      if (progress[i] === PROGRESS.written) progress[i] = PROGRESS.committed;
    }
  }

  /** Moves the files of a new directory into another one, under temporary names. */
  moveOut(from: HeldDirectory, into: HeldDirectory, parcel: Parcel): void {
    const { files, progress, temporaries } = parcel;
    const { now } = this.#options.libc;
    for (let i = 0; i < files.length; i++) {
      if (progress[i] !== PROGRESS.written) continue;
      const temporary = this.#temporaries.take();
      const name = nulTerminated(files[i]!.name);
      const bytes = this.#temporaries.bytes(temporary);
      const result = now.renameat2(from.fd, name, into.fd, bytes, 0) as number;
      if (result < 0) {
        this.#temporaries.giveBack(temporary);
        throw posixError(result, "move out of its new directory", files[i]!.name);
      }
      temporaries[i] = temporary;
    }
  }

  commit({ fd }: HeldDirectory, parcel: Parcel): void {
    const { files, progress, temporaries } = parcel;
    const program = this.#committing ??= this.#newCommitting();
    if (!putNames(parcel, this.#names, this.#starts)) return;
    let calls = 0;
    for (let i = 0; i < files.length; i++) {
      if (progress[i] !== PROGRESS.written) continue;
      program.rename(
        calls++,
        fd,
        this.#temporaries.address(temporaries[i]!),
        this.#namesAt + this.#starts[i]!,
      );
    }
    program.run(calls);
    calls = 0;
    for (let i = 0; i < files.length; i++) {
      if (progress[i] !== PROGRESS.written || program.result(calls++) !== 0) continue;
      progress[i] = PROGRESS.committed;
      this.#temporaries.giveBack(temporaries[i]!);
    }
  }

  /** @param own where files with their own names are, if not in the same directory */
  discard({ fd }: HeldDirectory, parcel: Parcel, own = fd): void {
    const { progress, temporaries } = parcel;
    for (let i = 0; i < progress.length; i++) {
      if (progress[i] !== PROGRESS.written) continue;
      this.#remove(temporaries[i] === NAMED ? own : fd, parcel, i, true);
    }
  }

  /** The writer takes the temporary over, so it is never used for another file. */
  writer(path: string, temporary: number): FileWriter {
    return this.#options.writer(path, this.#temporaries.bytes(temporary));
  }

  /** The stamp of a directory that is held; null where there is none. */
  #stampOf(fd: number): Stamp | null {
    const { looks, stamp } = this.#above ??= {
      looks: new StatxBuffer(),
      stamp: new Float64Array(STAMP),
    };
    const { statx } = this.#options.libc.now;
    const result = statx(fd, this.#empty, AT.EMPTY_PATH, STATX_WANTED, looks.bytes);
    if (result !== 0) return null;
    looks.stamp(0, stamp, 0);
    return stampAt(stamp, 0);
  }

  #remove(
    directory: number,
    { files, temporaries }: Parcel,
    index: number,
    made: boolean,
  ): boolean {
    const temporary = temporaries[index]!;
    if (temporary === NAMED) {
      const name = nulTerminated(files[index]!.name);
      return !made || this.#options.libc.now.unlinkat(directory, name, 0) === 0;
    }
    const bytes = this.#temporaries.bytes(temporary);
    const gone = !made || this.#options.libc.now.unlinkat(directory, bytes, 0) === 0;
    // a name that is still taken would fail the next file
    if (gone) this.#temporaries.giveBack(temporary);
    return gone;
  }

  #newReading() {
    const { libc, run } = this.#options;
    const program = new Program(run, 4 * PARCEL_FILES), looks = new StatxBuffer(PARCEL_FILES);
    const open = libc.numberOf("openat"), read = libc.numberOf("pread64");
    const look = libc.numberOf("statx"), close = libc.numberOf("close");
    const empty = addressOf(this.#empty.buffer);
    for (let i = 0; i < PARCEL_FILES; i++) {
      program.set(4 * i, open, 0, 0, 0, 0);
      program.chain(4 * i + 1, read, 1);
      program.chain(4 * i + 2, look, 2, empty, AT.EMPTY_PATH, STATX_WANTED, looks.address(i));
      program.chain(4 * i + 3, close, 3);
    }
    return { program, looks };
  }

  #newWriting() {
    const { libc, run } = this.#options;
    const program = new Program(run, 4 * PARCEL_FILES);
    const times = new Int32Array(PARCEL_FILES * TIMES / 4), timesAt = addressOf(times.buffer);
    const open = libc.numberOf("openat"), write = libc.numberOf("pwrite64");
    const utimes = libc.numberOf("utimensat"), close = libc.numberOf("close");
    for (let i = 0; i < PARCEL_FILES; i++) {
      program.set(4 * i, open, 0, 0, WRITE_FLAGS, 0o666);
      program.chain(4 * i + 1, write, 1);
      program.chain(4 * i + 2, utimes, 2, 0, timesAt + i * TIMES, 0);
      program.chain(4 * i + 3, close, 3);
    }
    return { program, times };
  }

  #newCommitting(): Program {
    const { libc, run } = this.#options;
    const program = new Program(run, PARCEL_FILES);
    const rename = libc.numberOf("renameat2");
    for (let i = 0; i < PARCEL_FILES; i++) program.set(i, rename, 0);
    return program;
  }
}

/** One directory, held for parcels. */
class Held implements HeldParcels {
  readonly #small: PosixSmallFiles;
  readonly #directory: HeldDirectory;

  constructor(small: PosixSmallFiles, directory: HeldDirectory) {
    this.#small = small;
    this.#directory = directory;
  }

  read(parcel: Parcel): undefined {
    this.#small.read(this.#directory, parcel);
  }

  write(parcel: Parcel): undefined {
    this.#small.write(this.#directory, parcel);
  }

  commit(parcel: Parcel): undefined {
    this.#small.commit(this.#directory, parcel);
  }

  discard(parcel: Parcel): undefined {
    this.#small.discard(this.#directory, parcel);
  }

  writer(path: string, temporary: number): FileWriter {
    return this.#small.writer(path, temporary);
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

/** Temporary names as C strings that lie still, each used again once it is free. */
class Temporaries {
  readonly #name: () => string;
  readonly #pieces: { readonly bytes: Uint8Array; readonly at: number }[] = [];
  readonly #free: number[] = [];
  #made = 0;

  constructor(name: () => string) {
    this.#name = name;
  }

  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const index = this.#made++;
    if (index % TEMPORARIES === 0) {
      const bytes = new Uint8Array(TEMPORARIES * TEMPORARY);
      this.#pieces.push({ bytes, at: addressOf(bytes.buffer) });
    }
    // the last byte stays the NUL
    encoder.encodeInto(this.#name(), this.bytes(index).subarray(0, TEMPORARY - 1));
    return index;
  }

  giveBack(index: number): void {
    this.#free.push(index);
  }

  address(index: number): number {
    return this.#pieces[Math.trunc(index / TEMPORARIES)]!.at + (index % TEMPORARIES) * TEMPORARY;
  }

  bytes(index: number): Uint8Array {
    const { bytes } = this.#pieces[Math.trunc(index / TEMPORARIES)]!;
    const at = (index % TEMPORARIES) * TEMPORARY;
    return bytes.subarray(at, at + TEMPORARY);
  }
}
