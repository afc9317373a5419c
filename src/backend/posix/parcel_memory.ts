/** What the calls of parcels have in common: how files are opened, and what lies in memory for them. */
import type { Parcel } from "../../parcel.ts";
import { O } from "./libc.ts";

/** Non-blocking: a FIFO that took a file's place must not hold a lane for ever. */
export const READ_FLAGS = O.RDONLY | O.NOFOLLOW | O.CLOEXEC | O.NONBLOCK;
export const WRITE_FLAGS = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;

/** UTF-8 bytes that a name takes at most, and a temporary name, with a NUL each. */
export const NAME = 255 * 3 + 1, TEMPORARY = 96;
/** In the place of a temporary: the file has its own name already. */
export const NAMED = -1;
/** Bytes of struct timespec[2]. */
export const TIMES = 32;

const encoder = new TextEncoder();

/**
 * Puts the names of a parcel into memory, and where each begins into `starts`. False, and nothing may
 * be called with them, where they need more care.
 */
export function putNames(
  { names, files }: Parcel,
  memory: Uint8Array,
  starts: Int32Array,
): boolean {
  const { read } = encoder.encodeInto(names, memory);
  if (read !== names.length) return false;
  for (let i = 0, at = 0; i < files.length; i++) {
    starts[i] = at;
    at = memory.indexOf(0, at) + 1;
  }
  return true;
}

/** Two struct timespec, access and modification, in 32-bit halves: no bigint is made. */
export function fillTimes(
  words: Int32Array,
  slot: number,
  stamps: Float64Array,
  from: number,
): void {
  const at = slot * (TIMES / 4);
  fillTime(words, at, stamps[from + 4]!, stamps[from + 5]!);
  fillTime(words, at + 4, stamps[from]!, stamps[from + 1]!);
}

/** One struct timespec, from word `at` on. */
export function fillTime(words: Int32Array, at: number, seconds: number, nanos: number): void {
  words[at] = seconds;
  words[at + 1] = Math.floor(seconds / 2 ** 32);
  words[at + 2] = nanos;
}
