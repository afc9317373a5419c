import assert from "node:assert/strict";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { FakeClock } from "../testing/fake_clock.ts";

const MiB = 2 ** 20;

interface Grant {
  readonly at: number;
  readonly bytes: number;
}

function bucketAt(rate: number | null, clock: FakeClock, memory = bucketMemory()): TokenBucket {
  const bucket = new TokenBucket(memory, clock);
  bucket.rate = rate;
  return bucket;
}

/** A lane that asks for pieces until the clock reaches `until`. */
async function lane(
  bucket: TokenBucket,
  clock: FakeClock,
  until: number,
  size: () => number,
  grants: Grant[],
): Promise<void> {
  while (clock.now() < until) {
    const bytes = size();
    await bucket.take(bytes);
    grants.push({ at: clock.now(), bytes });
  }
}

function total(grants: readonly Grant[], from = -Infinity, to = Infinity): number {
  return grants.reduce((sum, { at, bytes }) => sum + (at >= from && at < to ? bytes : 0), 0);
}

/** The most bytes in any `span` milliseconds. */
function worst(grants: readonly Grant[], span: number): number {
  let most = 0, sum = 0, first = 0;
  for (const { at, bytes } of grants) {
    sum += bytes;
    while (grants[first]!.at <= at - span) sum -= grants[first++]!.bytes;
    most = Math.max(most, sum);
  }
  return most;
}

for (
  const [what, lanes, size] of [
    ["one huge file", 1, (bucket: TokenBucket) => () => bucket.slice(5 * MiB)],
    ["sixteen huge files", 16, (bucket: TokenBucket) => () => bucket.slice(5 * MiB)],
    ["many tiny files", 16, () => () => 100],
    ["files of all sizes", 16, (bucket: TokenBucket) => {
      let n = 0;
      return () => Math.min(bucket.slice(5 * MiB), (n = (n * 48271 + 11) % 2147483647) % MiB + 1);
    }],
  ] as const
) {
  Deno.test(`TokenBucket holds its rate over a minute and in every second for ${what}`, async () => {
    const clock = new FakeClock(12_345);
    // slower where the pieces are tiny: each is an event of the test
    const rate = what === "many tiny files" ? 64 * 1024 : 10 * MiB;
    const memory = bucketMemory();
    const grants: Grant[] = [];
    const end = clock.now() + 60_000;
    const running = Array.from({ length: lanes }, () => {
      // each lane with a bucket of its own on the same memory, as in another thread
      const bucket = bucketAt(rate, clock, memory);
      return lane(bucket, clock, end, size(bucket), grants);
    });
    for (let second = 0; second < 61; second++) await clock.advance(1000);
    await Promise.all(running);
    const sent = total(grants, -Infinity, end);
    assert.ok(Math.abs(sent / (60 * rate) - 1) < 0.02, `${sent / 60 / rate} of the rate`);
    assert.ok(worst(grants, 1000) < 1.1 * rate, `${worst(grants, 1000) / rate} in a second`);
  });
}

Deno.test("TokenBucket makes up for little of what was not used", async () => {
  const clock = new FakeClock();
  const bucket = bucketAt(10 * MiB, clock);
  await bucket.take(1000);
  await clock.advance(60_000);
  const grants: Grant[] = [];
  const running = lane(bucket, clock, 62_000, () => bucket.slice(MiB), grants);
  await clock.advance(3000);
  await running;
  assert.ok(total(grants, 60_000, 61_000) < 1.1 * 10 * MiB);
});

Deno.test("TokenBucket lets everything go at once when there is no limit", async () => {
  const bucket = bucketAt(null, new FakeClock());
  assert.equal(bucket.rate, null);
  assert.equal(bucket.slice(5 * MiB), 5 * MiB);
  for (let i = 0; i < 1000; i++) await bucket.take(5 * MiB);
});

Deno.test("TokenBucket asks for nothing when there are no bytes", async () => {
  const bucket = bucketAt(1, new FakeClock());
  for (let i = 0; i < 1000; i++) await bucket.take(0);
});

Deno.test("TokenBucket follows a rate that another thread changes", async () => {
  const clock = new FakeClock();
  const memory = bucketMemory();
  const bucket = bucketAt(MiB, clock, memory);
  const grants: Grant[] = [];
  const running = lane(bucket, clock, 20_000, () => bucket.slice(MiB), grants);
  await clock.advance(10_000);
  bucketAt(4 * MiB, clock, memory);
  await clock.advance(11_000);
  await running;
  const before = total(grants, 0, 10_000), after = total(grants, 10_000, 20_000);
  assert.ok(Math.abs(before / (10 * MiB) - 1) < 0.02, `${before}`);
  assert.ok(Math.abs(after / (40 * MiB) - 1) < 0.02, `${after}`);
});

Deno.test("TokenBucket rejects with the signal's reason when it waits and is aborted", async () => {
  const clock = new FakeClock();
  const bucket = bucketAt(1000, clock);
  const stop = new AbortController();
  await bucket.take(100);
  const waits = bucket.take(100_000, { signal: stop.signal }) ?? Promise.resolve();
  const next = bucket.take(100, { signal: stop.signal })!;
  const reason = new Error("enough");
  stop.abort(reason);
  await assert.rejects(next, reason);
  await waits.catch((error) => assert.equal(error, reason));
  assert.equal(clock.waiting, 0);
});

Deno.test("TokenBucket.slice is 20 ms of the rate, and no less than 4 KiB", () => {
  const clock = new FakeClock();
  assert.equal(bucketAt(50 * MiB, clock).slice(5 * MiB), MiB);
  assert.equal(bucketAt(40 * MiB, clock).slice(1000), 1000);
  assert.equal(bucketAt(1000, clock).slice(5 * MiB), 4096);
});

Deno.test("TokenBucket lets those who wait for a low rate go on when it is raised", async () => {
  const clock = new FakeClock();
  const memory = bucketMemory();
  const owner = bucketAt(1024, clock, memory), other = new TokenBucket(memory, clock);
  // an hour's worth
  await other.take(3600 * 1024);
  let granted = 0;
  const waiting = [1, 2, 3].map(() => other.take(4096)!.then(() => granted += 1));
  await clock.advance(10_000);
  assert.equal(granted, 0);
  owner.rate = 50 * MiB;
  await clock.advance(1000);
  assert.equal(granted, 3);
  await Promise.all(waiting);
  owner.rate = null;
  assert.equal(other.take(2 ** 40), undefined);
  assert.equal(clock.waiting, 0);
});

Deno.test("TokenBucket holds a new rate, higher or lower, from its next second on", async () => {
  const clock = new FakeClock(500);
  const bucket = bucketAt(10 * MiB, clock);
  const grants: Grant[] = [];
  const lanes = Array.from(
    { length: 16 },
    () => lane(bucket, clock, 40_000, () => bucket.slice(5 * MiB), grants),
  );
  for (const rate of [10, 2, 30, 1]) {
    bucket.rate = rate * MiB;
    const from = clock.now() + 1000;
    await clock.advance(10_000);
    const mean = total(grants, from, clock.now()) / 9 / MiB;
    assert.ok(Math.abs(mean / rate - 1) < 0.05, `${mean} instead of ${rate}`);
  }
  await Promise.all(lanes);
});

Deno.test("TokenBucket does not let everybody go at once who has become due during a stall", async () => {
  const clock = new FakeClock();
  const bucket = bucketAt(1000, clock);
  const gone: number[] = [];
  const all = Array.from({ length: 10 }, async () => {
    await bucket.take(100);
    gone.push(clock.now());
  });
  // the machine stands still for two seconds: its clock goes on, its timers do not
  clock.jump(2000);
  await clock.advance(3000);
  await Promise.all(all);
  const burst = gone.filter((at) => at > 0 && at <= 2100).length;
  assert.ok(burst <= 3, `${burst} within 100 ms`);
  assert.ok(gone.at(-1)! >= 2600, String(gone));
});
