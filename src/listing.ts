/**
 * Listings: a directory's entries packed into bytes.
 *
 * A walker's thread packs what it listed once; the bytes travel to the database's thread without
 * being copied, and the destination's listing is kept in the database as it came. Little-endian,
 * entry after entry:
 *
 * ```
 *  0 kind u8        1 has birthtime u8   2 name length u16   4 target length u16   6 mode u16
 *  8 uid u32       12 gid u32           16 size f64         24 mtime i64          32 ctime i64
 * 40 atime i64     48 birthtime i64     56 device u64       64 inode u64          72 links u32
 * 76 name bytes, target bytes
 * ```
 */
import { createHash } from "node:crypto";
import type { Entry, Kind } from "./entry.ts";
import { decodeName, encodeName } from "./name.ts";

const HEADER = 76;

/** The kinds in the order of their numbers in listings and in the database. */
export const KINDS: readonly Kind[] = ["file", "symlink", "special", "directory"];

/** Packs entries. */
export function packListing(entries: readonly Entry[]): Uint8Array {
  const names = entries.map((entry) => encodeName(entry.name));
  const targets = entries.map((entry) => entry.target === "" ? EMPTY : encodeName(entry.target));
  let length = entries.length * HEADER;
  for (let i = 0; i < names.length; i++) length += names[i]!.length + targets[i]!.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  entries.forEach((entry, i) => {
    const name = names[i]!, target = targets[i]!;
    view.setUint8(at, KINDS.indexOf(entry.kind));
    view.setUint8(at + 1, entry.birthtime === null ? 0 : 1);
    view.setUint16(at + 2, name.length, true);
    view.setUint16(at + 4, target.length, true);
    view.setUint16(at + 6, entry.mode, true);
    view.setUint32(at + 8, entry.uid, true);
    view.setUint32(at + 12, entry.gid, true);
    view.setFloat64(at + 16, entry.size, true);
    view.setBigInt64(at + 24, entry.mtime, true);
    view.setBigInt64(at + 32, entry.ctime, true);
    view.setBigInt64(at + 40, entry.atime, true);
    view.setBigInt64(at + 48, entry.birthtime ?? 0n, true);
    view.setBigUint64(at + 56, entry.device, true);
    view.setBigUint64(at + 64, entry.inode, true);
    view.setUint32(at + 72, entry.links, true);
    bytes.set(name, at + HEADER);
    bytes.set(target, at + HEADER + name.length);
    at += HEADER + name.length + target.length;
  });
  return bytes;
}

const EMPTY = new Uint8Array(0);

/** The entries of a packed listing, one by one. */
export function* unpackListing(bytes: Uint8Array): Generator<Entry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const name = view.getUint16(at + 2, true), target = view.getUint16(at + 4, true);
    const start = at + HEADER;
    yield {
      name: decodeName(bytes.subarray(start, start + name)),
      kind: KINDS[view.getUint8(at)]!,
      size: view.getFloat64(at + 16, true),
      mtime: view.getBigInt64(at + 24, true),
      ctime: view.getBigInt64(at + 32, true),
      atime: view.getBigInt64(at + 40, true),
      birthtime: view.getUint8(at + 1) === 1 ? view.getBigInt64(at + 48, true) : null,
      mode: view.getUint16(at + 6, true),
      uid: view.getUint32(at + 8, true),
      gid: view.getUint32(at + 12, true),
      device: view.getBigUint64(at + 56, true),
      inode: view.getBigUint64(at + 64, true),
      links: view.getUint32(at + 72, true),
      target: target === 0 ? "" : decodeName(bytes.subarray(start + name, start + name + target)),
    };
    at = start + name + target;
  }
}

/** Digests of a whole listing; equal digests mean equal listings. */
export interface Fingerprints {
  /** What two sides in sync have in common: names, kinds, and of files and links size and times. */
  readonly content: Uint8Array;
  /** All that is recorded of the entries but access times. */
  readonly complete: Uint8Array;
}

/**
 * Fingerprints a complete listing, whatever the order of its entries: the first 16 bytes of
 * SHA-256. Special files are never copied, so they are no part of what two sides have in common;
 * a special file at the destination must still be seen, so there `special` is true.
 */
export function fingerprint(entries: readonly Entry[], { special }: { special: boolean }) {
  const sorted = [...entries].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const content = createHash("sha256"), complete = createHash("sha256");
  let common = "", own = "";
  for (const entry of sorted) {
    const { name, kind, size, mtime, target } = entry;
    // JSON keeps lone surrogates apart, where UTF-8 would merge them
    const key = name.isWellFormed() ? name : JSON.stringify(name);
    const line = kind === "directory"
      ? `${key}\0d\n`
      : `${key}\0${kind}\0${size}\0${mtime}\0${JSON.stringify(target)}\n`;
    if (special || kind !== "special") common += line;
    own += `${line}${entry.ctime}\0${entry.mtime}\0${entry.birthtime}\0${entry.mode}\0` +
      `${entry.uid}\0${entry.gid}\0${entry.device}\0${entry.inode}\0${entry.links}\n`;
  }
  return {
    content: content.update(common).digest().subarray(0, 16),
    complete: complete.update(own).digest().subarray(0, 16),
  } satisfies Fingerprints;
}
