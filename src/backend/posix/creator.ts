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
  readonly flushing: Flushing;
}

/** How what is written to one place leaves this system. */
export class Flushing {
  #style: FlushStyle;

  constructor(style: FlushStyle) {
    this.#style = style;
  }

  /** Not "direct" any more once that was refused (CIFS with `cache=loose`). */
  get style(): FlushStyle {
    return this.#style;
  }

  /** With which a file is created. */
  get flags(): number {
    return this.#style === "direct" ? WRITE_FLAGS | O.DIRECT : WRITE_FLAGS;
  }

  refuseDirect(): void {
    this.#style = "flushed";
  }
}

/** Creates the files of one place. */
export class Creator {
  readonly #parts: CreatorParts;

  constructor(parts: CreatorParts) {
    this.#parts = parts;
  }

  /** See {@link Backend.create}. */
  async create(path: string, name: string, { signal }: CallOptions = {}): Promise<FileWriter> {
    const { sys, directories, flushing } = this.#parts;
    signal?.throwIfAborted();
    using held = await directories.hold(parentOf(path));
    lastName(path);
    const temporary = nulTerminated(name);
    const open = () => sys.openat(held.fd, temporary, flushing.flags, 0o666);
    let flush = flushing.style;
    let fd = await open();
    if (fd === -EINVAL && flush === "direct") {
      flushing.refuseDirect();
      flush = flushing.style;
      // the file is made before it is refused
      await sys.unlinkat(held.fd, temporary, 0);
      fd = await open();
    }
    if (fd < 0) throw directories.failure(fd, "create a temporary file next to the file", path);
    return this.#writer({ handle: new Handle(sys, fd), flush }, path, temporary);
  }

  /** The writer of a file that is written and closed: it can be given its name, or be taken back. */
  closed(path: string, temporary: Uint8Array): FileWriter {
    const handle = Handle.closed(this.#parts.libc.now);
    return this.#writer({ handle, flush: this.#parts.flushing.style }, path, temporary);
  }

  #writer(
    { handle, flush }: { handle: Handle; flush: FlushStyle },
    path: string,
    temporary: Uint8Array,
  ): FileWriter {
    const { libc, sys, directories, flushing } = this.#parts;
    const style = { flush, refuseDirect: () => flushing.refuseDirect() };
    return new PosixWriter(sys, libc.pooled, directories, style, handle, path, temporary);
  }
}
