/**
 * What the limit costs each batch of blocks where it holds nothing back.
 *
 * Run it with `deno bench -A bench/throttle_bench.ts`. An iteration lets 10,000 batches of 1 MiB
 * pass. Whether a limit holds is not a matter of speed: tests show that on a clock of their own, and
 * `scripts/measure_limit.ts` and `scripts/compare_lab.ts` on a disk and on the wire.
 */
import type { Item } from "../src/block.ts";
import { systemClock } from "../src/lib/clock.ts";
import { bucketMemory, TokenBucket } from "../src/lib/token_bucket.ts";
import { Parcel } from "../src/parcel.ts";
import { throttle } from "../src/transfer/throttle.ts";

const BATCHES = 10_000, BYTES = 1_048_576;

const parcel = new Parcel(
  { directory: 1, path: "", missing: [], files: [], listed: null, last: true, whole: null },
  [{
    name: "file",
    kind: "file",
    size: BYTES,
    reason: "not at the destination",
    scanned: { mtime: 0, mtimeNanos: 0, ctime: 0, ctimeNanos: 0 },
  }],
  { data: new Uint8Array(0), release: () => {}, began: 0 },
);

async function* batches(): AsyncGenerator<Item[]> {
  for (let i = 0; i < BATCHES; i++) yield [parcel];
}

async function count(passed: AsyncIterable<Item[]>): Promise<void> {
  let arrived = 0;
  for await (const _ of passed) arrived += 1;
  if (arrived !== BATCHES) throw new Error(`${arrived} batches of ${BATCHES} arrived`);
}

Deno.bench(`${BATCHES} batches, no throttle`, { group: "throttle", baseline: true }, async () => {
  await count(batches());
});

// the second is more than any memory moves: the bucket counts, and nobody waits
for (const [name, rate] of [["no limit", null], ["a limit of 1 PB/s", 1e15]] as const) {
  Deno.bench(`${BATCHES} batches, ${name}`, { group: "throttle" }, async () => {
    const bucket = new TokenBucket(bucketMemory(), systemClock());
    bucket.rate = rate;
    await count(throttle(batches(), bucket));
  });
}
