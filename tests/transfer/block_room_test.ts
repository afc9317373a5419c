import assert from "node:assert/strict";
import { blockRoom } from "../../src/transfer/block_room.ts";

const MIB = 2 ** 20;
const options = { blockSize: null, queueCapacity: 20 };

Deno.test("blockRoom divides the slots among the threads, at least two each", () => {
  assert.deepEqual(blockRoom({}, options, { threads: 2 }), { slots: 10, blockSize: 5 * MIB });
  assert.deepEqual(blockRoom({}, { blockSize: MIB, queueCapacity: 3 }, { threads: 4 }), {
    slots: 2,
    blockSize: MIB,
  });
});

Deno.test("blockRoom takes the blocks that suit the destination, and holds no more than the line needs", () => {
  const nfs = { block: MIB }, smb = { block: 4 * MIB };
  assert.deepEqual(blockRoom(nfs, options, { threads: 1 }), { slots: 20, blockSize: MIB });
  assert.deepEqual(blockRoom(smb, options, { threads: 1 }), { slots: 10, blockSize: 4 * MIB });
  // a file alone still has enough
  assert.deepEqual(blockRoom(smb, options, { threads: 2 }), { slots: 7, blockSize: 4 * MIB });
});

Deno.test("blockRoom does what was asked for", () => {
  const asked = { blockSize: 16 * MIB, queueCapacity: 4 };
  assert.deepEqual(blockRoom({ block: MIB }, asked, { threads: 1 }), {
    slots: 4,
    blockSize: 16 * MIB,
  });
});
