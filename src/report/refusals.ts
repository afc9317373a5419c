/** Refusals: attributes that the destination would not take, counted by kind instead of by file. */
import { showPath } from "../name.ts";
import type { Refusal } from "../preserve.ts";

/** Counts refusals of one run. */
export class Refusals {
  readonly #kinds = new Map<string, Refusal & { readonly path: string; count: number }>();

  /** Counts one. A message for a person when it is the first of its kind, else null. */
  add(refusal: Refusal, path: string): string | null {
    const key = `${refusal.what} ${refusal.code}`;
    const known = this.#kinds.get(key);
    if (known !== undefined) {
      known.count += 1;
      return null;
    }
    this.#kinds.set(key, { ...refusal, path, count: 1 });
    return `the destination refuses to keep ${nameOf(refusal)}: ${refusal.message}`;
  }

  /** What there was in all, a sentence for each kind. */
  messages(): string[] {
    return [...this.#kinds.values()].map((kind) =>
      `${nameOf(kind)} could not be kept ${kind.count} ${kind.count === 1 ? "time" : "times"}, ` +
      `first for ${showPath(kind.path === "" ? "." : kind.path)}: ${kind.message}`
    );
  }
}

function nameOf({ what }: Refusal): string {
  return what === "xattr" ? "extended attributes" : `the ${what}`;
}
