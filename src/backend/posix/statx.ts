/** statx(2): asking for, and reading, what Linux knows of one object. */
import type { Entry, Kind } from "../../entry.ts";
import type { ChangeTimes } from "../../stamp.ts";
import { addressOf } from "./program.ts";

/** STATX_BASIC_STATS | STATX_BTIME */
export const STATX_WANTED = 0xfff;
const STATX_BTIME = 0x800;
const SECOND = 1_000_000_000n;

/** A buffer of struct statx with views to read it through; reused between calls on one thread. */
export class StatxBuffer {
  readonly bytes = new Uint8Array(256);
  readonly #u32 = new Uint32Array(this.bytes.buffer);
  readonly #i64 = new BigInt64Array(this.bytes.buffer);

  /** The object that the last call described, under the name given. */
  entry(name: string, target = ""): Entry {
    const u32 = this.#u32;
    // st_mode is the low half of the word at byte 28 on these little-endian machines
    const mode = u32[7]! & 0xffff;
    return {
      name,
      kind: kindOf(mode),
      // as a number: sizes fit, and a bigint would cost an allocation
      size: u32[10]! + u32[11]! * 2 ** 32,
      atime: this.#time(64),
      mtime: this.#time(112),
      ctime: this.#time(96),
      birthtime: (u32[0]! & STATX_BTIME) !== 0 ? this.#time(80) : null,
      mode: mode & 0o7777,
      uid: u32[5]!,
      gid: u32[6]!,
      device: (BigInt(u32[34]!) << 32n) | BigInt(u32[35]!),
      inode: BigInt.asUintN(64, this.#i64[4]!),
      links: u32[4]!,
      target,
    };
  }

  /** Bytes that are allocated on disk for the object that the last call described. */
  allocated(): number {
    return (this.#u32[12]! + this.#u32[13]! * 2 ** 32) * 512;
  }

  /** Kind alone, for callers that need to know whether a target must be read. */
  kind(): Kind {
    return kindOf(this.#u32[7]! & 0xffff);
  }

  #time(at: number): bigint {
    return this.#i64[at >> 3]! * SECOND + BigInt(this.#u32[(at >> 2) + 2]!);
  }
}

/** Bytes of struct statx. */
const STATX = 256;
const REGULAR = 0o100000, KIND_MASK = 0o170000;

/** Many looks side by side, for a program; they are read without making objects or bigints. */
export class StatxTable {
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;
  readonly #at: number;

  /** @param capacity looks */
  constructor(capacity: number) {
    this.#u32 = new Uint32Array(capacity * STATX / 4);
    this.#i32 = new Int32Array(this.#u32.buffer);
    this.#at = addressOf(this.#u32.buffer);
  }

  /** Where a program puts the look at `index`. */
  address(index: number): number {
    return this.#at + index * STATX;
  }

  /** Whether a look found a regular file of this size with the mtime and ctime given. */
  isUnchanged(index: number, size: number, times: ChangeTimes): boolean {
    const u32 = this.#u32, at = index * (STATX / 4);
    // st_mode is the low half of its word on these little-endian machines
    return (u32[at + 7]! & KIND_MASK) === REGULAR && u32[at + 10] === size && u32[at + 11] === 0 &&
      u32[at + 30] === times.mtimeNanos && u32[at + 26] === times.ctimeNanos &&
      this.#seconds(at + 28) === times.mtime && this.#seconds(at + 24) === times.ctime;
  }

  /** Puts the numbers of a parcel's stamp where `to[into]` begins. */
  stamp(index: number, to: Float64Array, into: number): void {
    const u32 = this.#u32, at = index * (STATX / 4);
    const hasBirthtime = (u32[at]! & STATX_BTIME) !== 0;
    to[into] = this.#seconds(at + 28);
    to[into + 1] = u32[at + 30]!;
    to[into + 2] = this.#seconds(at + 24);
    to[into + 3] = u32[at + 26]!;
    to[into + 4] = this.#seconds(at + 16);
    to[into + 5] = u32[at + 18]!;
    to[into + 6] = hasBirthtime ? this.#seconds(at + 20) : NaN;
    to[into + 7] = hasBirthtime ? u32[at + 22]! : 0;
    to[into + 8] = u32[at + 7]! & 0o7777;
    to[into + 9] = u32[at + 5]!;
    to[into + 10] = u32[at + 6]!;
  }

  /** Signed 64-bit seconds as a number, from their two halves. */
  #seconds(word: number): number {
    return this.#u32[word]! + this.#i32[word + 1]! * 2 ** 32;
  }
}

function kindOf(mode: number): Kind {
  switch (mode & 0o170000) {
    case 0o100000:
      return "file";
    case 0o040000:
      return "directory";
    case 0o120000:
      return "symlink";
    default:
      return "special";
  }
}
