/** Where the jobs of a transfer come from: pending files, directory by directory. */
import { parentOf } from "../entry.ts";
import type { Job, JobFile } from "../job.ts";
import { SMALL } from "../parcel.ts";
import type { Order } from "../options.ts";
import type { PartStore } from "./part_store.ts";
import type { PendingDirectory } from "./pending_directory.ts";
import type { TransferStore } from "./transfer_store.ts";

/** The most files and bytes that one job has. */
export interface JobLimits {
  readonly files: number;
  readonly bytes: number;
  /** A file of so many bytes is a job for itself. Default: none is. */
  readonly alone?: number;
  /** Files where all of a directory go into one job, which can make it with them. Default: `files`. */
  readonly whole?: number;
}

/** Where the jobs of a pass are: after which directory, and inside which ones. */
interface OpenDirectory extends PendingDirectory {
  /** A name; a number in a directory that is carried in parts. */
  readonly after: string | Uint8Array | number;
}

/** How the pending files are given out. */
export interface JobOptions {
  /** Default `found`; any other needs a scan that is complete. */
  readonly order?: Order;
  readonly limits: JobLimits;
  /** Directories that are worked in at the same time: each lane in another one. */
  readonly spread: number;
  /** The scan that is under way: only what it has decided is given out. Null: everything is. */
  readonly scan: number | null;
  /** Directories told by `news` that are remembered at most. Default 65,536. */
  readonly remembered?: number;
}

/** Where jobs come from. */
export interface Jobs {
  /** Jobs of a directory may come at any time, whatever their `last` says. Default: false. */
  readonly scattered?: boolean;
  /** The next job; undefined when there is none (yet). Inside a transaction. */
  next(): Job | undefined;
  /** There may be more: in these directories. */
  news(directories: readonly number[]): void;
  /** No more will come than there are. */
  complete(): void;
}

/** Gives out the pending files, directory by directory, each once per pass. */
export class JobSource implements Jobs {
  readonly #store: TransferStore;
  readonly #parts: PartStore;
  readonly #options: JobOptions;
  /** Directories whose files are being given out, taken in turn. */
  readonly #open: OpenDirectory[] = [];
  /** Directories that are carried in parts, while nothing more of them is known. */
  readonly #waiting = new Map<number, OpenDirectory>();
  /** A number that no pass had before; what it has given out it does not give out again. */
  readonly #pass = crypto.getRandomValues(new Uint32Array(1))[0]! + 1;
  #scan: number | null;
  /** Null: all were gone through. */
  #afterDirectory: number | null = null;
  /** Directories that the scan has decided, from `#nextFresh` on, each looked at once. */
  #fresh: number[] = [];
  #nextFresh = 0;
  /** Directories may have become pending that are not among them: all are gone through. */
  #news = true;

  constructor(store: TransferStore, parts: PartStore, options: JobOptions) {
    this.#store = store;
    this.#parts = parts;
    this.#options = options;
    this.#scan = options.scan;
  }

  /** The scan has decided more: these directories. */
  news(directories: readonly number[]): void {
    const { remembered = 65_536 } = this.#options;
    if (this.#fresh.length - this.#nextFresh + directories.length > remembered) {
      // the transfer is far behind: what comes next is found in the database
      this.#news = true;
      return;
    }
    if (this.#nextFresh > remembered) {
      this.#fresh = this.#fresh.slice(this.#nextFresh);
      this.#nextFresh = 0;
    }
    for (const directory of directories) this.#fresh.push(directory);
  }

  /** The scan is complete: what it did not decide is given out too. */
  complete(): void {
    this.#scan = null;
    this.#news = true;
    for (const directory of this.#waiting.values()) this.#open.push(directory);
    this.#waiting.clear();
  }

  /** The next job; undefined when there is none (yet). Inside a transaction. */
  next(): Job | undefined {
    for (;;) {
      while (this.#open.length < this.#options.spread) {
        const found = this.#nextDirectory();
        if (found === undefined) break;
        this.#open.push(found);
      }
      const directory = this.#open.shift();
      if (directory === undefined) return undefined;
      const { after } = directory;
      if (typeof after !== "number") return this.#jobOf(directory, after);
      const job = this.#jobOfPart(directory, after);
      if (job !== undefined) return job;
    }
  }

  #jobOf(directory: OpenDirectory, from: string | Uint8Array): Job {
    const { limits } = this.#options;
    const { id, path, listed, parent, isLeaf } = directory;
    const missing = this.#missing(directory, from === "");
    const isNew = missing.length > 0 && from === "";
    const most = isNew ? limits.whole ?? limits.files : limits.files;
    let found = this.#store.pendingFiles(id, from, { ...limits, files: most });
    const all = isNew && found.after === null && found.files.every(isSmall);
    const whole = all && isLeaf ? parent : null;
    if (whole === null && found.files.length > limits.files) {
      found = this.#store.pendingFiles(id, from, limits);
    }
    const { files, after } = found;
    const last = after === null;
    if (!last) this.#open.push({ ...directory, after });
    // its temporary is in the directory above it
    if (whole !== null) this.#store.markInFlight(whole);
    return { directory: id, path, missing, files, listed, last, whole };
  }

  /** Undefined while more of the directory is to come; the last job may be without a file. */
  #jobOfPart(directory: OpenDirectory, from: number): Job | undefined {
    const { id, path } = directory;
    const { files, after, listed } = this.#parts.next(id, from, this.#options.limits);
    const last = files.length === 0;
    if (last && this.#parts.isGrowing(id)) {
      this.#waiting.set(id, { ...directory, after });
      return undefined;
    }
    if (!last) this.#open.push({ ...directory, after });
    const missing = this.#missing(directory, from === 0);
    return { directory: id, path, missing, files, listed, last, whole: null };
  }

  /** The directory and those above it that are not at the destination. */
  #missing({ id, path, isAbsent, parent }: PendingDirectory, isFirst: boolean): Job["missing"] {
    if (!isAbsent) return [];
    // it may have been made since it was opened
    if (!isFirst) return this.#store.missingAbove(id, path);
    return [...this.#store.missingAbove(parent, parentOf(path)), { directory: id, path }];
  }

  #nextDirectory(): OpenDirectory | undefined {
    while (this.#nextFresh < this.#fresh.length) {
      const id = this.#fresh[this.#nextFresh++]!;
      const waiting = this.#waiting.get(id);
      if (waiting !== undefined) {
        this.#waiting.delete(id);
        return waiting;
      }
      const found = this.#store.ifPending(id, this.#pass);
      if (found !== undefined) return this.#opened(found);
    }
    for (;;) {
      if (this.#afterDirectory !== null) {
        const found = this.#store.nextPending(this.#afterDirectory, this.#pass, this.#scan);
        this.#afterDirectory = found?.id ?? null;
        if (found !== undefined) return this.#opened(found);
      }
      if (!this.#news) return undefined;
      this.#news = false;
      this.#afterDirectory = 0;
    }
  }

  #opened(directory: PendingDirectory): OpenDirectory {
    const { id } = directory;
    this.#store.markGiven(id, this.#pass);
    return { ...directory, after: this.#parts.isGrowing(id) ? 0 : "" };
  }
}

function isSmall({ kind, size }: JobFile): boolean {
  return kind === "file" && size <= SMALL;
}
