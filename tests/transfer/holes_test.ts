import assert from "node:assert/strict";
import fc from "fast-check";
import { memoryBackend } from "../../src/backend/memory.ts";
import { holeBlocks, stretches, writeStretches } from "../../src/transfer/holes.ts";
import { blockOf, carriedOf, jobOf } from "./parts.ts";

const K = 4096;
const bytes = (...pieces: [count: number, value: number][]) =>
  Uint8Array.from(pieces.flatMap(([count, value]) => Array(count).fill(value)));

Deno.test("stretches leaves out whole pieces of zeros and nothing else", () => {
  const table: [what: string, data: Uint8Array, offset: number, found: [number, number][]][] = [
    ["nothing", bytes(), 0, []],
    ["only zeros", bytes([3 * K, 0]), 0, []],
    ["only content", bytes([3 * K, 7]), 0, [[0, 3 * K]]],
    ["less than a piece of zeros", bytes([K - 1, 0], [1, 7]), 0, [[0, K]]],
    ["a piece between two", bytes([K, 7], [K, 0], [K, 7]), 0, [[0, K], [2 * K, 3 * K]]],
    ["zeros at the end", bytes([K, 7], [10, 0]), 0, [[0, K]]],
    ["a last byte", bytes([2 * K, 0], [9, 0], [1, 1]), 0, [[2 * K, 2 * K + 10]]],
    ["a block in the middle of a piece", bytes([K, 0], [1, 7]), K - 5, [[5, K + 1]]],
  ];
  for (const [what, data, offset, found] of table) {
    const got = [...stretches(data, offset)].map(({ start, end }) => [start, end]);
    assert.deepEqual(got, found, what);
  }
});

Deno.test("writeStretches and extend make the same content, whatever it is", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.tuple(fc.integer({ min: 1, max: 3 * K }), fc.constantFrom(0, 0, 1)), {
      maxLength: 6,
    }),
    fc.integer({ min: 1, max: 2 * K }),
    async (pieces, blockSize) => {
      const data = bytes(...pieces);
      const backend = memoryBackend();
      const writer = await backend.create("f");
      const signal = new AbortController().signal;
      const job = jobOf("", ["f"]);
      for (let offset = 0; offset < data.length; offset += blockSize) {
        const part = data.subarray(offset, offset + blockSize);
        const block = blockOf(carriedOf(job, "f"), "", { offset, data: part });
        await writeStretches(writer, block, { signal });
      }
      await writer.extend(data.length);
      await writer.finish({ mtime: 0n, atime: 0n });
      await writer.commit();
      assert.deepEqual(backend.tree().f!.content, data);
    },
  ));
});

Deno.test("holeBlocks covers a hole with zeros, without a gap", () => {
  const size = 5 * 2 ** 20 + 7;
  let at = 3;
  for (const { offset, data } of holeBlocks(3, size)) {
    assert.equal(offset, at);
    assert.ok(data.length > 0 && data.every((byte) => byte === 0));
    at += data.length;
  }
  assert.equal(at, size);
  assert.deepEqual([...holeBlocks(5, 5)], []);
});
