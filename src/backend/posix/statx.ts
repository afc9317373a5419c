/** statx(2): asking for, and reading, what Linux knows of one object. */
import type { Entry, Kind } from "../../entry.ts";
import type { ChangeTimes, Stamp } from "../../stamp.ts";

/** STATX_BASIC_STATS | STATX_BTIME */
export const STATX_WANTED = 0xfff;
const STATX_BTIME = 0x800;
const SECOND = 1_000_000_000n;

/** A buffer of struct statx with views to read it through; reused between calls on one thread. */
export class StatxBuffer {
  readonly bytes = new Uint8Array(256);
  readonly #u32 = new Uint32Array(this.bytes.buffer);
  readonly #i32 = new Int32Array(this.bytes.buffer);
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

  /** Whether the last look found a regular file of this size. */
  isFileOf(size: number): boolean {
    const u32 = this.#u32;
    return this.kind() === "file" && u32[10]! + u32[11]! * 2 ** 32 === size;
  }

  /** The stamp of the last look, if its mtime and ctime are the ones given. */
  stampIf({ mtime, mtimeNanos, ctime, ctimeNanos }: ChangeTimes): Stamp | null {
    const u32 = this.#u32;
    const same = u32[30] === mtimeNanos && u32[26] === ctimeNanos &&
      this.#seconds(28) === mtime && this.#seconds(24) === ctime;
    if (!same) return null;
    const hasBirthtime = (u32[0]! & STATX_BTIME) !== 0;
    return {
      mtime,
      mtimeNanos,
      ctime,
      ctimeNanos,
      atime: this.#seconds(16),
      atimeNanos: u32[18]!,
      birthtime: hasBirthtime ? this.#seconds(20) : null,
      birthtimeNanos: hasBirthtime ? u32[22]! : 0,
      mode: u32[7]! & 0o7777,
      uid: u32[5]!,
      gid: u32[6]!,
    };
  }

  /** Signed 64-bit seconds as a number, from their two halves. */
  #seconds(word: number): number {
    return this.#u32[word]! + this.#i32[word + 1]! * 2 ** 32;
  }

  /** Kind alone, for callers that need to know whether a target must be read. */
  kind(): Kind {
    return kindOf(this.#u32[7]! & 0xffff);
  }

  #time(at: number): bigint {
    return this.#i64[at >> 3]! * SECOND + BigInt(this.#u32[(at >> 2) + 2]!);
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
