import assert from "node:assert/strict";
import { PARCEL_BYTES, SMALL } from "../../src/parcel.ts";
import { Buffers } from "../../src/transfer/buffers.ts";
import { turns } from "../testing/faulty_backend.ts";

const BLOCK = 4 * SMALL;

Deno.test("Buffers lend exactly the size that was asked for", async () => {
  const buffers = new Buffers({ slots: 3, blockSize: BLOCK });
  for (const size of [0, 1, SMALL, SMALL + 1, BLOCK]) {
    const loan = await buffers.borrow(size);
    assert.equal(loan.data.length, size);
    loan.release();
  }
});

Deno.test("Buffers use memory again", async () => {
  const buffers = new Buffers({ slots: 3, blockSize: BLOCK });
  const memories = new Set<ArrayBufferLike>();
  for (let i = 0; i < 20; i++) {
    const [small, large] = [await buffers.borrow(10), await buffers.borrow(BLOCK)];
    memories.add(small.data.buffer).add(large.data.buffer);
    small.release();
    large.release();
  }
  assert.equal(memories.size, 2);
});

Deno.test("Buffers have room for a parcel of any size, no more than it needs", () => {
  const buffers = new Buffers({ slots: 1, blockSize: BLOCK });
  const rooms = [0, 1, 4096, 4097, SMALL, SMALL + 1, PARCEL_BYTES].map((size) => {
    const { data, release } = buffers.borrowParcel(size);
    assert.ok(data.length >= size, `${data.length} bytes for ${size}`);
    release();
    return data.length;
  });
  assert.deepEqual(rooms, [4096, 4096, 4096, SMALL, SMALL, PARCEL_BYTES, PARCEL_BYTES]);
});

Deno.test("Buffers never lend the same memory twice at a time", async () => {
  const buffers = new Buffers({ slots: 3, blockSize: BLOCK });
  const loans = [];
  for (const size of [1, 1, 1, BLOCK, BLOCK, BLOCK]) loans.push(await buffers.borrow(size));
  assert.equal(new Set(loans.map(({ data }) => data.buffer)).size, 6);
  // a second release of the same loan is none
  loans[0]!.release();
  loans[0]!.release();
  const [a, b] = [await buffers.borrow(1), await buffers.borrow(1)];
  assert.notEqual(a.data.buffer, b.data.buffer);
});

Deno.test("Buffers make whoever wants more large ones than there are wait in turn", async () => {
  const buffers = new Buffers({ slots: 2, blockSize: BLOCK });
  const [a, b] = [await buffers.borrow(BLOCK), await buffers.borrow(BLOCK)];
  const got: string[] = [];
  const waits = ["c", "d"].map(async (name) => {
    const loan = await buffers.borrow(SMALL + 1);
    got.push(name);
    return loan;
  });
  await turns();
  assert.deepEqual(got, []);
  // small ones are never waited for
  (await buffers.borrow(SMALL)).release();
  b.release();
  await turns();
  assert.deepEqual(got, ["c"]);
  a.release();
  await Promise.all(waits);
  assert.deepEqual(got, ["c", "d"]);
});

Deno.test("Buffers reject whoever waits when its signal aborts, and lose no memory", async () => {
  const buffers = new Buffers({ slots: 1, blockSize: BLOCK });
  const loan = await buffers.borrow(BLOCK);
  const stop = new AbortController();
  const reason = new Error("enough");
  const waits = buffers.borrow(BLOCK, { signal: stop.signal });
  const other = buffers.borrow(BLOCK);
  stop.abort(reason);
  await assert.rejects(waits, reason);
  await assert.rejects(buffers.borrow(BLOCK, { signal: stop.signal }), reason);
  loan.release();
  (await other).release();
  (await buffers.borrow(BLOCK)).release();
});
