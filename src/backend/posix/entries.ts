/** What has a name: looks at single names, and at those of a listing. */
import { type Entry, join } from "../../entry.ts";
import { SyncError } from "../../errors.ts";
import type { ListingPacker } from "../../listing_packer.ts";
import { decodeName } from "../../name.ts";
import type { ListBatch } from "../backend.ts";
import { forEachLimited } from "../in_flight.ts";
import { isTemporary } from "../temporary.ts";
import { type Directories, nulTerminated } from "./directories.ts";
import { NameSpans } from "./directory_entries.ts";
import { ENOENT } from "./errno.ts";
import { AT, type Libc, type Syscalls } from "./libc.ts";
import { Looks, MOST_LOOKS } from "./looks.ts";
import { type Seen, ShareLooks } from "./share_looks.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Single looks in flight for one directory of a share. */
const LOOKS_IN_FLIGHT = 32;

/** What {@link Entries} work with. */
export interface EntriesOptions {
  readonly libc: Libc;
  /** The calls, on this thread or on the pool. */
  readonly sys: Syscalls;
  readonly directories: Directories;
  /** Calls answer at once: those of a listing are made together. */
  readonly immediate: boolean;
}

/** Looks at what is in directories. */
export class Entries {
  readonly #libc: Libc;
  readonly #sys: Syscalls;
  readonly #directories: Directories;
  readonly #immediate: boolean;
  #looks: Looks | null = null;
  #shareLooks: ShareLooks | null = null;
  /** Of what is looked at at once. */
  readonly #spans = new NameSpans();

  constructor({ libc, sys, directories, immediate }: EntriesOptions) {
    this.#libc = libc;
    this.#sys = sys;
    this.#directories = directories;
    this.#immediate = immediate;
  }

  /** Looks at a name; false when it is not there. Rejects with a SyncError. */
  async statx(
    fd: number,
    name: Uint8Array,
    flags: number,
    buffer: StatxBuffer,
    path: string,
  ): Promise<boolean> {
    const result = await this.#sys.statx(fd, name, flags, STATX_WANTED, buffer.bytes);
    if (result === -ENOENT) return false;
    if (result < 0) throw this.#directories.failure(result, "look at", path);
    return true;
  }

  /** What has a name; undefined when nothing has. `path` is for messages. */
  async entryAt(
    fd: number,
    name: string,
    flags: number,
    path: string,
    buffer = new StatxBuffer(),
  ): Promise<Entry | undefined> {
    const bytes = nulTerminated(name);
    if (!(await this.statx(fd, bytes, flags, buffer, path))) return undefined;
    if (buffer.kind() !== "symlink") return buffer.entry(name);
    const target = new Uint8Array(4096);
    const length = await this.#sys.readlinkat(fd, bytes, target, target.length);
    if (length === -ENOENT) return undefined;
    if (length < 0) throw this.#directories.failure(length, "read the symbolic link", path);
    return buffer.entry(name, decodeName(target.subarray(0, length)));
  }

  /**
   * Puts what the names in a buffer of getdents64(2) are into a listing, at once. False, and nothing
   * is put there, where that cannot be: {@link batch} can.
   */
  packAll(
    fd: number,
    { buffer, length, into }: { buffer: Uint8Array; length: number; into: ListingPacker },
  ): boolean {
    const spans = this.#spans;
    spans.find(buffer, length);
    const { starts, ends, count } = spans;
    if (count > MOST_LOOKS) return false;
    let simple = true, looked: StatxBuffer | null = null;
    this.#looks ??= new Looks(this.#libc);
    this.#looks.each(fd, buffer, spans, (i, result, answer, at) => {
      simple &&= result === 0 && answer.kind(at) !== "symlink" &&
        !isOwn(buffer, starts[i]!, ends[i]!);
      looked = answer;
    });
    if (!simple) return false;
    const answers = looked as StatxBuffer | null;
    for (let i = 0; i < count; i++) answers!.pack(into, buffer, starts[i]!, ends[i]!, i);
    return true;
  }

  /** Gives memory back. */
  close(): void {
    this.#shareLooks?.close();
  }

  /** Whether calls answer at once. */
  get immediate(): boolean {
    return this.#immediate;
  }

  /** What the names in a buffer of getdents64(2) are: the entries of the directory `fd`. */
  async batch(
    fd: number,
    directory: string,
    { buffer, length, into }: { buffer: Uint8Array; length: number; into?: ListingPacker },
    signal?: AbortSignal,
  ): Promise<ListBatch> {
    const spans = this.#immediate ? this.#spans : new NameSpans();
    spans.find(buffer, length);
    const { starts, ends } = spans;
    const nameAt = (i: number) => decodeName(buffer.subarray(starts[i], ends[i]));
    const entries: Entry[] = [];
    const temporaries: string[] = [];
    const problems: { name: string; code: string; message: string }[] = [];
    const look = async (name: string, into: StatxBuffer) => {
      if (isTemporary(name)) return void temporaries.push(name);
      const path = join(directory, name);
      try {
        const entry = await this.entryAt(fd, name, AT.SYMLINK_NOFOLLOW, path, into);
        // undefined: removed since the name was read, so the directory no longer has it
        if (entry !== undefined) entries.push(entry);
      } catch (error) {
        if (!(error instanceof SyncError) || error.scope === "run") throw error;
        problems.push({ name, code: error.code, message: error.message });
      }
    };
    const aside: string[] = [];
    const seen: Seen = (i, result, answer, at) => {
      const start = starts[i]!, end = ends[i]!;
      const simple = result === 0 && answer.kind(at) !== "symlink";
      if (into !== undefined && simple && !isOwn(buffer, start, end)) {
        answer.pack(into, buffer, start, end, at);
        return;
      }
      const name = nameAt(i);
      if (simple && !isTemporary(name)) entries.push(answer.entry(name, "", at));
      else aside.push(name);
    };
    if (this.#immediate) {
      this.#looks ??= new Looks(this.#libc);
      this.#looks.each(fd, buffer, spans, seen);
    } else {
      this.#shareLooks ??= new ShareLooks(this.#libc);
      await this.#shareLooks.each(fd, buffer, spans, { seen, signal });
    }
    // mostly there are none
    await forEachLimited(aside, this.#immediate ? 1 : LOOKS_IN_FLIGHT, () => {
      const own = new StatxBuffer();
      return async (name) => {
        signal?.throwIfAborted();
        await look(name, own);
      };
    });
    return { entries, temporaries, problems };
  }
}

/** Whether a name begins as those that sluice gives: ".sluice". */
function isOwn(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] !== OWN_NAME[0] || end - start < OWN_NAME.length) return false;
  return OWN_NAME.every((byte, i) => bytes[start + i] === byte);
}

const OWN_NAME = new TextEncoder().encode(".sluice");
