/** Work that is under way: a bounded number of promises, whose failures are thrown to whoever waits. */
export class Underway {
  readonly #most: () => number;
  readonly #promises = new Set<Promise<void>>();
  #failed: { readonly error: unknown } | null = null;

  /** @param most promises that are not waited for, and one more; at least 1. Asked for each */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** Takes one up; resolves when fewer than the most are under way. */
  async add(work: Promise<void>): Promise<void> {
    const one = work.catch((error) => {
      this.#failed ??= { error };
    }).finally(() => this.#promises.delete(one));
    this.#promises.add(one);
    while (this.#promises.size >= this.#most()) await Promise.race(this.#promises);
    this.#rethrow();
  }

  /** Resolves when none is under way. */
  async all(): Promise<void> {
    await Promise.all(this.#promises);
    this.#rethrow();
  }

  #rethrow(): void {
    if (this.#failed === null) return;
    const { error } = this.#failed;
    this.#failed = null;
    throw error;
  }
}
