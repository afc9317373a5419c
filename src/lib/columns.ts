/**
 * Columns: numbers and texts in the order in which they are read again. That is how much goes between
 * threads in little time: of an object, the name of each field is copied with it, on both sides.
 */

/** What a {@link ColumnWriter} has collected. */
export interface Columns {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly texts: readonly string[];
}

/** Collects columns. */
export class ColumnWriter {
  #numbers: number[] = [];
  #texts: string[] = [];

  /** Adds a number, or none. */
  number(value: number | null): void {
    this.#numbers.push(value ?? NaN);
  }

  /** Adds a text. */
  text(value: string): void {
    this.#texts.push(value);
  }

  /** What was added; the next begins anew. */
  take(): Columns {
    const columns = { numbers: Float64Array.from(this.#numbers), texts: this.#texts };
    this.#numbers = [];
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

  /** The next number, which is one. */
  number(): number {
    return this.#numbers[this.#number++]!;
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
