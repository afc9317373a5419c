/** A directory's names in memory that takes some names for one, as case-insensitive places do. */
import { nameKeys, type NameRules } from "../name_rules.ts";

/** What a place does with names. */
export interface NameHabits {
  /** Which names it takes for one. */
  readonly rules: NameRules;
  /** The Unicode form in which it stores every name. Default: as it was given. */
  readonly form?: "NFC" | "NFD";
}

/** A map that finds an entry by any of its names, and keeps the name that it was first given. */
export class NameMap<T> extends Map<string, T> {
  readonly #key: (name: string) => string;
  readonly #form: NameHabits["form"];
  readonly #names = new Map<string, string>();

  constructor({ rules, form }: NameHabits) {
    super();
    const keys = nameKeys(rules);
    this.#key = (name) => keys(name).sure;
    this.#form = form;
  }

  override get(name: string): T | undefined {
    return super.get(this.#nameOf(name));
  }

  override has(name: string): boolean {
    return super.has(this.#nameOf(name));
  }

  override set(name: string, value: T): this {
    const stored = this.#nameOf(name);
    this.#names.set(this.#key(name), stored);
    return super.set(stored, value);
  }

  override delete(name: string): boolean {
    const stored = this.#nameOf(name);
    this.#names.delete(this.#key(name));
    return super.delete(stored);
  }

  #nameOf(name: string): string {
    const stored = this.#names.get(this.#key(name));
    return stored ?? (this.#form === undefined ? name : name.normalize(this.#form));
  }
}
