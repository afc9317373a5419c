import assert from "node:assert/strict";
import type { Block, Item } from "../../src/block.ts";
import { SyncError } from "../../src/errors.ts";
import { ALGORITHMS } from "../../src/options.ts";
import { digest } from "../../src/transfer/digest.ts";
import { blockOf, carriedOf, jobOf } from "./parts.ts";

/** Of "abc", as RFC 1321, FIPS 180 and RFC 7693 have them. */
const ABC = {
  md5: "900150983cd24fb0d6963f7d28e17f72",
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  blake2b: "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1" +
    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
};

const job = jobOf("", ["a", "b", "c"]);

async function hashed(algorithm: (typeof ALGORITHMS)[number], batches: Item[][]) {
  const stream = ReadableStream.from(batches).pipeThrough(digest(algorithm));
  return (await Array.fromAsync(stream)).flat();
}

for (const algorithm of ALGORITHMS) {
  Deno.test(`digest puts the ${algorithm} of the whole file on its last block`, async () => {
    const carried = carriedOf(job, "a");
    const items = await hashed(algorithm, [
      [blockOf(carried, "a", { last: false })],
      [blockOf(carried, "b", { offset: 1, last: false }), blockOf(carried, "c", { offset: 2 })],
    ]) as Block[];
    assert.deepEqual(items.map(({ hash }) => hash), [null, null, ABC[algorithm]]);
  });
}

Deno.test("digest begins anew with each file, also after one that failed half-way", async () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => carriedOf(job, name));
  const failing = blockOf(b!, "", { last: true });
  b!.failed = { side: "source", error: new SyncError("EIO", "broken") };
  const items = await hashed("sha256", [
    [blockOf(a!, "abc")],
    [blockOf(b!, "half", { last: false }), failing],
    [{ type: "begin", job }, blockOf(c!, "abc")],
  ]);
  const hashes = items.flatMap((item) => item.type === "block" ? [item.hash] : []);
  assert.deepEqual(hashes, [ABC.sha256, null, null, ABC.sha256]);
  assert.equal(items.length, 5);
});

Deno.test("digest gives an empty file the hash of nothing", async () => {
  const [block] = await hashed("md5", [[blockOf(carriedOf(job, "a"), "")]]) as Block[];
  assert.equal(block!.hash, "d41d8cd98f00b204e9800998ecf8427e");
});
