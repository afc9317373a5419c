/**
 * Columns: numbers and texts in the order in which they are read again. That is how much goes between
 * threads in little time: of an object, the name of each field is copied with it, on both sides.
 */

import { grown } from "./grown.ts";

/** What a {@link ColumnWriter} has collected. */
export interface Columns {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly texts: readonly string[];
}

/** Numbers that a {@link ColumnWriter} has room for at first. */
const FEW = 256;

/** Collects columns. It keeps its memory from one {@link take} to the next. */
export class ColumnWriter {
  #numbers = new Float64Array(FEW);
  #length = 0;
  #texts: string[] = [];

  /** Adds a number, or none. */
  number(value: number | null): void {
    if (this.#length === this.#numbers.length) {
      this.#numbers = grown(this.#numbers, 2 * this.#length);
    }
    this.#numbers[this.#length++] = value ?? NaN;
  }

  /** Adds a text. */
  text(value: string): void {
    this.#texts.push(value);
  }

  /** What was added; the next begins anew. */
  take(): Columns {
    const columns = { numbers: this.#numbers.slice(0, this.#length), texts: this.#texts };
    this.#length = 0;
    this.#texts = [];
    return columns;
  }
}

/** Reads columns, in the order in which they were written. */
export class ColumnReader {
  readonly #numbers: Float64Array;
  readonly #texts: readonly string[];
  #number = 0;
  #text = 0;

  constructor({ numbers, texts }: Columns) {
    this.#numbers = numbers;
    this.#texts = texts;
  }

  /** Whether there are numbers left. */
  get more(): boolean {
    return this.#number < this.#numbers.length;
  }

  /** The next number, which is one. A small whole one takes no memory of its own. */
  number(): number {
    const value = this.#numbers[this.#number++]!, small = value | 0;
    return small === value ? small : value;
  }

  /** The next number, or none. */
  optional(): number | null {
    const value = this.number();
    return Number.isNaN(value) ? null : value;
  }

  /** The next text. */
  text(): string {
    return this.#texts[this.#text++]!;
  }
}
