/**
 * Open directories: a small cache of handles, each opened from its parent's handle without
 * following links, so that every path below is resolved inside the root whatever happens to the
 * names above it meanwhile.
 *
 * A handle follows its directory, not the name: where a directory was removed and made anew, the
 * cached handle still leads to the old one. So an answer "not there" is never taken from a cached
 * handle alone: whoever gets it calls `forgetWay` (or `failure`, which does) and asks again.
 */
import { baseOf, parentOf } from "../../entry.ts";
import { SyncError } from "../../errors.ts";
import { encodeName } from "../../name.ts";
import { checkName, inTheWay } from "../failures.ts";
import { ENOENT, ESTALE, posixError } from "./errno.ts";
import { O, type Syscalls } from "./libc.ts";

/** Text as the kernel wants it: bytes and a NUL. */
export function nulTerminated(text: string): Uint8Array {
  // most names are short and ASCII, for which a call to encode them is dear
  const ascii = new Uint8Array(text.length + 1);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return encoded(text);
    ascii[i] = code;
  }
  return ascii;
}

function encoded(text: string): Uint8Array {
  const bytes = encodeName(text);
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes);
  return out;
}

/**
 * The last component of a path as the kernel wants it.
 *
 * @throws SyncError EINVAL when it is not a name that stays in its directory
 */
export function lastName(path: string): Uint8Array {
  // "/a" has the parent "" and the base "a", as "a" has
  const name = path.startsWith("/") ? "" : baseOf(path);
  checkName(name, path);
  return nulTerminated(name);
}

/** The same, or "." for the root, which is in itself as far as `parentOf` goes. */
export function lastNameOrDot(path: string): Uint8Array {
  return path === "" ? Uint8Array.of(0x2e, 0) : lastName(path);
}

/** With which a directory is opened to be held. */
export const HOLDING = O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;

/** A handle that is in use until disposed of. */
export interface HeldDirectory extends Disposable {
  readonly fd: number;
}

interface Slot {
  /** Null while the directory is being opened. */
  fd: number | null;
  /** Null where it was open at once. */
  readonly opening: Promise<number> | null;
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
  readonly #slots = new Map<string, Slot>();

  /**
   * @param sys makes the calls that open
   * @param closer closes, on the calling thread
   * @param root the root's handle, which stays the caller's
   */
  constructor(sys: Syscalls, closer: Syscalls, root: number, capacity = 48) {
    this.#sys = sys;
    this.#closer = closer;
    this.#root = root;
    this.#capacity = capacity;
  }

  /** The handle of a directory; `using` releases it. Rejects with a SyncError. */
  async hold(path: string): Promise<HeldDirectory> {
    if (path === "") return { fd: this.#root, [Symbol.dispose]() {} };
    const slot = this.#slots.get(path) ??
      { fd: null, opening: this.#open(path), users: 0, dropped: false };
    // a user before it is open: nobody can push it out of the cache meanwhile
    slot.users += 1;
    this.#slots.delete(path);
    this.#slots.set(path, slot);
    try {
      slot.fd ??= await slot.opening!;
    } catch (error) {
      if (this.#slots.get(path) === slot) this.#slots.delete(path);
      throw error;
    }
    const fd = slot.fd;
    this.#evict();
    return { fd, [Symbol.dispose]: () => this.#release(slot) };
  }

  /** As {@link hold}, of a directory that was to be made, where something else may have its name. */
  async holdMade(path: string): Promise<HeldDirectory> {
    try {
      return await this.hold(path);
    } catch (error) {
      const isOther = error instanceof SyncError && error.path === path &&
        (error.code === "ENOTDIR" || error.code === "ELOOP");
      throw isOther ? inTheWay(null, path) : error;
    }
  }

  /**
   * As {@link hold}, at once, on the calling thread: where calls answer at once. Undefined where it cannot be
   * opened, which {@link hold} finds out about.
   */
  holdAtOnce(path: string): HeldDirectory | undefined {
    if (path === "") return { fd: this.#root, [Symbol.dispose]() {} };
    let slot = this.#slots.get(path);
    if (slot === undefined) {
      const name = lastName(path);
      using parent = this.holdAtOnce(parentOf(path));
      if (parent === undefined) return undefined;
      const fd = this.#closer.openat(parent.fd, name, HOLDING, 0) as number;
      if (fd < 0) return undefined;
      slot = { fd, opening: null, users: 1, dropped: false };
    } else {
      if (slot.fd === null) return undefined;
      slot.users += 1;
      this.#slots.delete(path);
    }
    this.#slots.set(path, slot);
    this.#evict();
    const held = slot;
    return { fd: held.fd!, [Symbol.dispose]: () => this.#release(held) };
  }

  /** Drops the handle of a path: what had this name is gone. */
  forget(path: string): void {
    const slot = this.#slots.get(path);
    if (slot !== undefined) this.#drop(path, slot);
  }

  /** Drops the handles of a path and of all directories above it. */
  forgetWay(path: string): void {
    for (let at = path; at !== ""; at = parentOf(at)) this.forget(at);
  }

  /** The error of a failed call about a path; drops the handles that may be what is wrong. */
  failure(result: number, doing: string, path: string): SyncError {
    if (result === -ENOENT || result === -ESTALE) this.forgetWay(path);
    return posixError(result, doing, path);
  }

  close(): void {
    for (const [path, slot] of this.#slots) this.#drop(path, slot);
  }

  async #open(path: string): Promise<number> {
    const name = lastName(path);
    using parent = await this.hold(parentOf(path));
    const fd = await this.#sys.openat(parent.fd, name, HOLDING, 0);
    if (fd < 0) throw this.failure(fd, "open the directory", path);
    return fd;
  }

  #release(slot: Slot): void {
    slot.users -= 1;
    if (slot.users === 0 && slot.dropped) this.#closer.close(slot.fd!);
  }

  #evict(): void {
    for (const [path, slot] of this.#slots) {
      if (this.#slots.size <= this.#capacity) return;
      if (slot.users === 0) this.#drop(path, slot);
    }
  }

  #drop(path: string, slot: Slot): void {
    this.#slots.delete(path);
    slot.dropped = true;
    if (slot.users === 0) this.#closer.close(slot.fd!);
  }
}
