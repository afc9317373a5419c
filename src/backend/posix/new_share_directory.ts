/**
 * A directory on a share that is made together with its first files, under a temporary name.
 *
 * As on a local disk (`new_directory.ts`), and more is to be thought of. A call may hang and go on
 * after everybody has given up on it, so the directory gets no name while one is under way in it. A
 * call may fail with nobody knowing what it did, so after such a failure only the files that are
 * known to be whole leave the directory. And NFS and sshfs cannot be told to replace nothing.
 */
import { SyncError } from "../../errors.ts";
import type { Parcel } from "../../parcel.ts";
import { type Stamp, timesOf } from "../../stamp.ts";
import type { HeldParcels, NewDirectory } from "../backend.ts";
import { type Directories, type HeldDirectory, lastName } from "./directories.ts";
import { EEXIST, ENOENT } from "./errno.ts";
import { timespecs } from "./file.ts";
import { Holders } from "./holders.ts";
import { AT, type Libc, RENAME_NOREPLACE } from "./libc.ts";
import type { ShareSmallFiles } from "./small_shares.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "./temporary_directory.ts";

/** What a new directory works with. */
export interface NewShareDirectoryOptions {
  readonly libc: Libc;
  readonly directories: Directories;
  readonly temporaryName: () => string;
  /** A rename can be told to replace nothing. */
  readonly noReplace: boolean;
}

interface Parts extends NewShareDirectoryOptions, TemporaryDirectory {}

/** Makes a directory that will get its name at `path`. Rejects with a SyncError. */
export async function makeShareDirectory(
  path: string,
  small: ShareSmallFiles,
  options: NewShareDirectoryOptions,
): Promise<NewDirectory> {
  const made = await makeTemporaryDirectory(path, { ...options, sys: options.libc.pooled });
  return new NewShareDirectory(path, small, { ...options, ...made });
}

class NewShareDirectory implements NewDirectory {
  readonly #path: string;
  readonly #small: ShareSmallFiles;
  readonly #parts: Parts;
  readonly #own: HeldDirectory;
  /** The directory that has its name already, into which the files go instead. */
  #other: HeldDirectory | null = null;
  #open = true;
  #named = false;
  /** Nothing is in it but whole files. */
  #clean = true;
  /** What it is to get with its name, unless they could not be set. */
  #times: Stamp | null = null;
  readonly #holders = new Holders(() => this.#close());
  /** Calls that have not returned. */
  #underway = 0;

  constructor(path: string, small: ShareSmallFiles, parts: Parts) {
    this.#path = path;
    this.#small = small;
    this.#parts = parts;
    this.#own = { fd: parts.fd, [Symbol.dispose]() {} };
  }

  get open(): boolean {
    return this.#open;
  }

  get named(): boolean {
    return this.#named || this.#other !== null;
  }

  get times(): Stamp | null {
    return this.#named ? this.#times : null;
  }

  setTimes(times: Stamp): void {
    if (!this.named) this.#times = times;
  }

  seal(): void {
    this.#open = false;
  }

  async name(): Promise<void> {
    this.#open = false;
    const { libc: { pooled }, directories, parent } = this.#parts;
    if (this.#underway > 0) {
      const message = "a call in the new directory has not returned";
      throw new SyncError("ETIMEDOUT", message, { path: this.#path, scope: "run" });
    }
    const name = lastName(this.#path);
    if (this.#clean && await this.#rename(name) >= 0) {
      this.#named = true;
      // a handle from before belongs to a directory that somebody removed
      directories.forget(this.#path);
      return;
    }
    // somebody made it meanwhile, or the server does not want to, or not everything in it is whole
    const made = await pooled.mkdirat(parent.fd, name, 0o777);
    directories.forget(this.#path);
    try {
      this.#other = await directories.holdMade(this.#path);
    } catch (error) {
      if (made >= 0 || made === -EEXIST) throw error;
      throw directories.failure(made, "make the directory", this.#path);
    }
  }

  hold(): HeldParcels {
    const small = this.#small, own = this.#own;
    return {
      read: (parcel) => this.#use(() => small.read(own, parcel)),
      write: (parcel) =>
        this.#use(async () => {
          const clean = await small.write(own, parcel, true);
          this.#clean = this.#clean && clean;
        }),
      commit: (parcel) => this.#use(() => this.#commit(parcel)),
      discard: (parcel) =>
        this.#use(async () => {
          // what has its name is whole and durable; the next run finds it
          if (!this.#named) await small.discard(this.#other ?? own, parcel, own.fd);
        }),
      writer: (path, temporary) => small.writer(path, temporary),
      ...this.#holders.hold(),
    };
  }

  async discard(): Promise<void> {
    const { libc: { pooled }, parent, temporary } = this.#parts;
    if (this.#named || this.#underway > 0) return;
    // empty by now; if not, it is a temporary that a later run removes
    await pooled.unlinkat(parent.fd, temporary, AT.REMOVEDIR);
  }

  [Symbol.dispose](): void {
    this.#holders[Symbol.dispose]();
  }

  /**
   * Renaming never replaces a file or a directory that has something in it. Without `noReplace`, it
   * may replace an empty directory: one that somebody made since the look a moment before.
   */
  async #rename(name: Uint8Array): Promise<number> {
    const { libc: { pooled }, parent: { fd }, temporary, noReplace } = this.#parts;
    // a name given to it, or taken from it, changes the directory above it only
    if (this.#times !== null) {
      const times = timespecs(timesOf(this.#times));
      const result = await pooled.utimensat(fd, temporary, times, AT.SYMLINK_NOFOLLOW);
      if (result !== 0) this.#times = null;
    }
    if (!noReplace) {
      const ask = AT.SYMLINK_NOFOLLOW | AT.FORCE_SYNC, { bytes } = new StatxBuffer();
      const there = await pooled.statx(fd, name, ask, STATX_WANTED, bytes);
      if (there !== -ENOENT) return there < 0 ? there : -EEXIST;
    }
    return await pooled.renameat2(fd, temporary, fd, name, noReplace ? RENAME_NOREPLACE : 0);
  }

  async #commit(parcel: Parcel): Promise<void> {
    if (this.#named) this.#small.committed(parcel);
    else if (this.#other !== null) {
      await this.#small.moveOut(this.#own, this.#other, parcel);
      await this.#small.commit(this.#other, parcel);
    }
  }

  /** The handle stays until the last call with it has returned, even if nobody waits for it. */
  async #use(work: () => Promise<void>): Promise<void> {
    using _held = this.#holders.hold();
    this.#underway += 1;
    try {
      await work();
    } finally {
      this.#underway -= 1;
    }
  }

  #close(): void {
    const { libc: { now }, parent, fd } = this.#parts;
    now.close(fd);
    this.#other?.[Symbol.dispose]();
    parent[Symbol.dispose]();
  }
}
