/** Open files of the portable backend: one being read, one being written. */
import type { Entry, Times } from "../entry.ts";
import type { CallOptions, FileReader, FileWriter } from "./backend.ts";
import { failure } from "./failures.ts";
import { portableError } from "./portable_errors.ts";

/**
 * An open file whose calls are made one after the other: `Deno.FsFile` has one position, and
 * seeking and reading are two calls. It also keeps a file from being closed under a call.
 */
export class PositionedFile {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  #last: Promise<unknown> = Promise.resolve();
  #position = 0;
  #closed = false;

  constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Fills `into` from byte `position` on; less than its length only at the end of the file. */
  read(into: Uint8Array, position: number, signal?: AbortSignal): Promise<number> {
    return this.#inTurn("read", async () => {
      let filled = 0;
      while (filled < into.length) {
        signal?.throwIfAborted();
        await this.#seek(position + filled);
        const length = await this.#file.read(into.subarray(filled));
        if (length === null) break;
        filled += length;
        this.#position += length;
      }
      return filled;
    }, signal);
  }

  write(data: Uint8Array, position: number, signal?: AbortSignal): Promise<void> {
    return this.#inTurn("write", async () => {
      let written = 0;
      while (written < data.length) {
        signal?.throwIfAborted();
        await this.#seek(position + written);
        const length = await this.#file.write(data.subarray(written));
        if (length === 0) throw failure("EIO", "write", this.#path);
        written += length;
        this.#position += length;
      }
    }, signal);
  }

  flush(): Promise<void> {
    return this.#inTurn("flush", () => this.#file.syncData());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    this.#file.close();
  }

  /** Makes the file `size` bytes long. */
  extend(size: number): Promise<void> {
    return this.#inTurn("extend", () => this.#file.truncate(size));
  }

  async #seek(position: number): Promise<void> {
    if (position !== this.#position) {
      this.#position = await this.#file.seek(position, Deno.SeekMode.Start);
    }
  }

  async #inTurn<T>(doing: string, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#closed) throw failure("EBADF", doing, this.#path);
    const before = this.#last;
    const turn = before.then(call);
    this.#last = turn.catch(() => {
      // after a failed call nobody knows where the file stands
      this.#position = -1;
    });
    try {
      return await turn;
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      throw portableError(error, doing, this.#path);
    }
  }
}

/** A file that is being read by position. */
export class PortableReader implements FileReader {
  readonly entry: Entry;
  readonly sparse: boolean;
  readonly #file: PositionedFile;
  readonly #look: FileReader["look"];

  constructor(
    file: PositionedFile,
    { entry, sparse }: Pick<FileReader, "entry" | "sparse">,
    look: FileReader["look"],
  ) {
    this.sparse = sparse;
    this.#file = file;
    this.#look = look;
    this.entry = entry;
  }

  /** The content itself tells: Deno has no call that asks where it is. */
  async dataFrom(position: number): Promise<number> {
    return await Promise.resolve(position);
  }

  async read(into: Uint8Array, position: number, { signal }: CallOptions = {}): Promise<number> {
    signal?.throwIfAborted();
    return await this.#file.read(into, position, signal);
  }

  async look(options: CallOptions = {}): Promise<Entry | undefined> {
    return await this.#look(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** A file that is being written under its temporary name. */
export class PortableWriter implements FileWriter {
  readonly path: string;
  readonly temporary: string;
  readonly #file: PositionedFile;
  readonly #full: string;
  readonly #rename: () => Promise<void>;

  /**
   * @param names the final path and the temporary one, relative to the root
   * @param full path of the temporary name
   * @param rename puts the temporary at the final name
   */
  constructor(
    file: PositionedFile,
    names: Pick<FileWriter, "path" | "temporary">,
    full: string,
    rename: () => Promise<void>,
  ) {
    this.#file = file;
    this.path = names.path;
    this.temporary = names.temporary;
    this.#full = full;
    this.#rename = rename;
  }

  async write(data: Uint8Array, position: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#file.write(data, position, signal);
  }

  async extend(size: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#file.extend(size);
  }

  async finish(
    times: Pick<Times, "mtime" | "atime">,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    // a share reports a full disk here, not at write
    await this.#file.flush();
    await this.#file.close();
    try {
      // after the close: a CIFS mount forgets times that were set on an open file
      await Deno.utime(this.#full, dateOf(times.atime), dateOf(times.mtime));
    } catch (error) {
      throw portableError(error, "set the times", this.path);
    }
  }

  async commit({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#rename();
  }

  async abort(): Promise<void> {
    await this.#file.close();
    try {
      await Deno.remove(this.#full);
    } catch {
      // the contract: what could not be removed is found by the next run
    }
  }
}

/** Nanoseconds as a Date, whole milliseconds, rounded down. */
export function dateOf(time: bigint): Date {
  const rest = ((time % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return new Date(Number((time - rest) / 1_000_000n));
}
