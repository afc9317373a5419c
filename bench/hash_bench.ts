/**
 * How fast the hash algorithms are on this machine, by the size of the blocks they are fed.
 *
 * Run it with `deno bench bench/hash_bench.ts`. The names tell the bytes of one iteration, so that
 * bytes / (time per iteration in nanoseconds) is GB/s on one thread; `deno run bench/hash_bench.ts`
 * prints that as a table.
 */

import { createHash } from "node:crypto";
import { ManySha256 } from "../src/lib/sha256/many.ts";

const ALGORITHMS = ["md5", "sha1", "sha256", "blake2b512"] as const;

/** 5 MiB is a block as sluice reads it; the smaller ones are what small files come as. */
const BLOCK_SIZES = [4 * 1024, 64 * 1024, 1024 * 1024, 5 * 1024 * 1024] as const;

/** How long the table measures each of its cells. */
const MEASURE_MS = 300;

/** A size as the names show it: `4 KiB`, `5 MiB`. */
function label(bytes: number): string {
  return bytes < 1024 * 1024 ? `${bytes / 1024} KiB` : `${bytes / 1024 / 1024} MiB`;
}

/** A block that does not compress and does not repeat, as the contents of files mostly do not. */
function randomBlock(bytes: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(bytes);
  // One call gives no more than 64 KiB.
  for (let offset = 0; offset < bytes; offset += 65_536) {
    crypto.getRandomValues(block.subarray(offset, offset + 65_536));
  }
  return block;
}

/** GB/s of one algorithm on one stream that is fed blocks of the same size. */
function throughput(algorithm: string, block: Uint8Array): number {
  const hash = createHash(algorithm);
  hash.update(block);
  const started = performance.now();
  let bytes = 0;
  let elapsed = 0;
  while (elapsed < MEASURE_MS) {
    // The clock is read once per 256 KiB at most, so that its cost does not show in small blocks.
    for (let fed = 0; fed < 262_144; fed += block.length) {
      hash.update(block);
      bytes += block.length;
    }
    elapsed = performance.now() - started;
  }
  hash.digest();
  return bytes / elapsed / 1e6;
}

/** Prints GB/s for every algorithm and block size. */
function printTable(): void {
  const cell = (text: string) => text.padStart(12);
  console.log("GB/s".padEnd(10) + ALGORITHMS.map(cell).join(""));
  for (const bytes of BLOCK_SIZES) {
    const block = randomBlock(bytes);
    const row = ALGORITHMS.map((algorithm) => cell(throughput(algorithm, block).toFixed(2)));
    console.log(label(bytes).padEnd(10) + row.join(""));
  }
}

for (const bytes of BLOCK_SIZES) {
  const block = randomBlock(bytes);
  for (const algorithm of ALGORITHMS) {
    const hash = createHash(algorithm);
    Deno.bench({
      name: `${algorithm} ${bytes} bytes`,
      group: label(bytes),
      baseline: algorithm === "sha256",
      // The hash of a file is one long stream, so a block costs an update and no new hash.
      fn: () => void hash.update(block),
    });
  }
}

/** Small files as a lane has them: as many at a time as travel together. */
const SMALL_FILES = 64, SMALL_FILE = 4096;
const group = `${SMALL_FILES} files of ${label(SMALL_FILE)}`;
const small = randomBlock(SMALL_FILES * SMALL_FILE);

Deno.bench({
  name: `sha256 by OpenSSL, ${small.length} bytes`,
  group,
  baseline: true,
  fn() {
    for (let at = 0; at < small.length; at += SMALL_FILE) {
      createHash("sha256").update(small.subarray(at, at + SMALL_FILE)).digest("hex");
    }
  },
});

const many = ManySha256.ifPossible(SMALL_FILES);
if (many !== undefined) {
  const sizes = Array<number>(SMALL_FILES).fill(SMALL_FILE);
  Deno.bench({
    name: `sha256 of two at a time, ${small.length} bytes`,
    group,
    fn: () => void many.hash(small, sizes),
  });
}

if (import.meta.main) printTable();
