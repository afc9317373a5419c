/**
 * Parcels: small files of one directory that travel through a lane as one item.
 *
 * An object, a promise and a message for each small file would cost more than its system calls. A
 * parcel has them once for many files; what each file needs of its own lies in columns.
 */
import type { Job, JobFile } from "./job.ts";
import { giveBack } from "./lib/give_back.ts";
import type { Stamp } from "./stamp.ts";

/** A file of at most so many bytes can go into a parcel. */
export const SMALL = 64 * 1024;

/** What a parcel holds at most. */
export const PARCEL_FILES = 64, PARCEL_BYTES = 256 * 1024;

/** How far a file of a parcel has come; one that stays behind goes on alone, as a block. */
export const PROGRESS = { taken: 0, read: 1, written: 2, committed: 3, alone: 4 } as const;

/** Numbers of a stamp in {@link Parcel.stamps}. */
export const STAMP = 11;

/** Some small files of one job, all with the same reason. */
export class Parcel {
  readonly type = "parcel";
  readonly job: Job;
  readonly files: readonly JobFile[];
  /** The names, each followed by a NUL; all are well-formed text. */
  readonly names: string;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Milliseconds on the clock when work on it began. */
  readonly began: number;
  /** Milliseconds that each of its files took, on average; set when it is written. */
  duration = 0;
  /** One of {@link PROGRESS} for each file. */
  readonly progress: Uint8Array;
  /** The fields of each file's stamp, in the order of {@link Parcel.setStamp}. */
  readonly stamps: Float64Array<ArrayBuffer>;
  /** The hash of each file that was read, in hex. */
  readonly hashes: string[];
  /**
   * The stamp of the directory that the files are in, where it is made with them and its own could be
   * read: set with `read`.
   */
  above: Stamp | null = null;
  /** What the destination knows a temporary by; -1: the file has its own name in a new directory. */
  readonly temporaries: Int32Array;
  #data: Uint8Array;
  readonly #release: () => void;

  /**
   * @param data room for the bytes of all files, which lie in it one after the other
   * @param release gives that room back
   */
  constructor(
    job: Job,
    files: readonly JobFile[],
    { data, release, began }: { data: Uint8Array; release: () => void; began: number },
  ) {
    let bytes = 0;
    for (const { size } of files) bytes += size;
    this.job = job;
    this.files = files;
    this.names = files.map(({ name }) => name).join("\0") + "\0";
    this.bytes = bytes;
    this.began = began;
    this.progress = new Uint8Array(files.length);
    this.stamps = new Float64Array(files.length * STAMP);
    this.hashes = [];
    this.temporaries = new Int32Array(files.length);
    this.#data = data;
    this.#release = release;
  }

  /** The bytes of all files; empty after {@link unload}. */
  get data(): Uint8Array {
    return this.#data;
  }

  /** Gives back the room of the bytes: they are written. */
  unload(): void {
    if (this.#data.length === 0) return;
    this.#data = NOTHING;
    this.#release();
  }

  /** Gives back the room of the stamps, unless a file is still to be tried alone: the rest is recorded. */
  recorded(): void {
    if (!this.progress.includes(PROGRESS.read)) giveBack(this.stamps);
  }

  /** The stamp of a file that was read. */
  stamp(index: number): Stamp {
    return stampAt(this.stamps, index * STAMP);
  }

  /** Sets the stamp of a file. */
  setStamp(index: number, stamp: Stamp): void {
    const { stamps } = this, at = index * STAMP;
    stamps[at] = stamp.mtime;
    stamps[at + 1] = stamp.mtimeNanos;
    stamps[at + 2] = stamp.ctime;
    stamps[at + 3] = stamp.ctimeNanos;
    stamps[at + 4] = stamp.atime;
    stamps[at + 5] = stamp.atimeNanos;
    stamps[at + 6] = stamp.birthtime ?? NaN;
    stamps[at + 7] = stamp.birthtimeNanos;
    stamps[at + 8] = stamp.mode;
    stamps[at + 9] = stamp.uid;
    stamps[at + 10] = stamp.gid;
  }
}

const NOTHING = new Uint8Array(0);

/** The stamp whose numbers begin at `at`, in the order of {@link Parcel.setStamp}. */
export function stampAt(stamps: Float64Array, at: number): Stamp {
  const birthtime = stamps[at + 6]!;
  return {
    mtime: stamps[at]!,
    mtimeNanos: stamps[at + 1]!,
    ctime: stamps[at + 2]!,
    ctimeNanos: stamps[at + 3]!,
    atime: stamps[at + 4]!,
    atimeNanos: stamps[at + 5]!,
    birthtime: Number.isNaN(birthtime) ? null : birthtime,
    birthtimeNanos: stamps[at + 7]!,
    mode: stamps[at + 8]!,
    uid: stamps[at + 9]!,
    gid: stamps[at + 10]!,
  };
}

/** Whether the path of a directory or a name can be part of a parcel. */
export function isPlain(text: string): boolean {
  return text.length <= 4096 && text.isWellFormed();
}

/**
 * The files from `from` on that can travel as one parcel: regular, small, with plain names and one
 * reason, at most `most` of them and `bytes` bytes (one file may be larger).
 */
export function parcelFrom(
  files: readonly JobFile[],
  from: number,
  bytes: number,
  most: number = PARCEL_FILES,
): JobFile[] {
  const taken: JobFile[] = [];
  let sum = 0;
  for (let i = from; i < files.length && taken.length < most; i++) {
    const file = files[i]!;
    if (file.kind !== "file" || file.size > SMALL || file.reason !== files[from]!.reason) break;
    if (file.name.length > 255 || !file.name.isWellFormed() || file.name.includes("/")) break;
    if (taken.length > 0 && sum + file.size > bytes) break;
    sum += file.size;
    taken.push(file);
  }
  return taken;
}
