/** The files of a parcel and their hashes, as a statement asks for them: one after the other. */
export class FilesInRow {
  readonly names: readonly string[];
  readonly #hashes: string;
  readonly #digits: number;
  #next = 0;
  #inOrder = true;

  /** `hashes` are hex, all of one length, without separators. */
  constructor(names: readonly string[], hashes: string) {
    this.names = names;
    this.#hashes = hashes;
    this.#digits = hashes.length / names.length;
  }

  /** No other file was asked for since the beginning. */
  get inOrder(): boolean {
    return this.#inOrder;
  }

  /** The hash of the next file, which must be `name`: the order of the names is that of the record. */
  hashOf(name: unknown): string | null {
    const at = this.#next++;
    // an error that is thrown in a function of SQLite is lost in some versions of Deno
    if (name !== this.names[at]) {
      this.#inOrder = false;
      return null;
    }
    return this.#hashes.slice(at * this.#digits, (at + 1) * this.#digits);
  }

  /** Begins again with the first file. */
  rewind(): void {
    this.#next = 0;
    this.#inOrder = true;
  }
}
