/**
 * Open directories: a small cache of handles, each opened from its parent's handle without
 * following links, so that every path below is resolved inside the root whatever happens to the
 * names above it meanwhile.
 */
import { baseOf, parentOf } from "../../entry.ts";
import { encodeName } from "../../name.ts";
import { posixError } from "./errno.ts";
import { O, type Syscalls } from "./libc.ts";

/** A path of one component as the kernel wants it: bytes and a NUL. */
export function nulTerminated(name: string): Uint8Array {
  const bytes = encodeName(name);
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes);
  return out;
}

/** A handle that is in use until disposed of. */
export interface HeldDirectory extends Disposable {
  readonly fd: number;
}

interface Slot {
  readonly path: string;
  readonly fd: number;
  users: number;
  /** No longer in the cache: the last user closes it. */
  dropped: boolean;
}

/** Directory handles by path; keeps at most `capacity` that nobody uses. */
export class Directories {
  readonly #sys: Syscalls;
  readonly #closer: Syscalls;
  readonly #root: number;
  readonly #capacity: number;
  /** In order of last use: a Map iterates in the order of insertion. */
  readonly #slots = new Map<string, Slot | Promise<Slot>>();

  constructor(sys: Syscalls, closer: Syscalls, root: number, capacity = 48) {
    this.#sys = sys;
    this.#closer = closer;
    this.#root = root;
    this.#capacity = capacity;
  }

  /** The handle of a directory; `using` releases it. Rejects with a SyncError. */
  async hold(path: string): Promise<HeldDirectory> {
    if (path === "") return { fd: this.#root, [Symbol.dispose]() {} };
    let known = this.#slots.get(path);
    if (known === undefined) {
      known = this.#open(path);
      this.#slots.set(path, known);
    }
    const slot = known instanceof Promise ? await known : known;
    // while a promise was awaited, another user may have pushed the slot out again
    if (slot.dropped) return await this.hold(path);
    slot.users += 1;
    this.#slots.delete(path);
    this.#slots.set(path, slot);
    this.#evict();
    return { fd: slot.fd, [Symbol.dispose]: () => this.#release(slot) };
  }

  /** Drops a path and everything below it: it was removed, or its handle went stale. */
  forget(path: string): void {
    for (const [key, slot] of this.#slots) {
      if (key === path || key.startsWith(`${path}/`)) this.#drop(key, slot);
    }
  }

  close(): void {
    for (const [key, slot] of this.#slots) this.#drop(key, slot);
  }

  async #open(path: string): Promise<Slot> {
    try {
      using parent = await this.hold(parentOf(path));
      const flags = O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
      const fd = await this.#sys.openat(parent.fd, nulTerminated(baseOf(path)), flags, 0);
      if (fd < 0) throw posixError(fd, "open the directory", path);
      const slot: Slot = { path, fd, users: 0, dropped: false };
      this.#slots.set(path, slot);
      return slot;
    } catch (error) {
      this.#slots.delete(path);
      throw error;
    }
  }

  #release(slot: Slot): void {
    slot.users -= 1;
    if (slot.users === 0 && slot.dropped) this.#closer.close(slot.fd);
  }

  #evict(): void {
    for (const [key, slot] of this.#slots) {
      if (this.#slots.size <= this.#capacity) return;
      if (!(slot instanceof Promise) && slot.users === 0) this.#drop(key, slot);
    }
  }

  #drop(path: string, slot: Slot | Promise<Slot>): void {
    this.#slots.delete(path);
    if (slot instanceof Promise) return;
    slot.dropped = true;
    if (slot.users === 0) this.#closer.close(slot.fd);
  }
}
