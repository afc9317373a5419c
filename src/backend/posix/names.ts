/**
 * Names of one directory on a disk that answers at once: many of them are looked at, removed, or given
 * their times in one crossing.
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
import { fillTimespecs, TIMESPECS } from "./file.ts";
import { type Addresses, addressOf, Program } from "./program.ts";

/** Names that are removed, or whose times are set, in one crossing. */
const MOST = 64;

const encoder = new TextEncoder();

/** What the held directories of a backend share: between two calls, nothing in it is in use. */
export class NamesMemory {
  readonly looks: Looks;
  /** Removals, or times. */
  readonly changes: Program;
  readonly #unlinkat: number;
  readonly #utimensat: number;
  readonly #times = new BigInt64Array(MOST * TIMESPECS);
  readonly #timesAt: number;
  readonly #addresses: Addresses;
  #names = new Uint8Array(16 * 1024);

  constructor(libc: Libc) {
    this.looks = new Looks(libc);
    this.#addresses = libc.addresses;
    this.changes = new Program(libc.runProgram, MOST);
    this.#unlinkat = libc.numberOf("unlinkat");
    this.#utimensat = libc.numberOf("utimensat");
    this.#timesAt = addressOf(this.#times.buffer);
  }

  /** Puts names, each with a NUL, into one piece of memory; `starts` is where each begins. */
  put(names: readonly string[]): { readonly bytes: Uint8Array; readonly starts: number[] } {
    const most = names.reduce((sum, name) => sum + 3 * name.length + 1, 0);
    if (most > this.#names.length) {
      this.#names = new Uint8Array(2 * most);
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

  /** Makes the change at `index` the removal of the name at `start`. */
  remove(index: number, fd: number, start: number, isDirectory: boolean): void {
    const flags = isDirectory ? AT.REMOVEDIR : 0;
    this.changes.set(index, this.#unlinkat, fd, this.#nameAt(start), flags);
  }

  /** Makes the change at `index` the setting of the times of the name at `start`. */
  setTimes(index: number, fd: number, start: number, times: NamedTimes): void {
    fillTimespecs(this.#times, index * TIMESPECS, times);
    const at = this.#timesAt + index * TIMESPECS * 8;
    const flags = AT.SYMLINK_NOFOLLOW;
    this.changes.set(index, this.#utimensat, fd, this.#nameAt(start), at, flags);
  }

  #nameAt(start: number): number {
    return this.#addresses.of(this.#names) + start;
  }
}

type Removable = Pick<Entry, "name" | "kind">;
type NamedTimes = Pick<Entry, "name" | "mtime" | "atime">;

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
    const spans = { starts, count: starts.length };
    memory.looks.each(this.#held.fd, bytes, spans, (i, result, answer, at) => {
      if (result === -ENOENT) found.push(undefined);
      else if (result < 0) found.push(this.#failure(result, "look at", names[i]!));
      else found.push(answer.entry(names[i]!, "", at));
    });
    return found;
  }

  remove(entries: readonly Removable[]): (SyncError | null)[] {
    const { memory, directories } = this.#options;
    return this.#change(entries, ({ kind }, i, start) => {
      memory.remove(i, this.#held.fd, start, kind === "directory");
    }, (result, { name, kind }) => {
      const isDirectory = kind === "directory";
      const doing = isDirectory ? "remove the directory" : "remove";
      if (result < 0) return this.#failure(result, doing, name);
      if (isDirectory) directories.forget(join(this.#path, name));
      return null;
    });
  }

  setTimes(entries: readonly NamedTimes[]): (SyncError | null)[] {
    const { memory } = this.#options;
    return this.#change(
      entries,
      (times, i, start) => memory.setTimes(i, this.#held.fd, start, times),
      (result, { name }) => result < 0 ? this.#failure(result, "set the times", name) : null,
    );
  }

  /** Changes what has a name: `set` sets the call for an entry, `ended` tells what it came to. */
  #change<E extends { readonly name: string }>(
    entries: readonly E[],
    set: (entry: E, index: number, start: number) => void,
    ended: (result: number, entry: E) => SyncError | null,
  ): (SyncError | null)[] {
    const { memory } = this.#options;
    const errors: (SyncError | null)[] = [];
    for (let from = 0; from < entries.length; from += MOST) {
      const some = entries.slice(from, from + MOST);
      const names = some.map(({ name }) => name);
      this.#check(names);
      const { starts } = memory.put(names);
      some.forEach((entry, i) => set(entry, i, starts[i]!));
      memory.changes.run(some.length);
      some.forEach((entry, i) => errors.push(ended(memory.changes.result(i), entry)));
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
