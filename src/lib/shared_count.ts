/** A number that threads share: one sets it, the others look at it now and then. */

/** Shared memory for a count: hand it to every thread that looks at it. It is null at first. */
export function countMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

/** A whole number above 0, or null. */
export class SharedCount {
  readonly #words: Int32Array;

  /** @param memory from {@link countMemory} */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  get value(): number | null {
    const value = Atomics.load(this.#words, 0);
    return value === 0 ? null : value;
  }

  set value(value: number | null) {
    Atomics.store(this.#words, 0, value ?? 0);
  }
}
