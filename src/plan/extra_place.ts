/** The calls about extras at one side: by their paths, or in directories that are held. */
import type { Backend, HeldNames, NameLook } from "../backend/backend.ts";
import type { Extra } from "../backlog/backlog.ts";
import { parentOf } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import { neighbours } from "../lib/neighbours.ts";

/** What a look brought: undefined only when the file system says that it is not there. */
export type Found = NameLook | SyncError | undefined;

/**
 * Makes the calls about extras. What fails for one of them is told by an error; what stops the run
 * is thrown.
 */
export interface ExtraPlace extends Disposable {
  /** Fresh looks. */
  look(extras: readonly Extra[]): Promise<Found[]>;
  /** Tells of each as soon as it is known what became of it; null: it is gone. */
  remove(
    extras: readonly Extra[],
    ended: (index: number, error: SyncError | null) => void,
  ): Promise<void>;
}

/** Each call by the path of its extra, up to `width` in flight. */
export function placeByPath(
  backend: Backend,
  { signal, width }: { signal: AbortSignal; width: number },
): ExtraPlace {
  return {
    look: (extras) =>
      mapConcurrently(extras, width, ({ path }) => orError(backend.look(path, { signal }))),
    remove: async (extras, ended) => {
      await mapConcurrently(extras, width, async ({ kind, path }, i) => {
        const removing = kind === "directory"
          ? backend.removeDirectory(path, { signal })
          : backend.removeFile(path, { signal });
        ended(i, await orError(removing) ?? null);
      });
    },
    [Symbol.dispose]() {},
  };
}

/** Calls in one directory after the other, each of which is held meanwhile; in order. */
export class HeldPlace implements ExtraPlace {
  readonly #backend: Backend;
  readonly #signal: AbortSignal;
  readonly #anew: boolean;
  /** The directory that was to be held last, and what came of it; null: it is not there. */
  #last: { readonly directory: number; readonly held: HeldNames | SyncError | null } | null = null;
  /** A path that was not there when it, or a directory below it, was to be held. */
  #missing: string | null = null;

  /**
   * @param anew opens each directory from the root, so that "not there" is believed at once; else it
   * is asked for by the path once more
   */
  constructor(backend: Backend, { signal, anew }: { signal: AbortSignal; anew: boolean }) {
    this.#backend = backend;
    this.#signal = signal;
    this.#anew = anew;
  }

  async look(extras: readonly Extra[]): Promise<Found[]> {
    const found: Found[] = [];
    for (const group of neighbours(extras, ({ directory }) => directory)) {
      const held = await this.#hold(group[0]);
      if (held === null) { for (const _ of group) found.push(undefined); }
      else if (held instanceof SyncError) { for (const _ of group) found.push(held); }
      else {
        for (const one of held.look(group.map(({ name }) => name))) {
          if (one instanceof SyncError && one.scope === "run") throw one;
          found.push(one);
        }
      }
    }
    if (this.#anew) return found;
    for (const [i, extra] of extras.entries()) {
      if (found[i] !== undefined) continue;
      // the handle may be of a directory that was replaced by another one of the same name
      this[Symbol.dispose]();
      found[i] = await orError(this.#backend.look(extra.path, { signal: this.#signal }));
    }
    return found;
  }

  async remove(
    extras: readonly Extra[],
    ended: (index: number, error: SyncError | null) => void,
  ): Promise<void> {
    const byPath = placeByPath(this.#backend, { signal: this.#signal, width: 1 });
    let first = 0;
    for (const group of neighbours(extras, ({ directory }) => directory)) {
      const held = await this.#hold(group[0]);
      const from = first;
      first += group.length;
      if (held === null || held instanceof SyncError) {
        // it was there just now: the ordinary call finds it, or says what is wrong
        await byPath.remove(group, (i, error) => ended(from + i, error));
        continue;
      }
      const stopped: number[] = [];
      for (const [i, error] of held.remove(group).entries()) {
        if (error?.scope === "run") stopped.push(i);
        else ended(from + i, error);
      }
      if (stopped.length === 0) continue;
      // the ordinary call knows whether that is so of the whole place, and then throws it
      await byPath.remove(
        stopped.map((i) => group[i]!),
        (i, error) => ended(from + stopped[i]!, error),
      );
    }
  }

  [Symbol.dispose](): void {
    const held = this.#last?.held;
    if (held !== undefined && held !== null && !(held instanceof SyncError)) {
      held[Symbol.dispose]();
    }
    this.#last = null;
  }

  /** Holds the directory of an extra. */
  async #hold({ directory, path }: Extra): Promise<HeldNames | SyncError | null> {
    this.#signal.throwIfAborted();
    if (this.#last?.directory === directory) return this.#last.held;
    this[Symbol.dispose]();
    const held = await this.#open(parentOf(path));
    this.#last = { directory, held };
    return held;
  }

  async #open(path: string): Promise<HeldNames | SyncError | null> {
    if (isAtOrBelow(path, this.#missing)) return null;
    const options = { signal: this.#signal, anew: this.#anew };
    const held = await orError(this.#backend.holdNames!(path, options));
    if (!(held instanceof SyncError) || held.code !== "ENOENT") return held;
    this.#missing = isAtOrBelow(path, held.path) ? held.path : path;
    return null;
  }
}

/** What a call brings, or its error, unless that one stops the run. */
async function orError<T>(call: Promise<T>): Promise<T | SyncError> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return error;
  }
}

function isAtOrBelow(path: string, above: string | null): boolean {
  // the root itself is there: it is open
  return above !== null && above !== "" && (path === above || path.startsWith(`${above}/`));
}
