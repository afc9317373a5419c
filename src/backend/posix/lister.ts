/** Listing directories: their names a buffer at a time, and what each of them is. */
import { parentOf } from "../../entry.ts";
import { SyncError } from "../../errors.ts";
import type { ListingPacker } from "../../listing_packer.ts";
import type { CallOptions, ListBatch, Listing } from "../backend.ts";
import { type Directories, lastNameOrDot } from "./directories.ts";
import type { Entries } from "./entries.ts";
import { posixError } from "./errno.ts";
import { O, type Syscalls } from "./libc.ts";

/** Names that are asked for at a time, with what getdents64(2) says of each. */
const BYTES = 64 * 1024;

/** What getdents64(2) may need for one name; with less it fails. */
const LONGEST = 512;

const FLAGS = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;

/** What a lister works with. */
export interface ListerParts {
  /** Makes the calls. */
  readonly sys: Syscalls;
  readonly directories: Directories;
  readonly entries: Entries;
}

/** Lists the directories of one place. */
export class Lister {
  readonly #parts: ListerParts;
  /** Of listings that are over: as many as there were at the same time. */
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];

  constructor(parts: ListerParts) {
    this.#parts = parts;
  }

  /** See {@link Backend.list}. */
  list(path: string, options: CallOptions & { readonly into?: ListingPacker }): Listing {
    const { into } = options;
    return {
      [Symbol.asyncIterator]: () => orThrown(this.#tried(path, options)),
      tried: () => this.#tried(path, options),
      atOnce: () => into !== undefined && this.#packAll(path, into),
    };
  }

  /** See {@link Listing.atOnce}. */
  #packAll(path: string, into: ListingPacker): boolean {
    const { sys, directories, entries } = this.#parts;
    if (!entries.immediate) return false;
    using held = directories.holdAtOnce(parentOf(path));
    if (held === undefined) return false;
    // all of these return numbers
    const fd = sys.openat(held.fd, lastNameOrDot(path), FLAGS, 0) as number;
    if (fd < 0) return false;
    const buffer = this.#buffers.pop() ?? new Uint8Array(BYTES);
    try {
      const length = sys.getdents64(fd, buffer, buffer.length) as number;
      if (length < 0) return false;
      // a second answer is put behind the first
      const rest = buffer.subarray(length);
      const isAll = length === 0 ||
        rest.length >= LONGEST && sys.getdents64(fd, rest, rest.length) === 0;
      return isAll && entries.packAll(fd, { buffer, length, into });
    } finally {
      sys.close(fd);
      this.#buffers.push(buffer);
    }
  }

  /** See {@link Listing.tried}: a call that fails leaves the handle where it was. */
  async *#tried(
    path: string,
    { signal, into }: CallOptions & { readonly into?: ListingPacker },
  ): AsyncGenerator<ListBatch | SyncError, void> {
    const { sys, directories, entries } = this.#parts;
    signal?.throwIfAborted();
    using held = await directories.hold(parentOf(path));
    const name = lastNameOrDot(path);
    const fd = await sys.openat(held.fd, name, FLAGS, 0);
    if (fd < 0) throw directories.failure(fd, "list the directory", path);
    // who ends before a call has returned does not come to the end, and the call keeps its buffer
    const buffer = this.#buffers.pop() ?? new Uint8Array(BYTES);
    try {
      while (true) {
        const length = await sys.getdents64(fd, buffer, buffer.length);
        signal?.throwIfAborted();
        if (length === 0) return;
        if (length < 0) yield posixError(length, "list the directory", path);
        else yield await entries.batch(fd, path, { buffer, length, into }, signal);
        signal?.throwIfAborted();
      }
    } finally {
      await sys.close(fd);
      this.#buffers.push(buffer);
    }
  }
}

async function* orThrown(
  parts: AsyncIterable<ListBatch | SyncError>,
): AsyncGenerator<ListBatch, void> {
  for await (const part of parts) {
    if (part instanceof SyncError) throw part;
    yield part;
  }
}
