/**
 * Listings: a directory's entries packed into bytes.
 *
 * A walker's thread packs what it listed once; the bytes travel to the database's thread without
 * being copied, and the destination's listing is kept in the database as it came. Little-endian,
 * directories first, each kind in the order of names:
 *
 * ```
 * header   directories u32, others u32, bytes of files f64, length of the common part u32
 * common   for each entry, what two sides in sync have in common:
 *          kind u8, name length u16, target length u16, size f64, mtime i64 (both 0 for a
 *          directory), name bytes, target bytes
 * own      for each entry: mtime i64, ctime i64, birthtime i64, device u64, inode u64, links u32,
 *          uid u32, gid u32, mode u16, has a birthtime u16
 * ```
 */
import { createHash } from "node:crypto";
import type { Entry, Kind } from "./entry.ts";
import { decodeName, encodeName } from "./name.ts";
import { recordedTime } from "./times.ts";

const HEADER = 20, COMMON = 21, OWN = 56;

/** The kinds in the order of their numbers in listings and in the database. */
export const KINDS: readonly Kind[] = ["file", "symlink", "special", "directory"];

/** What a listing keeps of an entry: all but the access time, which reading changes. */
export type ListedEntry = Omit<Entry, "atime">;

/** Packs entries. */
export function packListing(entries: readonly ListedEntry[]): Uint8Array {
  const sorted = [...entries].sort(inOrder);
  const names = sorted.map(({ name }) => encodeName(name));
  const targets = sorted.map(({ target }) => target === "" ? EMPTY : encodeName(target));
  let common = sorted.length * COMMON;
  for (let i = 0; i < names.length; i++) common += names[i]!.length + targets[i]!.length;
  const bytes = new Uint8Array(HEADER + common + sorted.length * OWN);
  const view = new DataView(bytes.buffer);
  let directories = 0, total = 0, at = HEADER, own = HEADER + common;
  for (let i = 0; i < sorted.length; i++) {
    const entry = sorted[i]!, name = names[i]!, target = targets[i]!;
    const isDirectory = entry.kind === "directory";
    if (isDirectory) directories += 1;
    else if (entry.kind === "file") total += entry.size;
    view.setUint8(at, KINDS.indexOf(entry.kind));
    view.setUint16(at + 1, name.length, true);
    view.setUint16(at + 3, target.length, true);
    if (!isDirectory) {
      view.setFloat64(at + 5, entry.size, true);
      view.setBigInt64(at + 13, recordedTime(entry.mtime), true);
    }
    bytes.set(name, at + COMMON);
    if (target.length > 0) bytes.set(target, at + COMMON + name.length);
    at += COMMON + name.length + target.length;
    view.setBigInt64(own, recordedTime(entry.mtime), true);
    view.setBigInt64(own + 8, recordedTime(entry.ctime), true);
    if (entry.birthtime !== null) view.setBigInt64(own + 16, recordedTime(entry.birthtime), true);
    view.setBigUint64(own + 24, entry.device, true);
    view.setBigUint64(own + 32, entry.inode, true);
    view.setUint32(own + 40, entry.links, true);
    view.setUint32(own + 44, entry.uid, true);
    view.setUint32(own + 48, entry.gid, true);
    view.setUint16(own + 52, entry.mode, true);
    view.setUint16(own + 54, entry.birthtime === null ? 0 : 1, true);
    own += OWN;
  }
  view.setUint32(0, directories, true);
  view.setUint32(4, sorted.length - directories, true);
  view.setFloat64(8, total, true);
  view.setUint32(16, common, true);
  return bytes;
}

const EMPTY = new Uint8Array(0);

function inOrder(a: ListedEntry, b: ListedEntry): number {
  const byKind = Number(b.kind === "directory") - Number(a.kind === "directory");
  return byKind !== 0 ? byKind : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

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
  let own = HEADER + view.getUint32(16, true) + directories * OWN;
  for (; own < listing.byteLength; own += OWN) {
    if (view.getUint32(own + 40, true) > 1) return true;
  }
  return false;
}

/** The entries of a packed listing, one by one; directories come first. */
export function* unpackListing(listing: Uint8Array): Generator<ListedEntry> {
  const view = new DataView(listing.buffer, listing.byteOffset, listing.byteLength);
  const { directories, files } = countListing(listing);
  let at = HEADER, own = HEADER + view.getUint32(16, true);
  for (let i = 0; i < directories + files; i++) {
    const name = view.getUint16(at + 1, true), target = view.getUint16(at + 3, true);
    const start = at + COMMON, middle = start + name;
    yield {
      name: decodeName(listing.subarray(start, middle)),
      kind: KINDS[view.getUint8(at)]!,
      size: view.getFloat64(at + 5, true),
      mtime: view.getBigInt64(own, true),
      ctime: view.getBigInt64(own + 8, true),
      birthtime: view.getUint16(own + 54, true) === 1 ? view.getBigInt64(own + 16, true) : null,
      mode: view.getUint16(own + 52, true),
      uid: view.getUint32(own + 44, true),
      gid: view.getUint32(own + 48, true),
      device: view.getBigUint64(own + 24, true),
      inode: view.getBigUint64(own + 32, true),
      links: view.getUint32(own + 40, true),
      target: target === 0 ? "" : decodeName(listing.subarray(middle, middle + target)),
    };
    at = middle + target;
    own += OWN;
  }
}

/** Digests of a whole listing: the first 16 bytes of SHA-256. */
export interface Fingerprints {
  /**
   * Of what two sides in sync have in common: equal fingerprints, equal content. Null where there
   * are special files, which are never copied, so that two sides in sync differ.
   */
  readonly content: Uint8Array | null;
  /** Of all that is recorded. */
  readonly complete: Uint8Array;
}

/** Fingerprints a packed listing that is complete, whatever order its directory had. */
export function fingerprint(
  listing: Uint8Array,
  { specials }: { specials: boolean },
): Fingerprints {
  const view = new DataView(listing.buffer, listing.byteOffset, listing.byteLength);
  const common = listing.subarray(HEADER, HEADER + view.getUint32(16, true));
  return { content: specials ? null : digest(common), complete: digest(listing) };
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest().subarray(0, 16);
}
