import assert from "node:assert/strict";
import fc from "fast-check";
import {
  countListing,
  fingerprint,
  KINDS,
  type ListedEntry,
  unpackListing,
} from "../src/listing.ts";
import { ListingPacker } from "../src/listing_packer.ts";
import { decodeName } from "../src/name.ts";
import { EARLIEST_RECORDED, LATEST_RECORDED } from "../src/times.ts";

const time = fc.bigInt({ min: EARLIEST_RECORDED, max: LATEST_RECORDED });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const uint32 = fc.nat(2 ** 32 - 1);
const name = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 255 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 })
    .map((text) => new TextEncoder().encode(text)),
).map((bytes) => decodeName(bytes.map((byte) => byte === 0 || byte === 0x2f ? 0x61 : byte)));

const entry: fc.Arbitrary<ListedEntry> = fc.record({
  name,
  kind: fc.constantFrom(...KINDS),
  size: fc.maxSafeNat().map((n) => n % 2 ** 45),
  mtime: time,
  ctime: time,
  birthtime: fc.option(time),
  mode: fc.nat(0o7777),
  uid: uint32,
  gid: uint32,
  device: uint64,
  inode: uint64,
  links: uint32,
  target: name,
}).map((entry) => ({ ...entry, target: entry.kind === "symlink" ? entry.target : "" }));

const entries = fc.uniqueArray(entry, { selector: ({ name }) => name, maxLength: 20 });

function pack(entries: Iterable<ListedEntry>): Uint8Array {
  const packer = new ListingPacker();
  for (const entry of entries) packer.add(entry);
  return packer.take().data;
}

Deno.test("ListingPacker and unpackListing go there and back for any entries", () => {
  fc.assert(fc.property(entries, fc.nat(9), (entries, offset) => {
    const packed = pack(entries);
    const expected = entries.map((one) => one.kind === "directory" ? { ...one, size: 0 } : one);
    assertSame(unpackListing(packed), expected);
    // also from the middle of a larger buffer
    const larger = new Uint8Array(packed.length + offset);
    larger.set(packed, offset);
    assertSame(unpackListing(larger.subarray(offset)), expected);
  }));
});

Deno.test("ListingPacker gives parts as if each were a listing, and then the whole", () => {
  fc.assert(fc.property(fc.tuple(entries, entries, entries), (parts) => {
    const all = parts.flat();
    fc.pre(new Set(all.map(({ name }) => name)).size === all.length);
    const packer = new ListingPacker();
    for (const part of parts) {
      for (const one of part) packer.add(one);
      assert.equal(packer.added, part.length);
      assert.deepEqual(packer.part().data, pack(part));
    }
    assert.equal(packer.length, all.length);
    assert.deepEqual(packer.take().data, pack(all));
    assert.equal(packer.length + packer.added, 0);
  }));
});

Deno.test("ListingPacker gives the rest, and begins anew", () => {
  fc.assert(fc.property(entries, entries, (first, second) => {
    const packer = new ListingPacker();
    for (const one of first) packer.add(one);
    packer.part();
    for (const one of second) packer.add(one);
    assert.deepEqual(packer.rest().data, pack(second));
    for (const one of first) packer.add(one);
    assert.deepEqual(packer.take().data, pack(first));
  }));
});

Deno.test("ListingPacker keeps the last of several entries with one name, and of a kind", () => {
  fc.assert(fc.property(entries, fc.array(fc.nat(19)), (entries, again) => {
    const repeated = again.filter((index) => index < entries.length)
      .map((index) => ({ ...entries[index]!, mode: 0o100, ctime: 1n }));
    const last = new Map([...entries, ...repeated].map((one) => [one.name, one]));
    assert.deepEqual(pack([...entries, ...repeated]), pack(last.values()));
  }));
});

/** The same entries in any order, but directories come first. */
function assertSame(found: Iterable<ListedEntry>, expected: readonly ListedEntry[]): void {
  const byName = (a: ListedEntry, b: ListedEntry) => a.name < b.name ? -1 : 1;
  const all = [...found];
  assert.deepEqual(all.toSorted(byName), expected.toSorted(byName));
  const isDirectory = all.map(({ kind }) => kind === "directory");
  assert.deepEqual(isDirectory, isDirectory.toSorted((a, b) => Number(b) - Number(a)));
}

Deno.test("countListing counts without unpacking", () => {
  fc.assert(fc.property(entries, (entries) => {
    const directories = entries.filter(({ kind }) => kind === "directory").length;
    const bytes = entries.reduce((sum, { kind, size }) => sum + (kind === "file" ? size : 0), 0);
    const counts = countListing(pack(entries));
    assert.deepEqual(counts, { directories, files: entries.length - directories, bytes });
  }));
});

const plain: ListedEntry = {
  name: "a",
  kind: "file",
  size: 1,
  mtime: 2n,
  ctime: 3n,
  birthtime: 5n,
  mode: 6,
  uid: 7,
  gid: 8,
  device: 9n,
  inode: 10n,
  links: 11,
  target: "",
};

/** Whether content and complete fingerprints of two listings are equal. */
function same(a: ListedEntry[], b: ListedEntry[]): { content: boolean; complete: boolean } {
  const [one, two] = [a, b].map((list) => fingerprint(pack(list), { specials: false }));
  return {
    content: String(one!.content) === String(two!.content),
    complete: String(one!.complete) === String(two!.complete),
  };
}

Deno.test("fingerprint does not depend on the order of the entries", () => {
  fc.assert(fc.property(entries, (entries) => {
    assert.deepEqual(same(entries, entries.toReversed()), { content: true, complete: true });
  }));
});

Deno.test("ListingPacker gives the same bytes for names that come in order, turned round or mixed", () => {
  const shuffled = entries.chain((list) =>
    fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
    )
  );
  fc.assert(fc.property(shuffled, ([list, mixed]) => {
    const packed = pack(mixed);
    const inOrder = [...unpackListing(packed)];
    const directories = inOrder.filter(({ kind }) => kind === "directory");
    const others = inOrder.filter(({ kind }) => kind !== "directory");
    for (
      const order of [
        list,
        inOrder,
        inOrder.toReversed(),
        [...directories.toReversed(), ...others],
        [...others, ...directories.toReversed()],
      ]
    ) assert.deepEqual(pack(order), packed);
  }));
});

Deno.test("unpackListing keeps names apart whose bytes would be one character together", () => {
  // C3 A9 is e with an acute accent: the end of the first name and the beginning of the second
  for (const names of [["a\udcc3", "\udca9b"], ["plain", "\udcc3"], ["\u00e9", "z"], ["a", "b"]]) {
    const packed = pack(names.map((name) => ({ ...plain, name })));
    assert.deepEqual([...unpackListing(packed)].map(({ name }) => name).sort(), names.toSorted());
  }
});

Deno.test("ListingPacker orders names that begin alike, and bytes of every kind, in one way", () => {
  // what latin1 text makes of the bytes from 0x80 to 0x9f is not in the order of the bytes
  const names = [
    "a",
    "a\u0080",
    "a\u00ff",
    "aa",
    "ab",
    "b",
    "\udc80",
    "\udc85",
    "\udc9f",
    "\udcff",
  ];
  const list = names.map((name) => ({ ...plain, name }));
  const packed = pack([...list.slice(5), ...list.slice(0, 5)]);
  const sorted = [...unpackListing(packed)];
  assert.deepEqual(pack(sorted), packed);
  assert.deepEqual(pack(sorted.toReversed()), packed);
});

Deno.test("fingerprint leaves out what was not asked for", () => {
  const listing = pack([plain]);
  const { content, complete } = fingerprint(listing, { specials: false, complete: false });
  assert.deepEqual(content, fingerprint(listing, { specials: false }).content);
  assert.equal(complete, null);
});

Deno.test("fingerprint sees in the content what two sides in sync have in common", () => {
  const differs: Partial<ListedEntry>[] = [
    { name: "b" },
    { kind: "symlink", target: "x" },
    { kind: "directory" },
    { size: 2 },
    { mtime: 3n },
  ];
  for (const change of differs) {
    assert.deepEqual(same([plain], [{ ...plain, ...change }]), {
      content: false,
      complete: false,
    }, JSON.stringify(Object.keys(change)));
  }
});

Deno.test("fingerprint sees in the whole what only concerns one side", () => {
  const changes: Partial<ListedEntry>[] = [
    { ctime: 0n },
    { birthtime: null },
    { mode: 0 },
    { uid: 0 },
    { gid: 0 },
    { device: 0n },
    { inode: 0n },
    { links: 0 },
  ];
  for (const change of changes) {
    assert.deepEqual(same([plain], [{ ...plain, ...change }]), {
      content: true,
      complete: false,
    }, JSON.stringify(Object.keys(change)));
  }
});

Deno.test("fingerprint leaves the times of directories out of the content", () => {
  const directory = { ...plain, kind: "directory" as const };
  assert.deepEqual(same([directory], [{ ...directory, mtime: 0n, size: 0 }]), {
    content: true,
    complete: false,
  });
});

Deno.test("fingerprint has no content where there are special files", () => {
  const special = pack([plain, { ...plain, name: "s", kind: "special" }]);
  assert.equal(fingerprint(special, { specials: true }).content, null);
});

Deno.test("fingerprint never takes two listings for one", () => {
  fc.assert(fc.property(entries, entries, (a, b) => {
    const alike = String(pack(a)) === String(pack(b));
    assert.equal(same(a, b).complete, alike);
  }));
  assert.equal(same([{ ...plain, name: "\udcff" }], [{ ...plain, name: "\ufffd" }]).content, false);
});
