import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { LinkedSha256, OWN_DIGITS } from "../../src/lib/sha256/linked.ts";
import { ManySha256 } from "../../src/lib/sha256/many.ts";
import { numRuns } from "../testing/trees.ts";

const decoder = new TextDecoder(), encoder = new TextEncoder();

const many = ManySha256.ifPossible(64), linked = LinkedSha256.ifPossible(256);
/** Where the machine code cannot run, there is nothing to look at. */
const ignore = many === undefined || linked === undefined;

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Pseudo-random bytes. */
function bytesOf(count: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length: count }, () => (state = Math.imul(state, 48271)) >>> 16);
}

/** The messages of these sizes that lie in `data` one after the other. */
function split(data: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let at = 0;
  return sizes.map((size) => data.subarray(at, at += size));
}

function assertHashes(data: Uint8Array, sizes: readonly number[]): void {
  const expected = split(data, sizes).map(sha256);
  assert.equal(many!.hash(data, sizes), expected.join(""), `sizes ${sizes}`);
}

Deno.test({
  name: "a processor that tells of SHA extensions to Linux is used",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
  fn() {
    const flags = / sha_ni( |$)/m.test(Deno.readTextFileSync("/proc/cpuinfo"));
    assert.equal(many !== undefined, flags);
    assert.equal(linked !== undefined, flags);
  },
});

Deno.test({
  name: "ManySha256 tells what FIPS 180-4 has for its examples",
  ignore,
  fn() {
    const two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    assert.equal(
      many!.hash(encoder.encode(`abc${two}`), [3, two.length]),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" +
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
  },
});

Deno.test({
  name: "ManySha256 agrees with OpenSSL for each size up to five blocks, alone and beside others",
  ignore,
  fn() {
    const data = bytesOf(1000);
    for (let size = 0; size <= 320; size++) {
      assertHashes(data, [size]);
      for (const beside of [0, 55, 56, 64, 200]) {
        assertHashes(data, [size, beside]);
        assertHashes(data, [beside, size, beside]);
      }
    }
    assertHashes(data, []);
  },
});

Deno.test({
  name: "ManySha256 agrees with OpenSSL for any sizes",
  ignore,
  fn() {
    const data = bytesOf(256 * 1024);
    const size = fc.oneof(fc.nat({ max: 130 }), fc.nat({ max: 4096 }), fc.constant(4096));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 64 }), fc.nat({ max: 100 }), (sizes, from) => {
        assertHashes(data.subarray(from), sizes);
      }),
      numRuns(200),
    );
    assertHashes(data, [65_536, 1, 65_536, 4096]);
  },
});

Deno.test({
  name: "ManySha256 refuses what does not lie in its data, and goes on",
  ignore,
  fn() {
    const data = bytesOf(100);
    assert.throws(() => many!.hash(data, [50, 51]), /2 messages of 101 bytes in 100/);
    assert.throws(() => many!.hash(data, Array(65).fill(1)), /65 messages/);
    assertHashes(data, [50, 50]);
  },
});

/** Messages with room for the hash before and for a check behind, with what a link is told of each. */
function layOut(bodies: readonly { readonly ahead: number; readonly behind: number }[]) {
  const bytes = bytesOf(bodies.reduce((sum, { ahead, behind }) => sum + ahead + behind + 100, 0));
  let at = 0;
  const places = bodies.map(({ ahead, behind }) => {
    const from = at, before = from + ahead, to = before + 64 + behind, own = to + 5;
    at = own + OWN_DIGITS;
    return { from, to, before, own };
  });
  return { bytes, places };
}

Deno.test({
  name: "LinkedSha256 puts into each message the hash of the one before, for any sizes",
  ignore,
  fn() {
    const part = fc.nat({ max: 300 }), body = fc.record({ ahead: part, behind: part });
    fc.assert(
      fc.property(fc.array(body, { maxLength: 256 }), (bodies) => {
        const { bytes, places } = layOut(bodies), expected = bytes.slice();
        let head = sha256(encoder.encode("before"));
        places.forEach(({ from, to, before, own }, i) => {
          assert.equal(linked!.add(bytes, from, to, before, own), i + 1);
        });
        const last = linked!.link(head);
        for (const { from, to, before, own } of places) {
          expected.set(encoder.encode(head), before);
          head = sha256(expected.subarray(from, to));
          expected.set(encoder.encode(head.slice(0, OWN_DIGITS)), own);
        }
        assert.equal(last, head);
        assert.equal(decoder.decode(bytes), decoder.decode(expected));
        assert.deepEqual(bytes, expected);
      }),
      numRuns(200),
    );
  },
});

Deno.test({
  name: "LinkedSha256 hashes a message of each number of bytes in its last block",
  ignore,
  fn() {
    for (let behind = 0; behind < 130; behind++) {
      const { bytes, places: [{ from, to, before, own } = assert.fail()] } = layOut([
        { ahead: 1, behind },
      ]);
      linked!.add(bytes, from, to, before, own);
      const hash = linked!.link("0".repeat(64));
      assert.equal(hash, sha256(bytes.subarray(from, to)), `${to - from} bytes`);
      assert.equal(
        decoder.decode(bytes.subarray(own, own + OWN_DIGITS)),
        hash.slice(0, OWN_DIGITS),
      );
    }
  },
});

Deno.test({
  name: "LinkedSha256 refuses places outside of the message or of memory",
  ignore,
  fn() {
    const bytes = new Uint8Array(200);
    for (
      const [from, to, before, own] of [
        ...[[-1, 100, 0, 100], [0, 100, 37, 100], [50, 150, 49, 160], [0, 100, 0, 99]],
        ...[[0, 100, 0, 185], [0, 201, 0, 201]],
      ]
    ) assert.throws(() => linked!.add(bytes, from!, to!, before!, own!), RangeError);
    assert.equal(linked!.link("a".repeat(64)), "a".repeat(64));
  },
});
