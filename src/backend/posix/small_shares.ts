/**
 * Small files on a share: all calls of a parcel are one program that a thread of the pool works off.
 *
 * Awaited one by one, each call would cost two changes of threads, several times what the call itself
 * costs this machine. So a lane is waiting for the server nearly always, and many lanes at once do
 * not fill the machine. What a program touches lies in memory of its own, since a thread that hangs
 * on a dead mount goes on with its program whenever the mount comes back.
 *
 * As on a local disk, only the ordinary case is done here; whatever is odd about a file leaves it
 * behind, for the ordinary way.
 */
import { type Parcel, PROGRESS, STAMP } from "../../parcel.ts";
import { type Stamp, stampOf } from "../../stamp.ts";
import type { FileWriter, HeldParcels, NewDirectory, SmallFiles } from "../backend.ts";
import { isUnsettled } from "../settling.ts";
import type { Flushing } from "./creator.ts";
import { Desk, type DeskOptions, READS, WRITES } from "./desk.ts";
import { type Directories, type HeldDirectory, nulTerminated } from "./directories.ts";
import { EACCES, EEXIST, EILSEQ, EINVAL, ENAMETOOLONG, EPERM, posixError } from "./errno.ts";
import { Holders } from "./holders.ts";
import { AT, SELF } from "./libc.ts";
import { makeShareDirectory } from "./new_share_directory.ts";
import { ParcelLength } from "./parcel_length.ts";
import { fillTimes, NAMED, READ_FLAGS, TEMPORARY } from "./parcel_memory.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Errors that say for certain that no file was made. */
const REFUSED = new Set([EACCES, EEXIST, EILSEQ, EINVAL, ENAMETOOLONG, EPERM]);

const encoder = new TextEncoder();

/** What a {@link ShareSmallFiles} works with. */
export interface ShareSmallOptions extends DeskOptions {
  readonly directories: Directories;
  readonly flushing: Flushing;
  readonly temporaryName: () => string;
  /** O.NOATIME or 0, as the backend has found out. */
  readonly noatime: () => number;
  /** A directory is given its name in one step, whatever is in it. */
  readonly renamesDirectories: boolean;
  /** A rename can be told to replace nothing. */
  readonly noReplace: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A writer for a file that is complete under its temporary name. */
  readonly writer: (path: string, temporary: Uint8Array) => FileWriter;
}

export class ShareSmallFiles implements SmallFiles {
  readonly make?: (directory: string) => Promise<NewDirectory>;
  readonly #options: ShareSmallOptions;
  /** Desks that nobody works at. */
  readonly #free: Desk[] = [];
  readonly #temporaries = new Map<number, Uint8Array>();
  #made = 0;
  readonly #length = new ParcelLength();
  #closed = false;

  constructor(options: ShareSmallOptions) {
    this.#options = options;
    if (!options.renamesDirectories) return;
    this.make = (directory) => makeShareDirectory(directory, this, options);
  }

  /** Fewer where the server is far away, so that no program takes long. */
  get most(): number {
    return this.#length.most;
  }

  async hold(directory: string): Promise<HeldParcels> {
    return new Held(this, await this.#options.directories.hold(directory));
  }

  /** Gives the memory back; what is in use stays. */
  close(): void {
    this.#closed = true;
    for (const desk of this.#free.splice(0)) desk.close();
  }

  async read({ fd }: HeldDirectory, parcel: Parcel): Promise<void> {
    const { files, data, progress, stamps } = parcel;
    const now = this.#options.now();
    await this.#at(async (desk) => {
      if (!desk.putNames(parcel)) return;
      const { reading, looks, bytes } = desk;
      const flags = READ_FLAGS | this.#options.noatime();
      let at = 0;
      for (let i = 0; i < files.length; i++) {
        const { size } = files[i]!;
        reading.open(READS * i, fd, desk.name(i), flags);
        reading.adjust(READS * i + 1, desk.bytesAt + at, size);
        // the look after the last byte: only opening makes a client ask its server
        reading.open(READS * i + 3, fd, desk.name(i), flags);
        at += size;
      }
      const above = parcel.job.whole === null ? null : this.#stampOf(fd);
      await desk.run(reading, READS * files.length);
      if (above !== null) parcel.above = await above;
      data.set(bytes.subarray(0, at));
      for (let i = 0; i < files.length; i++) {
        const { size, scanned } = files[i]!, first = READS * i;
        const done = reading.result(first + 1) === size && reading.result(first + 2) === 0 &&
          reading.result(first + 4) === 0 && reading.result(first + 5) === 0;
        // changed just now: it may change again with the same time, which the ordinary way waits out
        if (!done || isUnsettled(scanned, { now, sameClock: false, since: parcel.job.listed })) {
          continue;
        }
        if (looks.isUnchanged(i, size, scanned)) {
          looks.stamp(i, stamps, i * STAMP);
          progress[i] = PROGRESS.read;
        }
      }
    }, files.length);
  }

  /**
   * True unless something may be left that is not a whole file.
   *
   * @param named the files get their own names at once: the directory is one that is being made
   */
  async write({ fd }: HeldDirectory, parcel: Parcel, named = false): Promise<boolean> {
    const { files, data, progress, stamps, temporaries } = parcel;
    let clean = true;
    await this.#at(async (desk) => {
      if (named && !desk.putNames(parcel)) return;
      const { writing, times, bytes } = desk;
      const { flushing } = this.#options, { flags } = flushing;
      const direct = flushing.style === "direct";
      bytes.set(data.subarray(0, parcel.bytes));
      let at = desk.bytesAt, slot = 0;
      for (let i = 0; i < files.length; i++) {
        const { size } = files[i]!;
        if (progress[i] === PROGRESS.read) {
          temporaries[i] = named ? NAMED : this.#takeTemporary();
          const name = named
            ? desk.name(i)
            : desk.putTemporary(slot, this.#temporaries.get(temporaries[i]!)!);
          writing.open(WRITES * slot, fd, name, flags);
          writing.adjust(WRITES * slot + 1, at, size);
          if (this.#options.timesWhen === "closed") writing.direct(WRITES * slot + 4, fd, name);
          fillTimes(times, slot, stamps, i * STAMP);
          slot += 1;
        }
        at += size;
      }
      await desk.run(writing, WRITES * slot);
      slot = 0;
      for (let i = 0; i < files.length; i++) {
        if (progress[i] !== PROGRESS.read) continue;
        const first = WRITES * slot++, opened = writing.result(first);
        const refused = direct && [0, 1].some((call) => writing.result(first + call) === -EINVAL);
        if (refused) flushing.refuseDirect();
        // durable only when the flush and the close say so: that is where a share reports a full disk
        const done = writing.result(first + 1) === files[i]!.size &&
          [2, 3, 4].every((call) => writing.result(first + call) === 0);
        if (done) progress[i] = PROGRESS.written;
        // a file that is not to be written directly is made before that is refused
        else if (opened >= 0 || refused) clean = await this.#remove(fd, parcel, i) && clean;
        // an answer that got lost may have been that the file is made
        else if (!REFUSED.has(-opened)) clean = false;
      }
    }, files.length);
    return clean;
  }

  async commit({ fd }: HeldDirectory, parcel: Parcel): Promise<void> {
    const { files, progress, temporaries } = parcel;
    await this.#at(async (desk) => {
      if (!desk.putNames(parcel)) return;
      const { committing } = desk;
      let slot = 0;
      for (let i = 0; i < files.length; i++) {
        if (progress[i] !== PROGRESS.written) continue;
        const temporary = desk.putTemporary(slot, this.#temporaries.get(temporaries[i]!)!);
        committing.rename(slot++, fd, temporary, desk.name(i));
      }
      await desk.run(committing, slot);
      slot = 0;
      for (let i = 0; i < files.length; i++) {
        if (progress[i] !== PROGRESS.written || committing.result(slot++) !== 0) continue;
        progress[i] = PROGRESS.committed;
        this.#temporaries.delete(temporaries[i]!);
      }
    });
  }

  /** The files of a new directory that has its name now are at their final names. */
  committed({ progress }: Parcel): void {
    for (let i = 0; i < progress.length; i++) {
      if (progress[i] === PROGRESS.written) progress[i] = PROGRESS.committed;
    }
  }

  /** Moves the files of a new directory into another one, under temporary names. */
  async moveOut(from: HeldDirectory, into: HeldDirectory, parcel: Parcel): Promise<void> {
    const { files, progress, temporaries } = parcel;
    await this.#at(async (desk) => {
      // they were put there once, to write the files
      if (!desk.putNames(parcel)) throw posixError(-EINVAL, "move out of", parcel.job.path);
      const { committing } = desk, moved: number[] = [];
      for (let i = 0; i < files.length; i++) {
        if (progress[i] !== PROGRESS.written) continue;
        temporaries[i] = this.#takeTemporary();
        const temporary = desk.putTemporary(moved.length, this.#temporaries.get(temporaries[i]!)!);
        committing.rename(moved.length, from.fd, desk.name(i), temporary, into.fd);
        moved.push(i);
      }
      await desk.run(committing, moved.length);
      let failed: Error | null = null;
      for (const [slot, i] of moved.entries()) {
        const result = committing.result(slot);
        if (result >= 0) continue;
        this.#temporaries.delete(temporaries[i]!);
        temporaries[i] = NAMED;
        failed ??= posixError(result, "move out of its new directory", files[i]!.name);
      }
      if (failed !== null) throw failed;
    });
  }

  /** @param own where files with their own names are, if not in the same directory */
  async discard({ fd }: HeldDirectory, parcel: Parcel, own = fd): Promise<void> {
    const { progress, temporaries } = parcel;
    for (let i = 0; i < progress.length; i++) {
      if (progress[i] !== PROGRESS.written) continue;
      await this.#remove(temporaries[i] === NAMED ? own : fd, parcel, i);
    }
  }

  /** The writer takes the temporary over. */
  writer(path: string, temporary: number): FileWriter {
    const bytes = this.#temporaries.get(temporary)!;
    this.#temporaries.delete(temporary);
    return this.#options.writer(path, bytes);
  }

  /** Never the same one twice: a program that hung may still make it when it goes on. */
  #takeTemporary(): number {
    const bytes = new Uint8Array(TEMPORARY);
    // the last byte stays the NUL
    const { written } = encoder.encodeInto(
      this.#options.temporaryName(),
      bytes.subarray(0, TEMPORARY - 1),
    );
    this.#temporaries.set(this.#made, bytes.subarray(0, written + 1));
    return this.#made++;
  }

  /** What the server says of a directory that is held; null where that cannot be had. */
  async #stampOf(fd: number): Promise<Stamp | null> {
    const look = new StatxBuffer(), ask = AT.EMPTY_PATH | AT.FORCE_SYNC;
    const { pooled } = this.#options.libc;
    const result = await pooled.statx(fd, SELF, ask, STATX_WANTED, look.bytes);
    return result === 0 ? stampOf(look.entry("")) : null;
  }

  /** Removes what was written of a file; false when it may still be there. */
  async #remove(directory: number, { files, temporaries }: Parcel, index: number) {
    const temporary = temporaries[index]!;
    const name = temporary === NAMED
      ? nulTerminated(files[index]!.name)
      : this.#temporaries.get(temporary);
    // a writer may have taken it over
    if (name === undefined) return true;
    this.#temporaries.delete(temporary);
    return await this.#options.libc.pooled.unlinkat(directory, name, 0) === 0;
  }

  /** Works at a desk; `files`, if given, are what the time it takes is for. */
  async #at(work: (desk: Desk) => Promise<void>, files?: number): Promise<void> {
    const desk = this.#free.pop() ?? new Desk(this.#options);
    const began = performance.now();
    try {
      await work(desk);
    } finally {
      if (this.#closed) desk.close();
      else this.#free.push(desk);
    }
    if (files !== undefined) this.#length.took(performance.now() - began, files);
  }
}

/** One directory, held for parcels until the last program in it is over. */
class Held implements HeldParcels {
  readonly #small: ShareSmallFiles;
  readonly #directory: HeldDirectory;
  /** A handle that was closed under a program that hangs could be another directory's by then. */
  readonly #holders: Holders;

  constructor(small: ShareSmallFiles, directory: HeldDirectory) {
    this.#small = small;
    this.#directory = directory;
    this.#holders = new Holders(() => directory[Symbol.dispose]());
  }

  read(parcel: Parcel): Promise<void> {
    return this.#holders.use(() => this.#small.read(this.#directory, parcel));
  }

  write(parcel: Parcel): Promise<void> {
    return this.#holders.use(async () => void await this.#small.write(this.#directory, parcel));
  }

  commit(parcel: Parcel): Promise<void> {
    return this.#holders.use(() => this.#small.commit(this.#directory, parcel));
  }

  discard(parcel: Parcel): Promise<void> {
    return this.#holders.use(() => this.#small.discard(this.#directory, parcel));
  }

  writer(path: string, temporary: number): FileWriter {
    return this.#small.writer(path, temporary);
  }

  [Symbol.dispose](): void {
    this.#holders[Symbol.dispose]();
  }
}
