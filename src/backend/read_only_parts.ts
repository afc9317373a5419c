/**
 * Parts of a destination that are read-only, told from one that is so as a whole: the snapshots that
 * a server shows in its directories, or what else is mounted below the root. Nothing can be changed
 * there, which fails one name, and the rest goes on.
 */
import { SyncError } from "../errors.ts";
import type { Around, Call } from "./around.ts";
import type { Backend } from "./backend.ts";

/** A try at the root counts for what fails within so many ms. */
const COUNTS_FOR = 5000;

/** Makes errors that say "read-only" errors of an entry, as long as the root can be written to. */
export class ReadOnlyParts implements Around {
  readonly #backend: Pick<Backend, "makeDirectory" | "removeDirectory">;
  readonly #temporaryName: () => string;
  #trying: { readonly began: number; readonly writes: Promise<boolean> } | null = null;

  /** @param backend the destination, by calls that this is not around */
  constructor(
    backend: Pick<Backend, "makeDirectory" | "removeDirectory">,
    temporaryName: () => string,
  ) {
    this.#backend = backend;
    this.#temporaryName = temporaryName;
  }

  call<T>(_call: Call, path: string, make: () => Promise<T>): Promise<T> {
    return make().catch((error) => this.#judged(path, error));
  }

  /** The short ways tell of names one by one; what fails there takes the ordinary one. */
  now<T>(_call: Call, _path: string, make: () => T): T {
    return make();
  }

  async #judged(path: string, error: unknown): Promise<never> {
    const isWhole = !(error instanceof SyncError) || error.code !== "EROFS" ||
      error.scope === "entry" || path === "" || !await this.#rootTakesNames();
    if (isWhole) throw error;
    const { code, message } = error;
    throw new SyncError(code, message, { path: error.path, cause: error });
  }

  #rootTakesNames(): Promise<boolean> {
    const now = performance.now();
    if (this.#trying === null || now - this.#trying.began > COUNTS_FOR) {
      this.#trying = { began: now, writes: this.#try() };
    }
    return this.#trying.writes;
  }

  async #try(): Promise<boolean> {
    const name = this.#temporaryName();
    try {
      await this.#backend.makeDirectory(name);
      await this.#backend.removeDirectory(name);
      return true;
    } catch (error) {
      if (error instanceof SyncError) return false;
      throw error;
    }
  }
}
