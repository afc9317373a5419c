/**
 * Stamps: times and rights of a file as plain numbers.
 *
 * A time is whole seconds since the epoch and nanoseconds (0 to 999,999,999) after them. Each fits a
 * number; together they would need a bigint, which costs an allocation each time it is touched, and
 * a stamp is made and compared for every file.
 */
import type { Entry } from "./entry.ts";

/** The times that tell whether a file has changed. */
export interface ChangeTimes {
  readonly mtime: number;
  readonly mtimeNanos: number;
  readonly ctime: number;
  readonly ctimeNanos: number;
}

/** What is recorded of a source file when it is read. */
export interface Stamp extends ChangeTimes {
  readonly atime: number;
  readonly atimeNanos: number;
  /** Null where the file system has none. */
  readonly birthtime: number | null;
  readonly birthtimeNanos: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const SECOND = 1_000_000_000n, TWO_32 = 2 ** 32;

/** Splits nanoseconds since the epoch; the second part is never negative. */
export function splitTime(nanoseconds: bigint): [seconds: number, nanos: number] {
  let nanos = Number(nanoseconds % SECOND);
  let seconds = nanoseconds / SECOND;
  if (nanos < 0) {
    nanos += 1e9;
    seconds -= 1n;
  }
  return [Number(seconds), nanos];
}

const JOINED = new Uint32Array(2), AS_BIGINT = new BigInt64Array(JOINED.buffer);

/** Nanoseconds since the epoch, of what {@link splitTime} made. */
export function joinTime(seconds: number, nanos: number): bigint {
  // before 1970 and after 2106
  if (!(seconds >= 0 && seconds < TWO_32)) return BigInt(seconds) * SECOND + BigInt(nanos);
  // with numbers, which hold each step exactly: a multiplication of bigints takes several times as long
  const high = (seconds >>> 16) * 1e9;
  const low = (seconds & 0xffff) * 1e9 + nanos + high % 65536 * 65536;
  JOINED[0] = low;
  JOINED[1] = Math.floor(high / 65536) + Math.floor(low / TWO_32);
  return AS_BIGINT[0]!;
}

/** The times that are given on, of a stamp. */
export function timesOf(
  { mtime, mtimeNanos, atime, atimeNanos }: Stamp,
): Pick<Entry, "mtime" | "atime"> {
  return { mtime: joinTime(mtime, mtimeNanos), atime: joinTime(atime, atimeNanos) };
}

/** The stamp of an entry. */
export function stampOf(entry: Entry): Stamp {
  const [mtime, mtimeNanos] = splitTime(entry.mtime);
  const [ctime, ctimeNanos] = splitTime(entry.ctime);
  const [atime, atimeNanos] = splitTime(entry.atime);
  const [birthtime, birthtimeNanos] = entry.birthtime === null
    ? [null, 0]
    : splitTime(entry.birthtime);
  const { mode, uid, gid } = entry;
  return {
    mtime,
    mtimeNanos,
    ctime,
    ctimeNanos,
    atime,
    atimeNanos,
    birthtime,
    birthtimeNanos,
    mode,
    uid,
    gid,
  };
}
