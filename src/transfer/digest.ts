/** Digest: hashes the bytes of each file as its blocks pass, and puts the hash on the last one. */
import { createHash, type Hash } from "node:crypto";
import type { Item } from "../block.ts";
import type { Algorithm } from "../options.ts";
import { ManySha256 } from "../lib/sha256/many.ts";
import { type Parcel, PARCEL_FILES, PROGRESS } from "../parcel.ts";

/** The names that OpenSSL, behind node:crypto, has for our algorithms. */
const OPENSSL: Readonly<Record<Algorithm, string>> = {
  md5: "md5",
  sha1: "sha1",
  sha256: "sha256",
  blake2b: "blake2b512",
};

/** Hexadecimal digits of a SHA-256. */
const DIGITS = 64;

/** Files from which on it is worth to hash two at a time: one takes 7 µs so, and 4 by OpenSSL. */
const MANY = 3;

let manyOfThread: ManySha256 | null | undefined;

/** Made once for this thread; null where it is not possible. */
function ofThread(): ManySha256 | null {
  if (manyOfThread === undefined) manyOfThread = ManySha256.ifPossible(PARCEL_FILES) ?? null;
  return manyOfThread;
}

/** A running hash of the algorithm. */
export function newHash(algorithm: Algorithm): Hash {
  return createHash(OPENSSL[algorithm]);
}

/** A stream that hashes file after file; a lane's files come one after the other. */
export function digest(algorithm: Algorithm): TransformStream<Item[], Item[]> {
  let hash: Hash | null = null;
  return new TransformStream({
    transform(batch, controller) {
      for (const item of batch) {
        if (item.type === "parcel") hashParcel(item, algorithm);
        if (item.type !== "block" || item.carried.failed !== null) continue;
        if (item.offset === 0 || hash === null) hash = newHash(algorithm);
        if (item.data.length > 0) hash.update(item.data);
        if (item.last) item.hash = hash.digest("hex");
      }
      controller.enqueue(batch);
    },
  });
}

function hashParcel({ files, data, progress, hashes }: Parcel, algorithm: Algorithm): void {
  const many = algorithm === "sha256" && files.length >= MANY ? ofThread() : null;
  if (many !== null && progress.every((how) => how === PROGRESS.read)) {
    const all = many.hash(data, files.map(({ size }) => size));
    for (let at = 0; at < all.length; at += DIGITS) hashes.push(all.slice(at, at + DIGITS));
    return;
  }
  let at = 0;
  for (let i = 0; i < files.length; i++) {
    const end = at + files[i]!.size;
    hashes.push(
      progress[i] === PROGRESS.read
        ? newHash(algorithm).update(data.subarray(at, end)).digest("hex")
        : "",
    );
    at = end;
  }
}
