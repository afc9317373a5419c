/** statx(2): asking for, and reading, what Linux knows of one object. */
import type { Entry, Kind } from "../../entry.ts";
import { HAS_BIRTHTIME, KINDS, WORD } from "../../listing.ts";
import type { ListingPacker } from "../../listing_packer.ts";
import type { ChangeTimes } from "../../stamp.ts";
import { addressOf } from "./program.ts";

/** STATX_BASIC_STATS | STATX_BTIME */
export const STATX_WANTED = 0xfff;
const STATX_BTIME = 0x800;
const SECOND = 1_000_000_000n;

/** Bytes of struct statx. */
export const STATX = 256;
const DIRECTORY = KINDS.indexOf("directory");
const REGULAR = 0o100000, KIND_MASK = 0o170000;

/** Number of the mount: one that no other mount ever gets (Linux 6.8), or one that is used again. */
export const STATX_MNT_ID = 0x1000, STATX_MNT_ID_UNIQUE = 0x4000;

/**
 * Memory for one look or for many side by side, with views to read them through; used again and
 * again on one thread. `index` is 0 where there is only one.
 */
export class StatxBuffer {
  readonly bytes: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;
  readonly #i64: BigInt64Array;
  #at: number | null = null;

  /**
   * @param capacity looks
   * @param memory where the answers are put, {@link STATX} bytes for each
   */
  constructor(capacity = 1, memory: ArrayBuffer = new ArrayBuffer(capacity * STATX)) {
    this.bytes = new Uint8Array(memory);
    const { buffer } = this.bytes;
    this.#u32 = new Uint32Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#i64 = new BigInt64Array(buffer);
  }

  /** Where a program puts the look at `index`. */
  address(index: number): number {
    this.#at ??= addressOf(this.bytes.buffer);
    return this.#at + index * STATX;
  }

  /** The object that a look described, under the name given. */
  entry(name: string, target = "", index = 0): Entry {
    const u32 = this.#u32, at = index * (STATX / 4);
    // st_mode is the low half of the word at byte 28 on these little-endian machines
    const mode = u32[at + 7]! & 0xffff;
    return {
      name,
      kind: kindOf(mode),
      // as a number: sizes fit, and a bigint would cost an allocation
      size: u32[at + 10]! + u32[at + 11]! * 2 ** 32,
      atime: this.#time(at + 16),
      mtime: this.#time(at + 28),
      ctime: this.#time(at + 24),
      birthtime: (u32[at]! & STATX_BTIME) !== 0 ? this.#time(at + 20) : null,
      mode: mode & 0o7777,
      uid: u32[at + 5]!,
      gid: u32[at + 6]!,
      device: (BigInt(u32[at + 34]!) << 32n) | BigInt(u32[at + 35]!),
      inode: BigInt.asUintN(64, this.#i64[at / 2 + 4]!),
      links: u32[at + 4]!,
      target,
    };
  }

  /** Adds what a look found to a listing, under the name from `start` to before `end`. */
  pack(into: ListingPacker, name: Uint8Array, start: number, end: number, index: number): void {
    const u32 = this.#u32, from = index * (STATX / 4), mode = u32[from + 7]! & 0xffff;
    const kind = KINDS.indexOf(kindOf(mode));
    const at = into.begin(name, start, end, kind), { words } = into;
    if (kind !== DIRECTORY) {
      words[at + WORD.size] = u32[from + 10]!;
      words[at + WORD.size + 1] = u32[from + 11]!;
      copyTime(u32, from + 28, words, at + WORD.commonMtime);
    }
    copyTime(u32, from + 28, words, at + WORD.mtime);
    copyTime(u32, from + 24, words, at + WORD.ctime);
    const hasBirthtime = (u32[from]! & STATX_BTIME) !== 0;
    if (hasBirthtime) copyTime(u32, from + 20, words, at + WORD.birthtime);
    // its two numbers, of which the first is the upper half in {@link entry}
    words[at + WORD.device] = u32[from + 35]!;
    words[at + WORD.device + 1] = u32[from + 34]!;
    words[at + WORD.inode] = u32[from + 8]!;
    words[at + WORD.inode + 1] = u32[from + 9]!;
    words[at + WORD.links] = u32[from + 4]!;
    words[at + WORD.uid] = u32[from + 5]!;
    words[at + WORD.gid] = u32[from + 6]!;
    words[at + WORD.mode] = (mode & 0o7777) | (hasBirthtime ? HAS_BIRTHTIME : 0);
  }

  /** Bytes that the object takes on its disk, where the look was one at a single object. */
  allocated(): number {
    return (this.#u32[12]! + this.#u32[13]! * 2 ** 32) * 512;
  }

  /** The number of the mount of the kind asked for; null where the kernel does not tell it. */
  mount(kind: number): bigint | null {
    return (this.#u32[0]! & kind) === 0 ? null : BigInt.asUintN(64, this.#i64[18]!);
  }

  /** Kind alone, for callers that need to know whether a target must be read. */
  kind(index = 0): Kind {
    return kindOf(this.#u32[index * (STATX / 4) + 7]! & 0xffff);
  }

  /** Whether a look found a regular file of this size with the mtime and ctime given. */
  isUnchanged(index: number, size: number, times: ChangeTimes): boolean {
    const u32 = this.#u32, at = index * (STATX / 4);
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

  #time(word: number): bigint {
    return this.#i64[word / 2]! * SECOND + BigInt(this.#u32[word + 2]!);
  }
}

/** Seconds in two words, and nanoseconds. */
function copyTime(from: Uint32Array, at: number, to: Uint32Array, into: number): void {
  to[into] = from[at]!;
  to[into + 1] = from[at + 1]!;
  to[into + 2] = from[at + 2]!;
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
