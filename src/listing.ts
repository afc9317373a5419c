/**
 * Listings: a directory's entries packed into bytes.
 *
 * A walker's thread packs what it listed once; the bytes travel to the database's thread without
 * being copied, and the destination's listing is kept in the database as it came. Words of 32 bits
 * in the machine's order (little-endian wherever sluice runs), directories first, each kind in an
 * order that depends on the names alone:
 *
 * ```
 * header   directories, others, bytes of files (f64), bytes of names
 * common   for each entry, what two sides in sync have in common: name length and kind, target
 *          length, size (64 bits), mtime (64 bits of seconds, nanoseconds); the last two are 0 for a
 *          directory
 * names    for each entry its name and its target; filled up to a whole word
 * own      for each entry: mtime, ctime, birthtime (as above), device, inode (64 bits each), links,
 *          uid, gid, mode and whether it has a birthtime
 * ```
 */
import { createHash } from "node:crypto";
import type { Entry, Kind } from "./entry.ts";
import { decodeName } from "./name.ts";
import { joinTime } from "./stamp.ts";
import { recordedTime } from "./times.ts";

/** Bytes of the header, and of what an entry has in common and of its own. */
export const HEADER = 20, COMMON = 28, OWN = 68;

const TWO_32 = 2 ** 32;

/** The words of an entry that `ListingPacker.begin` leaves to its caller. */
export const WORD = {
  size: 2,
  commonMtime: 4,
  mtime: 7,
  ctime: 10,
  birthtime: 13,
  device: 16,
  inode: 18,
  links: 20,
  uid: 21,
  gid: 22,
  /** The mode, and {@link HAS_BIRTHTIME}. */
  mode: 23,
} as const;

/** Beside the mode: the birthtime is known. */
export const HAS_BIRTHTIME = 0x10000;

/** The kinds in the order of their numbers in listings and in the database. */
export const KINDS: readonly Kind[] = ["file", "symlink", "special", "directory"];

/** What a listing keeps of an entry: all but the access time, which reading changes. */
export type ListedEntry = Omit<Entry, "atime">;

/** How much a packed listing holds, without unpacking it. */
export interface ListingCounts {
  readonly directories: number;
  /** Everything that is not a directory. */
  readonly files: number;
  /** Of regular files. */
  readonly bytes: number;
}

/** Counts a packed listing. */
export function countListing(listing: Uint8Array): ListingCounts {
  const view = new DataView(listing.buffer, listing.byteOffset, listing.byteLength);
  return {
    directories: view.getUint32(0, true),
    files: view.getUint32(4, true),
    bytes: view.getFloat64(8, true),
  };
}

/** Whether a packed listing has a file (or link) with more than one name; nothing is unpacked. */
export function hasLinked(listing: Uint8Array): boolean {
  const view = new DataView(listing.buffer, listing.byteOffset, listing.byteLength);
  const { directories } = countListing(listing);
  for (let own = ownIn(view) + directories * OWN; own < listing.byteLength; own += OWN) {
    if (view.getUint32(own + 52, true) > 1) return true;
  }
  return false;
}

/** Where what is of each entry's own begins. */
function ownIn(view: DataView): number {
  return namesIn(view) + view.getUint32(16, true);
}

function namesIn(view: DataView): number {
  return HEADER + (view.getUint32(0, true) + view.getUint32(4, true)) * COMMON;
}

/**
 * The entries of a packed listing, one by one; directories come first.
 *
 * @param most How many of them are wanted. Default: all.
 */
export function* unpackListing(listing: Uint8Array, most = Infinity): Generator<ListedEntry> {
  const at = new ListingCursor(listing);
  for (let i = 0; i < most && at.next(); i++) yield at.entry();
}

/**
 * Goes through the entries of a packed listing; directories come first. It is the entry that it is
 * at, of which what is asked for is read: an object for every file of a tree is what this spares.
 */
export class ListingCursor implements ListedEntry {
  readonly #view: DataView;
  readonly #listing: Uint8Array;
  /** Made when a name is asked for: it decodes all. */
  #nameIn: ReturnType<typeof namesOf> | null = null;
  #left: number;
  /** Where what is common of the entry begins, and what is its own. */
  #at: number;
  #own: number;
  /** Where its name begins, its target, and what follows. */
  #start = 0;
  #middle = 0;
  #end: number;

  /** Before the first entry. */
  constructor(listing: Uint8Array) {
    const view = new DataView(listing.buffer, listing.byteOffset, listing.byteLength);
    const { directories, files } = countListing(listing);
    this.#listing = listing;
    this.#view = view;
    this.#left = directories + files;
    this.#at = HEADER - COMMON;
    this.#own = ownIn(view) - OWN;
    this.#end = namesIn(view);
  }

  /** Goes on to the next entry; false when there is none. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    const at = this.#at += COMMON;
    this.#own += OWN;
    this.#start = this.#end;
    this.#middle = this.#start + this.#view.getUint16(at, true);
    this.#end = this.#middle + this.#view.getUint32(at + 4, true);
    return true;
  }

  /** The entry as it is now. */
  entry(): ListedEntry {
    return {
      name: this.name,
      kind: this.kind,
      size: this.size,
      mtime: this.mtime,
      ctime: this.ctime,
      birthtime: this.birthtime,
      device: this.device,
      inode: this.inode,
      links: this.links,
      uid: this.uid,
      gid: this.gid,
      mode: this.mode,
      target: this.target,
    };
  }

  get name(): string {
    return this.#text(this.#start, this.#middle);
  }

  get kind(): Kind {
    return KINDS[this.#view.getUint16(this.#at + 2, true)]!;
  }

  get size(): number {
    const view = this.#view, at = this.#at;
    return view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * TWO_32;
  }

  get mtime(): bigint {
    return this.#time(this.#own);
  }

  get ctime(): bigint {
    return this.#time(this.#own + 12);
  }

  get birthtime(): bigint | null {
    const isKnown = (this.#view.getUint32(this.#own + 64, true) & HAS_BIRTHTIME) !== 0;
    return isKnown ? this.#time(this.#own + 24) : null;
  }

  get device(): bigint {
    return this.#view.getBigUint64(this.#own + 36, true);
  }

  get inode(): bigint {
    return this.#view.getBigUint64(this.#own + 44, true);
  }

  get links(): number {
    return this.#view.getUint32(this.#own + 52, true);
  }

  get uid(): number {
    return this.#view.getUint32(this.#own + 56, true);
  }

  get gid(): number {
    return this.#view.getUint32(this.#own + 60, true);
  }

  get mode(): number {
    return this.#view.getUint32(this.#own + 64, true) & 0xffff;
  }

  get target(): string {
    return this.#end === this.#middle ? "" : this.#text(this.#middle, this.#end);
  }

  #text(start: number, end: number): string {
    this.#nameIn ??= namesOf(this.#listing, namesIn(this.#view), ownIn(this.#view));
    return this.#nameIn(start, end);
  }

  /** As the database can keep it. */
  #time(at: number): bigint {
    const view = this.#view, high = view.getInt32(at + 4, true);
    // up to the year 2106 a record holds every time
    const time = joinTime(high * TWO_32 + view.getUint32(at, true), view.getUint32(at + 8, true));
    return high === 0 ? time : recordedTime(time);
  }
}

/** Where all names are ASCII, as they mostly are, they are decoded in one go: a call for each is dear. */
function namesOf(
  listing: Uint8Array,
  from: number,
  to: number,
): (start: number, end: number) => string {
  const all = decodeName(listing.subarray(from, to));
  if (all.length < to - from) return (start, end) => decodeName(listing.subarray(start, end));
  return (start, end) => all.slice(start - from, end - from);
}

/**
 * Digests of a whole listing: the first 16 bytes of SHA-256, as hexadecimal digits. They are text
 * because an array of bytes costs several microseconds on its way through threads and the database.
 */
export interface Fingerprints {
  /**
   * Of what two sides in sync have in common: equal fingerprints, equal content. Null where there
   * are special files, which are never copied, so that two sides in sync differ.
   */
  readonly content: string | null;
  /** Of all that is recorded; null where it was not asked for. */
  readonly complete: string | null;
}

/** Bytes of a fingerprint. */
export const FINGERPRINT = 16;

const DIGITS = 2 * FINGERPRINT;

/**
 * Fingerprints a packed listing that is complete, whatever order its directory had.
 *
 * @param options.complete Whether that of all that is recorded is wanted too. Default: true.
 */
export function fingerprint(
  listing: Uint8Array,
  { specials, complete = true }: { readonly specials: boolean; readonly complete?: boolean },
): Fingerprints {
  const view = new DataView(listing.buffer, listing.byteOffset, listing.byteLength);
  const own = ownIn(view);
  const common = createHash("sha256").update(listing.subarray(HEADER, own)).digest("hex");
  // what two sides have in common is read once only: the digest stands for it
  const all = () => createHash("sha256").update(common).update(listing.subarray(own)).digest("hex");
  return {
    content: specials ? null : common.slice(0, DIGITS),
    complete: complete ? all().slice(0, DIGITS) : null,
  };
}
