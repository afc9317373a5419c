/**
 * Programs: many system calls in one crossing from JavaScript.
 *
 * A crossing costs about as much as a short call does, and there are nine calls to a small file. A
 * program is a table of calls in memory; `Libc.runProgram` makes them in order and leaves each
 * result in the table. Memory that calls refer to has a fixed place for as long as it is used.
 */
import type { Libc } from "./libc.ts";

/** 32-bit words of one call: number, back, six arguments and the result in two words each. */
const WORDS = 16;
const RESULT = 14, TWO_32 = 2 ** 32;

/** Bytes of a table of so many calls. */
export function programBytes(calls: number): number {
  return calls * WORDS * 4;
}

/** A table of calls that is filled and run again and again. */
export class Program {
  readonly #run: Libc["runProgram"];
  /** The table itself. */
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #results: Int32Array;

  /**
   * @param capacity calls, at most
   * @param memory where the table is kept, {@link programBytes} of that many calls
   */
  constructor(
    run: Libc["runProgram"],
    capacity: number,
    memory: ArrayBuffer = new ArrayBuffer(programBytes(capacity)),
  ) {
    this.#run = run;
    this.#words = new Uint32Array(memory);
    this.bytes = new Uint8Array(this.#words.buffer);
    this.#results = new Int32Array(this.#words.buffer);
  }

  /**
   * Sets the call at `index`. Arguments are whole numbers up to 2^53, negative ones only where the
   * kernel takes 32 bits.
   */
  set(index: number, number: number, a: number, b = 0, c = 0, d = 0, e = 0): void {
    this.begin(index, number);
    this.#arguments(index, a, b, c, d, e);
  }

  /** The same without its arguments, each of which is to be set by itself. */
  begin(index: number, number: number, back = 0): void {
    const words = this.#words, at = index * WORDS;
    words[at] = number;
    words[at + 1] = back * WORDS * 4;
    words[at + 12] = 0;
    words[at + 13] = 0;
  }

  /** Sets an argument of a call; the first is number 0. */
  argument(index: number, which: number, value: number): void {
    const words = this.#words, at = index * WORDS + 2 + 2 * which;
    words[at] = value;
    words[at + 1] = value / TWO_32;
  }

  /**
   * Sets a call whose first argument is what the call `back` places before returned; it is left out,
   * with the same result, where that was an error.
   */
  chain(index: number, number: number, back: number, b = 0, c = 0, d = 0, e = 0): void {
    this.begin(index, number, back);
    this.#arguments(index, 0, b, c, d, e);
  }

  /** Changes the second and the third argument of a call. */
  adjust(index: number, b: number, c: number): void {
    const words = this.#words, at = index * WORDS;
    words[at + 4] = b;
    words[at + 5] = b / TWO_32;
    words[at + 6] = c;
  }

  /** Changes the directory, the name and the flags of an openat(2). */
  open(index: number, directory: number, name: number, flags: number): void {
    this.direct(index, directory, name);
    this.#words[index * WORDS + 6] = flags;
  }

  /** Changes the arguments of a renameat2(2): within one directory, or into another one. */
  rename(index: number, directory: number, from: number, to: number, into = directory): void {
    this.direct(index, directory, from);
    const words = this.#words, at = index * WORDS;
    words[at + 6] = into;
    words[at + 8] = to;
    words[at + 9] = to / TWO_32;
  }

  /** Changes the first and the second argument of a call. */
  direct(index: number, a: number, b: number): void {
    const words = this.#words, at = index * WORDS;
    words[at + 2] = a;
    words[at + 4] = b;
    words[at + 5] = b / TWO_32;
  }

  #arguments(index: number, a: number, b: number, c: number, d: number, e: number): void {
    this.argument(index, 0, a);
    this.argument(index, 1, b);
    this.argument(index, 2, c);
    this.argument(index, 3, d);
    this.argument(index, 4, e);
  }

  /** Makes the first `count` calls. */
  run(count: number): void {
    this.#run(this.bytes, count);
  }

  /** What the call at `index` returned: 0 or more, or a negative errno. */
  result(index: number): number {
    return this.#results[index * WORDS + RESULT]!;
  }

  /** The same of a call that returns more than 31 bits: a place in a file, up to 2^53. */
  farResult(index: number): number {
    const at = index * WORDS + RESULT;
    return this.#results[at + 1]! * TWO_32 + this.#words[at]!;
  }
}

/** Where a buffer lies. It stays there, and must be held on to while a program refers to it. */
export function addressOf(buffer: ArrayBufferLike): number {
  const bytes = new Uint8Array(buffer as ArrayBuffer);
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

/** Where buffers lie that are used again and again: to find it out takes longer than a short call. */
export class Addresses {
  readonly #known = new WeakMap<ArrayBufferLike, number>();

  /** Where the bytes of a view begin, see {@link addressOf}. */
  of({ buffer, byteOffset }: ArrayBufferView): number {
    let address = this.#known.get(buffer);
    if (address === undefined) {
      address = addressOf(buffer);
      this.#known.set(buffer, address);
    }
    return address + byteOffset;
  }
}
