/**
 * A directory that is made together with its first files, under a temporary name.
 *
 * A file needs a temporary name so that nobody ever sees a part of it at its own. Nobody sees what is
 * in a directory with a temporary name, so the files in it can have theirs at once: one rename for
 * all of them, which is a fifth of the calls' time for small files.
 */
import type { Parcel } from "../../parcel.ts";
import type { HeldParcels, NewDirectory } from "../backend.ts";
import { type Directories, type HeldDirectory, lastName } from "./directories.ts";
import { EEXIST, EINVAL } from "./errno.ts";
import { Holders } from "./holders.ts";
import { AT, type Libc, RENAME_NOREPLACE } from "./libc.ts";
import type { PosixSmallFiles } from "./small.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "./temporary_directory.ts";

/** What a new directory works with. */
export interface NewDirectoryOptions {
  readonly libc: Libc;
  readonly directories: Directories;
  readonly temporaryName: () => string;
}

/** Makes a directory that will get its name at `path`. Rejects with a SyncError. */
export async function makeNewDirectory(
  path: string,
  small: PosixSmallFiles,
  { libc, directories, temporaryName }: NewDirectoryOptions,
): Promise<NewDirectory> {
  const made = await makeTemporaryDirectory(path, { sys: libc.now, directories, temporaryName });
  return new NewPosixDirectory(path, small, { libc, directories, ...made });
}

interface Parts extends TemporaryDirectory {
  readonly libc: Libc;
  readonly directories: Directories;
}

class NewPosixDirectory implements NewDirectory {
  readonly #path: string;
  readonly #small: PosixSmallFiles;
  readonly #parts: Parts;
  readonly #own: HeldDirectory;
  /** The directory that has its name already, into which the files go instead. */
  #other: HeldDirectory | null = null;
  #open = true;
  #named = false;
  /** Nothing is in it but whole files. */
  #clean = true;
  readonly #holders = new Holders(() => this.#close());

  constructor(path: string, small: PosixSmallFiles, parts: Parts) {
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

  seal(): void {
    this.#open = false;
  }

  async name(): Promise<void> {
    this.#open = false;
    const { libc: { now }, directories, parent, temporary } = this.#parts;
    const name = lastName(this.#path);
    const to = parent.fd;
    const result = this.#clean
      ? now.renameat2(to, temporary, to, name, RENAME_NOREPLACE) as number
      : -EEXIST;
    if (result >= 0) {
      this.#named = true;
      // a handle from before belongs to a directory that somebody removed
      directories.forget(this.#path);
      return;
    }
    // somebody made it meanwhile; or the file system cannot promise not to replace anything, or what
    // could not be written whole could not be removed either
    if (result !== -EEXIST && result !== -EINVAL) {
      throw directories.failure(result, "give the directory its name", this.#path);
    }
    const made = now.mkdirat(to, name, 0o777) as number;
    if (made < 0 && made !== -EEXIST) {
      throw directories.failure(made, "make the directory", this.#path);
    }
    this.#other = await directories.hold(this.#path);
  }

  hold(): HeldParcels {
    const small = this.#small, own = this.#own;
    return {
      read: (parcel) => void small.read(own, parcel),
      write: (parcel) => {
        const clean = small.write(own, parcel, true);
        this.#clean = this.#clean && clean;
        return undefined;
      },
      commit: (parcel) => void this.#commit(parcel),
      discard: (parcel) => {
        // what has its name is whole and durable; the next run finds it
        if (!this.#named) small.discard(this.#other ?? own, parcel, own.fd);
        return undefined;
      },
      writer: (path, temporary) => small.writer(path, temporary),
      ...this.#holders.hold(),
    };
  }

  [Symbol.dispose](): void {
    this.#holders[Symbol.dispose]();
  }

  discard(): undefined {}

  #commit(parcel: Parcel): void {
    if (this.#named) this.#small.committed(parcel);
    else if (this.#other !== null) {
      this.#small.moveOut(this.#own, this.#other, parcel);
      this.#small.commit(this.#other, parcel);
    }
  }

  #close(): void {
    const { libc: { now }, parent, temporary, fd } = this.#parts;
    now.close(fd);
    // empty by now; if not, it is a temporary that a later run removes
    if (!this.#named) now.unlinkat(parent.fd, temporary, AT.REMOVEDIR);
    this.#other?.[Symbol.dispose]();
    parent[Symbol.dispose]();
  }
}
