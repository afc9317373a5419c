import assert from "node:assert/strict";
import type { FileReader } from "../../src/backend/backend.ts";
import { bucketMemory, TokenBucket } from "../../src/lib/token_bucket.ts";
import { Gate, gateMemory } from "../../src/lib/gate.ts";
import { Buffers } from "../../src/transfer/buffers.ts";
import { ReadAhead } from "../../src/transfer/read_ahead.ts";
import { FakeClock } from "../testing/fake_clock.ts";

const BLOCK = 100_000;

/** A file whose reads answer when they are told to. */
function slowFile(size: number) {
  const asked: { position: number; length: number; answer: (read: number) => void }[] = [];
  const reader = {
    entry: { size },
    read: (into: Uint8Array, position: number) =>
      new Promise<number>((answer) => asked.push({ position, length: into.length, answer })),
  } as unknown as FileReader;
  return { reader, asked };
}

function options({ slots = 8, clock = new FakeClock(), rate = null as number | null } = {}) {
  const bucket = new TokenBucket(bucketMemory(), clock);
  bucket.rate = rate;
  const buffers = new Buffers({ slots, blockSize: BLOCK });
  const signal = new AbortController().signal;
  return { bucket, buffers, blockSize: BLOCK, gate: new Gate(gateMemory(), clock), signal };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("ReadAhead comes to as many reads under way as it is deep, and hands them out in order", async () => {
  const { reader, asked } = slowFile(6 * BLOCK + 1);
  let depth = 3;
  await using ahead = new ReadAhead(reader, () => depth, options());
  const blocksAsked = () => asked.map(({ position }) => position / BLOCK);
  const first = ahead.next(0);
  await turn();
  // the first has the line for itself
  assert.deepEqual(blocksAsked(), [0]);
  asked[0]!.answer(BLOCK);
  const { loan, read } = await first;
  assert.deepEqual([loan.data.length, read], [BLOCK, BLOCK]);
  loan.release();
  const second = ahead.next(BLOCK);
  await turn();
  assert.deepEqual(blocksAsked(), [0, 1, 2]);
  asked[2]!.answer(BLOCK);
  asked[1]!.answer(BLOCK);
  (await second).loan.release();
  const third = ahead.next(2 * BLOCK);
  (await third).loan.release();
  await turn();
  assert.deepEqual(blocksAsked(), [0, 1, 2, 3, 4]);
  // others have begun meanwhile
  depth = 1;
  for (let i = 3; i <= 6; i++) {
    const next = ahead.next(i * BLOCK);
    await turn();
    for (const { length, answer } of asked) answer(length);
    const { loan } = await next;
    assert.equal(loan.data.length, i === 6 ? 1 : BLOCK);
    loan.release();
  }
  assert.deepEqual(blocksAsked(), [0, 1, 2, 3, 4, 5, 6]);
});

Deno.test("ReadAhead with a depth of one reads where it is told to, and an empty file not at all", async () => {
  const { reader, asked } = slowFile(4 * BLOCK);
  await using ahead = new ReadAhead(reader, () => 1, options());
  for (const offset of [0, 3 * BLOCK]) {
    const next = ahead.next(offset);
    await turn();
    assert.equal(asked.at(-1)!.position, offset);
    asked.at(-1)!.answer(BLOCK);
    (await next).loan.release();
  }
  const empty = slowFile(0);
  await using nothing = new ReadAhead(empty.reader, () => 3, options());
  assert.equal((await nothing.next(0)).read, 0);
  assert.deepEqual(empty.asked, []);
});

Deno.test("ReadAhead goes no faster than the limit", async () => {
  const clock = new FakeClock();
  const { reader, asked } = slowFile(10 * BLOCK);
  const limited = options({ clock, rate: BLOCK });
  await using ahead = new ReadAhead(reader, () => 3, limited);
  const first = ahead.next(0);
  await turn();
  const soon = asked.reduce((sum, { length }) => sum + length, 0);
  assert.ok(soon <= BLOCK / 10, `${soon} bytes at once`);
  await clock.advance(1000);
  for (const { length, answer } of asked) answer(length);
  (await first).loan.release();
  await clock.advance(1000);
  for (const { length, answer } of asked) answer(length);
});

Deno.test("ReadAhead gives back every buffer when it is disposed of with reads under way", async () => {
  const { reader, asked } = slowFile(9 * BLOCK);
  const parts = options({ slots: 3 });
  {
    const ahead = new ReadAhead(reader, () => 3, parts);
    const first = ahead.next(0);
    await turn();
    const disposing = (async () => {
      for (const { answer } of asked) answer(BLOCK);
      (await first).loan.release();
      await ahead[Symbol.asyncDispose]();
    })();
    await disposing;
  }
  const loans = await Promise.all([1, 2, 3].map(() => parts.buffers.borrow(BLOCK)));
  assert.equal(loans.length, 3);
});
