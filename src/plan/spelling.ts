/**
 * Names that a source has only in another spelling. A server that ignores the case of letters answers
 * for `Reports` when a directory has been renamed to `reports`: a look alone would keep the old name
 * at the destination for good.
 */
import type { Backend, NameLook } from "../backend/backend.ts";
import { join } from "../entry.ts";
import { SyncError } from "../errors.ts";

/** How the source spells the paths of one batch: what it finds out is soon out of date. */
export class Spellings {
  readonly #source: Backend;
  readonly #signal: AbortSignal;
  /** How paths are listed that have been looked for. */
  readonly #spelled = new Map<string, string>();

  constructor(source: Backend, { signal }: { signal: AbortSignal }) {
    this.#source = source;
    this.#signal = signal;
  }

  /**
   * The path under which the source lists what it has at `path`; null when that is `path` itself, or
   * not known. Only a listing that has the same object under a name that differs in case proves it.
   */
  async otherwise(path: string): Promise<string | null> {
    try {
      return await this.#ignoresCaseOf(path) ? await this.#find(path) : null;
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
      // what cannot be looked at proves nothing
      return null;
    }
  }

  /** Whether it has the same under a path with all letters turned round: two looks, mostly a no. */
  async #ignoresCaseOf(path: string): Promise<boolean> {
    // some ignore the case of the letters of ASCII only
    const letters = /[a-z]/i.test(path) ? /[a-z]/gi : /\p{Cased_Letter}/gu;
    const turned = path.replace(letters, turnCase);
    if (turned === path) return false;
    const other = await this.#look(turned);
    return other !== undefined && isSame(await this.#look(path), other);
  }

  async #find(path: string): Promise<string | null> {
    let parent = "";
    const names = path.split("/");
    for (const [i, name] of names.entries()) {
      const at = join(parent, name);
      const spelled = this.#spelled.get(at) ?? await this.#inListing(parent, name);
      if (spelled === null) return null;
      this.#spelled.set(at, spelled);
      if (spelled !== at) return [spelled, ...names.slice(i + 1)].join("/");
      parent = at;
    }
    return null;
  }

  /** The path as it is listed; null when it is not listed in any spelling that could be it. */
  async #inListing(parent: string, name: string): Promise<string | null> {
    const folded = fold(name), path = join(parent, name);
    const others: string[] = [];
    for await (const { entries } of this.#source.list(parent, { signal: this.#signal })) {
      for (const entry of entries) {
        if (entry.name === name) return path;
        if (fold(entry.name) === folded) others.push(entry.name);
      }
    }
    const there = await this.#look(path);
    for (const other of others) {
      const spelled = join(parent, other);
      if (isSame(there, await this.#look(spelled))) return spelled;
    }
    return null;
  }

  async #look(path: string): Promise<NameLook | undefined> {
    return await this.#source.look(path, { signal: this.#signal });
  }
}

/** Inode numbers may be made up: what can be seen of both is equal, too. */
function isSame(one: NameLook | undefined, other: NameLook | undefined): boolean {
  return one !== undefined && other !== undefined && one.inode === other.inode &&
    one.device === other.device && one.kind === other.kind && one.size === other.size &&
    one.mtime === other.mtime;
}

function fold(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

function turnCase(letter: string): string {
  const lower = letter.toLowerCase();
  return lower === letter ? letter.toUpperCase() : lower;
}
