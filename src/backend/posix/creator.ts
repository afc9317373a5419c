/**
 * Creating files to be written: under a temporary name in the directory of the file, and past the page
 * cache where that is the way that blocks leave this system.
 */
import { parentOf } from "../../entry.ts";
import type { CallOptions, FileWriter } from "../backend.ts";
import { type Directories, lastName, nulTerminated } from "./directories.ts";
import { EINVAL } from "./errno.ts";
import { type FlushStyle, PosixWriter } from "./file.ts";
import { Handle } from "./handle.ts";
import { type Libc, O, type Syscalls } from "./libc.ts";
import { WRITE_FLAGS } from "./parcel_memory.ts";

/** What a creator works with. */
export interface CreatorParts {
  readonly libc: Libc;
  /** Makes the calls. */
  readonly sys: Syscalls;
  readonly directories: Directories;
  /** How blocks leave this system. */
  readonly flush: FlushStyle;
}

/** Creates the files of one place. */
export class Creator {
  readonly #parts: CreatorParts;
  /** Not "direct" any more once that was refused (CIFS with `cache=loose`). */
  #flush: FlushStyle;

  constructor(parts: CreatorParts) {
    this.#parts = parts;
    this.#flush = parts.flush;
  }

  /** See {@link Backend.create}. */
  async create(path: string, name: string, { signal }: CallOptions = {}): Promise<FileWriter> {
    const { sys, directories } = this.#parts;
    signal?.throwIfAborted();
    using held = await directories.hold(parentOf(path));
    lastName(path);
    const temporary = nulTerminated(name);
    const open = (flags: number) => sys.openat(held.fd, temporary, WRITE_FLAGS | flags, 0o666);
    let flush = this.#flush;
    let fd = await open(flush === "direct" ? O.DIRECT : 0);
    if (fd === -EINVAL && flush === "direct") {
      flush = this.#flush = "flushed";
      // the file is made before it is refused
      await sys.unlinkat(held.fd, temporary, 0);
      fd = await open(0);
    }
    if (fd < 0) throw directories.failure(fd, "create a temporary file next to the file", path);
    return this.#writer({ handle: new Handle(sys, fd), flush }, path, temporary);
  }

  /** The writer of a file that is written and closed: it can be given its name, or be taken back. */
  closed(path: string, temporary: Uint8Array): FileWriter {
    const handle = Handle.closed(this.#parts.libc.now);
    return this.#writer({ handle, flush: this.#flush }, path, temporary);
  }

  #writer(
    { handle, flush }: { handle: Handle; flush: FlushStyle },
    path: string,
    temporary: Uint8Array,
  ): FileWriter {
    const { libc, sys, directories } = this.#parts;
    const style = { flush, refuseDirect: () => void (this.#flush = "flushed") };
    return new PosixWriter(sys, libc.pooled, directories, style, handle, path, temporary);
  }
}
