/**
 * The directories that a thread has made, or found, at the destination: what lies below them does
 * not make them again, or tell of them again.
 */

/** As many are remembered, and at most twice as many: memory does not grow with the tree. */
const REMEMBERED = 4096;

/** Remembers the last ones, by their numbers in the database. */
export class KnownDirectories {
  #recent = new Set<number>();
  #older: ReadonlySet<number> = new Set();

  has(directory: number): boolean {
    return this.#recent.has(directory) || this.#older.has(directory);
  }

  add(directory: number): void {
    if (this.#recent.size >= REMEMBERED) {
      this.#older = this.#recent;
      this.#recent = new Set();
    }
    this.#recent.add(directory);
  }
}
