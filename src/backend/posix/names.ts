/**
 * Names of one directory on a disk that answers at once: many of them are looked at, or removed, in
 * one crossing.
 */
import { type Entry, join } from "../../entry.ts";
import { SyncError } from "../../errors.ts";
import { encodeName } from "../../name.ts";
import type { HeldNames, NameLook } from "../backend.ts";
import { checkName } from "../failures.ts";
import type { Directories, HeldDirectory } from "./directories.ts";
import { ENOENT } from "./errno.ts";
import { AT, type Libc } from "./libc.ts";
import { Looks } from "./looks.ts";
import { addressOf, Program } from "./program.ts";

/** Removals in one crossing. */
const MOST = 64;

const encoder = new TextEncoder();

/** What the held directories of a backend share: between two calls, nothing in it is in use. */
export class NamesMemory {
  readonly looks: Looks;
  readonly removals: Program;
  readonly #unlinkat: number;
  #names = new Uint8Array(16 * 1024);
  #address: number | null = null;

  constructor(libc: Libc) {
    this.looks = new Looks(libc);
    this.removals = new Program(libc.runProgram, MOST);
    this.#unlinkat = libc.numberOf("unlinkat");
  }

  /** Puts names, each with a NUL, into one piece of memory; `starts` is where each begins. */
  put(names: readonly string[]): { readonly bytes: Uint8Array; readonly starts: number[] } {
    const most = names.reduce((sum, name) => sum + 3 * name.length + 1, 0);
    if (most > this.#names.length) {
      this.#names = new Uint8Array(2 * most);
      this.#address = null;
    }
    const bytes = this.#names, starts: number[] = [];
    let at = 0;
    for (const name of names) {
      starts.push(at);
      if (name.isWellFormed()) at += encoder.encodeInto(name, bytes.subarray(at)).written;
      else {
        const encoded = encodeName(name);
        bytes.set(encoded, at);
        at += encoded.length;
      }
      bytes[at++] = 0;
    }
    return { bytes, starts };
  }

  /** Sets the removal at `index` to that of the name at `start`. */
  remove(index: number, fd: number, start: number, isDirectory: boolean): void {
    this.#address ??= addressOf(this.#names.buffer);
    const flags = isDirectory ? AT.REMOVEDIR : 0;
    this.removals.set(index, this.#unlinkat, fd, this.#address + start, flags);
  }
}

/** What {@link PosixNames} work with. */
export interface PosixNamesOptions {
  readonly directories: Directories;
  readonly memory: NamesMemory;
}

/** The names of the directory at `path`, which is held. */
export class PosixNames implements HeldNames {
  readonly #path: string;
  readonly #held: HeldDirectory;
  readonly #options: PosixNamesOptions;

  constructor(path: string, held: HeldDirectory, options: PosixNamesOptions) {
    this.#path = path;
    this.#held = held;
    this.#options = options;
  }

  look(names: readonly string[]): (NameLook | SyncError | undefined)[] {
    const { memory } = this.#options;
    this.#check(names);
    const { bytes, starts } = memory.put(names);
    const found: (NameLook | SyncError | undefined)[] = [];
    memory.looks.each(this.#held.fd, bytes, starts, (i, result, answer, at) => {
      if (result === -ENOENT) found.push(undefined);
      else if (result < 0) found.push(this.#failure(result, "look at", names[i]!));
      else found.push(answer.entry(names[i]!, "", at));
    });
    return found;
  }

  remove(entries: readonly Pick<Entry, "name" | "kind">[]): (SyncError | null)[] {
    const { memory, directories } = this.#options;
    const errors: (SyncError | null)[] = [];
    for (let from = 0; from < entries.length; from += MOST) {
      const some = entries.slice(from, from + MOST);
      const names = some.map(({ name }) => name);
      this.#check(names);
      const { starts } = memory.put(names);
      some.forEach(({ kind }, i) =>
        memory.remove(i, this.#held.fd, starts[i]!, kind === "directory")
      );
      memory.removals.run(some.length);
      some.forEach(({ name, kind }, i) => {
        const result = memory.removals.result(i), isDirectory = kind === "directory";
        const doing = isDirectory ? "remove the directory" : "remove";
        errors.push(result < 0 ? this.#failure(result, doing, name) : null);
        if (result >= 0 && isDirectory) directories.forget(join(this.#path, name));
      });
    }
    return errors;
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  #check(names: readonly string[]): void {
    for (const name of names) checkName(name, this.#path);
  }

  #failure(result: number, doing: string, name: string): SyncError {
    return this.#options.directories.failure(result, doing, join(this.#path, name));
  }
}
