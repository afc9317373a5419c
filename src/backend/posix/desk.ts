/**
 * Desks: memory and programs for the calls of one parcel on a share.
 *
 * A thread that hangs on a dead mount goes on with its program whenever the mount comes back, so what
 * a program touches is never the garbage collector's, and never another parcel's meanwhile.
 */
import { type Parcel, PARCEL_BYTES } from "../../parcel.ts";
import { AT, type Libc, type MappedMemory } from "./libc.ts";
import type { Mounts } from "./mounts.ts";
import { NAME, putNames, TEMPORARY, TIMES } from "./parcel_memory.ts";
import { Program, programBytes } from "./program.ts";
import { STATX, STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Files of a parcel, at most. */
export const MOST = 32;

/** Calls for a file that is read, and for one that is written. */
export const READS = 6, WRITES = 5;

/** What a {@link Desk} works with. */
export interface DeskOptions {
  readonly libc: Libc;
  /** See {@link Mounts.timesWhen}. */
  readonly timesWhen: Mounts["timesWhen"];
}

/** The memory and the programs of one parcel under way. */
export class Desk {
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

  constructor({ libc, timesWhen }: DeskOptions) {
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
      this.writing.set(write, number("openat"), 0, 0, 0, 0o666);
      this.writing.chain(write + 1, number("pwrite64"), 1);
      const times = address(pieces.times) + i * TIMES;
      const utimes = number("utimensat"), flush = number("fdatasync"), close = number("close");
      if (timesWhen === "closed") {
        this.writing.chain(write + 2, flush, 2);
        this.writing.chain(write + 3, close, 3);
        this.writing.set(write + 4, utimes, 0, 0, times, AT.SYMLINK_NOFOLLOW);
      } else {
        const early = timesWhen === "written" ? 2 : 3, late = early === 2 ? 3 : 2;
        this.writing.chain(write + early, utimes, early, 0, times, 0);
        this.writing.chain(write + late, flush, late);
        this.writing.chain(write + 4, close, 4);
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
