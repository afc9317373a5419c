/**
 * Small files on a share: all calls of a parcel are one program that a thread of the pool works off.
 *
 * Awaited one by one, each call would cost two changes of threads, several times what the call itself
 * costs this machine. So a lane is waiting for the server nearly always, and many lanes at once do
 * not fill the machine. What a program touches lies in memory of its own, since a thread that hangs
 * on a dead mount goes on with its program whenever the mount comes back.
 *
 * As on a local disk, only the ordinary case is done here; whatever is odd about a file leaves it
 * behind, for the ordinary way.
 */
import { type Parcel, PARCEL_BYTES, PROGRESS, STAMP } from "../../parcel.ts";
import type { FileWriter, HeldParcels, SmallFiles } from "../backend.ts";
import { isUnsettled } from "../settling.ts";
import type { Directories, HeldDirectory } from "./directories.ts";
import { AT, type Libc, type MappedMemory } from "./libc.ts";
import {
  fillTimes,
  NAME,
  putNames,
  READ_FLAGS,
  TEMPORARY,
  TIMES,
  WRITE_FLAGS,
} from "./parcel_memory.ts";
import { Program, programBytes } from "./program.ts";
import { STATX, STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Files of a parcel: to begin with, and the most and the fewest there are ever. */
const FIRST = 8, MOST = 32, FEWEST = 2;
/** Milliseconds that a program should take: an interrupt waits for it, and so does the next lane. */
const LONG = 250, SHORT = 100;

/** Calls for a file that is read, and for one that is written. */
const READS = 6, WRITES = 5;
const encoder = new TextEncoder();

/** What a {@link ShareSmallFiles} works with. */
export interface ShareSmallOptions {
  readonly libc: Libc;
  readonly directories: Directories;
  readonly temporaryName: () => string;
  /** O.NOATIME or 0, as the backend has found out. */
  readonly noatime: () => number;
  /** Times that are set on an open file outlive its close; otherwise they are set after it. */
  readonly timesOnOpen: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A writer for a file that is complete under its temporary name. */
  readonly writer: (path: string, temporary: Uint8Array) => FileWriter;
}

export class ShareSmallFiles implements SmallFiles {
  readonly #options: ShareSmallOptions;
  /** Desks that nobody works at. */
  readonly #free: Desk[] = [];
  readonly #temporaries = new Map<number, Uint8Array>();
  #made = 0;
  #most = FIRST;
  #closed = false;

  constructor(options: ShareSmallOptions) {
    this.#options = options;
  }

  /** Fewer where the server is far away, so that no program takes long. */
  get most(): number {
    return this.#most;
  }

  async hold(directory: string): Promise<HeldParcels> {
    return new Held(this, await this.#options.directories.hold(directory));
  }

  /** Gives the memory back; what is in use stays. */
  close(): void {
    this.#closed = true;
    for (const desk of this.#free.splice(0)) desk.close();
  }

  async read({ fd }: HeldDirectory, parcel: Parcel): Promise<void> {
    const { files, data, progress, stamps } = parcel;
    const now = this.#options.now();
    await this.#at(async (desk) => {
      if (!desk.putNames(parcel)) return;
      const { reading, looks, bytes } = desk;
      const flags = READ_FLAGS | this.#options.noatime();
      let at = 0;
      for (let i = 0; i < files.length; i++) {
        const { size } = files[i]!;
        reading.open(READS * i, fd, desk.name(i), flags);
        reading.adjust(READS * i + 1, desk.bytesAt + at, size);
        // the look after the last byte: only opening makes a client ask its server
        reading.open(READS * i + 3, fd, desk.name(i), flags);
        at += size;
      }
      await desk.run(reading, READS * files.length);
      data.set(bytes.subarray(0, at));
      for (let i = 0; i < files.length; i++) {
        const { size, scanned } = files[i]!, first = READS * i;
        const done = reading.result(first + 1) === size && reading.result(first + 2) === 0 &&
          reading.result(first + 4) === 0 && reading.result(first + 5) === 0;
        // changed just now: it may change again with the same time, which the ordinary way waits out
        if (!done || isUnsettled(scanned, { now, sameClock: false, since: parcel.job.listed })) {
          continue;
        }
        if (looks.isUnchanged(i, size, scanned)) {
          looks.stamp(i, stamps, i * STAMP);
          progress[i] = PROGRESS.read;
        }
      }
    }, files.length);
  }

  async write({ fd }: HeldDirectory, parcel: Parcel): Promise<void> {
    const { files, data, progress, stamps, temporaries } = parcel;
    await this.#at(async (desk) => {
      const { writing, times, bytes } = desk;
      bytes.set(data.subarray(0, parcel.bytes));
      let at = desk.bytesAt, slot = 0;
      for (let i = 0; i < files.length; i++) {
        const { size } = files[i]!;
        if (progress[i] === PROGRESS.read) {
          temporaries[i] = this.#takeTemporary();
          const name = desk.putTemporary(slot, this.#temporaries.get(temporaries[i]!)!);
          writing.direct(WRITES * slot, fd, name);
          writing.adjust(WRITES * slot + 1, at, size);
          if (!this.#options.timesOnOpen) writing.direct(WRITES * slot + 4, fd, name);
          fillTimes(times, slot, stamps, i * STAMP);
          slot += 1;
        }
        at += size;
      }
      await desk.run(writing, WRITES * slot);
      slot = 0;
      for (let i = 0; i < files.length; i++) {
        if (progress[i] !== PROGRESS.read) continue;
        const first = WRITES * slot++;
        // durable only when the flush and the close say so: that is where a share reports a full disk
        const done = writing.result(first + 1) === files[i]!.size &&
          [2, 3, 4].every((call) => writing.result(first + call) === 0);
        if (done) progress[i] = PROGRESS.written;
        else await this.#remove(fd, temporaries[i]!, writing.result(first) >= 0);
      }
    }, files.length);
  }

  async commit({ fd }: HeldDirectory, parcel: Parcel): Promise<void> {
    const { files, progress, temporaries } = parcel;
    await this.#at(async (desk) => {
      if (!desk.putNames(parcel)) return;
      const { committing } = desk;
      let slot = 0;
      for (let i = 0; i < files.length; i++) {
        if (progress[i] !== PROGRESS.written) continue;
        const temporary = desk.putTemporary(slot, this.#temporaries.get(temporaries[i]!)!);
        committing.rename(slot++, fd, temporary, desk.name(i));
      }
      await desk.run(committing, slot);
      slot = 0;
      for (let i = 0; i < files.length; i++) {
        if (progress[i] !== PROGRESS.written || committing.result(slot++) !== 0) continue;
        progress[i] = PROGRESS.committed;
        this.#temporaries.delete(temporaries[i]!);
      }
    });
  }

  async discard({ fd }: HeldDirectory, { progress, temporaries }: Parcel): Promise<void> {
    for (let i = 0; i < progress.length; i++) {
      if (progress[i] === PROGRESS.written) await this.#remove(fd, temporaries[i]!, true);
    }
  }

  /** The writer takes the temporary over. */
  writer(path: string, temporary: number): FileWriter {
    const bytes = this.#temporaries.get(temporary)!;
    this.#temporaries.delete(temporary);
    return this.#options.writer(path, bytes);
  }

  /** Never the same one twice: a program that hung may still make it when it goes on. */
  #takeTemporary(): number {
    const bytes = new Uint8Array(TEMPORARY);
    // the last byte stays the NUL
    const { written } = encoder.encodeInto(
      this.#options.temporaryName(),
      bytes.subarray(0, TEMPORARY - 1),
    );
    this.#temporaries.set(this.#made, bytes.subarray(0, written + 1));
    return this.#made++;
  }

  async #remove(directory: number, temporary: number, made: boolean): Promise<void> {
    const bytes = this.#temporaries.get(temporary);
    // a writer may have taken it over
    if (bytes === undefined) return;
    this.#temporaries.delete(temporary);
    if (made) await this.#options.libc.pooled.unlinkat(directory, bytes, 0);
  }

  /** Works at a desk; `files`, if given, are what the time it takes is for. */
  async #at(work: (desk: Desk) => Promise<void>, files?: number): Promise<void> {
    const desk = this.#free.pop() ?? new Desk(this.#options);
    const began = performance.now();
    try {
      await work(desk);
    } finally {
      if (this.#closed) desk.close();
      else this.#free.push(desk);
    }
    if (files === undefined) return;
    const took = performance.now() - began;
    if (took > LONG) this.#most = Math.max(FEWEST, Math.floor(this.#most / 2));
    else if (took < SHORT && files >= this.#most) this.#most = Math.min(MOST, this.#most * 2);
  }
}

/** The memory and the programs of one parcel under way. */
class Desk {
  readonly reading: Program;
  readonly writing: Program;
  readonly committing: Program;
  readonly looks: StatxBuffer;
  readonly times: Int32Array;
  readonly bytes: Uint8Array;
  readonly bytesAt: number;
  readonly #libc: Libc;
  readonly #memory: MappedMemory;
  readonly #names: Uint8Array;
  readonly #namesAt: number;
  readonly #starts = new Int32Array(MOST);
  readonly #temporaries: Uint8Array;
  readonly #temporariesAt: number;

  constructor({ libc, timesOnOpen }: Pick<ShareSmallOptions, "libc" | "timesOnOpen">) {
    this.#libc = libc;
    let size = 0;
    const piece = (bytes: number) => {
      const at = size;
      size += Math.ceil(bytes / 64) * 64;
      return { at, bytes };
    };
    const pieces = {
      reading: piece(programBytes(READS * MOST)),
      writing: piece(programBytes(WRITES * MOST)),
      committing: piece(programBytes(MOST)),
      looks: piece(STATX * MOST),
      times: piece(TIMES * MOST),
      // an empty C string
      empty: piece(1),
      temporaries: piece(TEMPORARY * MOST),
      names: piece(NAME * MOST),
      bytes: piece(PARCEL_BYTES),
    };
    const memory = this.#memory = libc.map(size);
    const view = ({ at, bytes }: { at: number; bytes: number }) => memory.view(at, bytes);
    const address = ({ at }: { at: number }) => memory.address + at;
    const program = (calls: number, piece: { at: number; bytes: number }) =>
      new Program(libc.runProgram, calls, view(piece));
    this.reading = program(READS * MOST, pieces.reading);
    this.writing = program(WRITES * MOST, pieces.writing);
    this.committing = program(MOST, pieces.committing);
    this.looks = new StatxBuffer(MOST, view(pieces.looks));
    this.times = new Int32Array(view(pieces.times));
    this.bytes = new Uint8Array(view(pieces.bytes));
    this.bytesAt = address(pieces.bytes);
    this.#names = new Uint8Array(view(pieces.names));
    this.#namesAt = address(pieces.names);
    this.#temporaries = new Uint8Array(view(pieces.temporaries));
    this.#temporariesAt = address(pieces.temporaries);
    const number = libc.numberOf;
    for (let i = 0; i < MOST; i++) {
      const read = READS * i, write = WRITES * i;
      const look = address(pieces.looks) + i * STATX, empty = address(pieces.empty);
      this.reading.set(read, number("openat"), 0);
      this.reading.chain(read + 1, number("pread64"), 1);
      this.reading.chain(read + 2, number("close"), 2);
      this.reading.set(read + 3, number("openat"), 0);
      this.reading.chain(read + 4, number("statx"), 1, empty, AT.EMPTY_PATH, STATX_WANTED, look);
      this.reading.chain(read + 5, number("close"), 2);
      this.writing.set(write, number("openat"), 0, 0, WRITE_FLAGS, 0o666);
      this.writing.chain(write + 1, number("pwrite64"), 1);
      this.writing.chain(write + 2, number("fdatasync"), 2);
      const times = address(pieces.times) + i * TIMES;
      if (timesOnOpen) {
        // spares the way by the name
        this.writing.chain(write + 3, number("utimensat"), 3, 0, times, 0);
        this.writing.chain(write + 4, number("close"), 4);
      } else {
        this.writing.chain(write + 3, number("close"), 3);
        this.writing.set(write + 4, number("utimensat"), 0, 0, times, AT.SYMLINK_NOFOLLOW);
      }
      this.committing.set(i, number("renameat2"), 0);
    }
  }

  /** Makes the first `count` calls of a program, on the pool. */
  async run(program: Program, count: number): Promise<void> {
    await this.#libc.runProgramPooled(program.bytes, count);
  }

  /** Puts the names into memory; false for what needs more care. */
  putNames(parcel: Parcel): boolean {
    return parcel.files.length <= MOST && putNames(parcel, this.#names, this.#starts);
  }

  /** The address of the name of a file of the parcel. */
  name(index: number): number {
    return this.#namesAt + this.#starts[index]!;
  }

  /** Puts a temporary name into memory; returns its address. */
  putTemporary(slot: number, name: Uint8Array): number {
    this.#temporaries.set(name, slot * TEMPORARY);
    return this.#temporariesAt + slot * TEMPORARY;
  }

  close(): void {
    this.#memory.unmap();
  }
}

/** One directory, held for parcels until the last program in it is over. */
class Held implements HeldParcels {
  readonly #small: ShareSmallFiles;
  readonly #directory: HeldDirectory;
  #users = 1;
  #released = false;

  constructor(small: ShareSmallFiles, directory: HeldDirectory) {
    this.#small = small;
    this.#directory = directory;
  }

  read(parcel: Parcel): Promise<void> {
    return this.#use(() => this.#small.read(this.#directory, parcel));
  }

  write(parcel: Parcel): Promise<void> {
    return this.#use(() => this.#small.write(this.#directory, parcel));
  }

  commit(parcel: Parcel): Promise<void> {
    return this.#use(() => this.#small.commit(this.#directory, parcel));
  }

  discard(parcel: Parcel): Promise<void> {
    return this.#use(() => this.#small.discard(this.#directory, parcel));
  }

  writer(path: string, temporary: number): FileWriter {
    return this.#small.writer(path, temporary);
  }

  [Symbol.dispose](): void {
    if (!this.#released) this.#letGo();
    this.#released = true;
  }

  async #use(work: () => Promise<void>): Promise<void> {
    this.#users += 1;
    try {
      await work();
    } finally {
      this.#letGo();
    }
  }

  /** A handle that was closed under a program that hangs could be another directory's by then. */
  #letGo(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#directory[Symbol.dispose]();
  }
}
