import assert from "node:assert/strict";
import type { FailedListing, ListedChunk } from "../../src/backlog/backlog.ts";
import type { Entry } from "../../src/entry.ts";
import { countListing, unpackListing } from "../../src/listing.ts";
import { ListingPacker } from "../../src/listing_packer.ts";
import { isFailure, listDirectory } from "../../src/scan/walker.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { fill, type Tree } from "../testing/world.ts";

const { signal } = new AbortController();

const ENTRY: Entry = {
  name: "",
  kind: "file",
  size: 1,
  mtime: 1n,
  atime: 1n,
  ctime: 1n,
  birthtime: null,
  device: 1n,
  inode: 1n,
  links: 1,
  uid: 0,
  gid: 0,
  mode: 0o644,
  target: "",
};

async function list(
  tree: Tree,
  path = "",
  rules: readonly Rule[] = [],
): Promise<(ListedChunk | FailedListing)[]> {
  const backend = memoryBackend();
  fill(backend, tree);
  return await Array.fromAsync(
    listDirectory(withFaults(backend, rules), { id: 7, path }, { signal }),
  );
}

function namesIn(chunks: readonly (ListedChunk | FailedListing)[]): string[] {
  return chunks.flatMap((chunk) =>
    isFailure(chunk) ? [] : [...unpackListing(chunk.data)].map(({ name }) => name)
  );
}

Deno.test("listDirectory yields a directory in one chunk with fingerprints", async () => {
  const chunks = await list({ "d/b": "1", "d/a": "2", "d/sub/below": "3", "other": "4" }, "d");
  assert.equal(chunks.length, 1);
  const [chunk] = chunks as ListedChunk[];
  assert.deepEqual(
    { id: chunk!.id, path: chunk!.path, index: chunk!.index, last: chunk!.last },
    { id: 7, path: "d", index: 0, last: true },
  );
  assert.deepEqual(namesIn(chunks), ["sub", "a", "b"]);
  assert.notEqual(chunk!.fingerprints, null);
  assert.notEqual(chunk!.fingerprints!.complete, null);
});

Deno.test("listDirectory fingerprints only what two sides have in common when asked to", async () => {
  const backend = memoryBackend();
  fill(backend, { "d/a": "1" });
  const [whole, part] = await Promise.all([true, false].map(async (complete) => {
    const listing = listDirectory(backend, { id: 7, path: "d" }, { signal, complete });
    const [chunk] = await Array.fromAsync(listing) as ListedChunk[];
    return chunk!.fingerprints!;
  }));
  assert.deepEqual(part!.content, whole!.content);
  assert.equal(part!.complete, null);
});

Deno.test("listDirectory yields an empty directory as one empty chunk", async () => {
  const chunks = await list({ d: null }, "d") as ListedChunk[];
  assert.deepEqual(chunks.map(({ index, last }) => [index, last]), [[0, true]]);
  assert.deepEqual(namesIn(chunks), []);
});

Deno.test("listDirectory yields a huge directory in numbered chunks of bounded size", async () => {
  const tree = Object.fromEntries(
    Array.from({ length: 12_345 }, (_, i) => [`f${String(i).padStart(5, "0")}`, ""]),
  );
  const chunks = await list(tree) as ListedChunk[];
  assert.ok(chunks.length > 1);
  chunks.forEach((chunk, i) => {
    assert.equal(chunk.index, i);
    assert.equal(chunk.last, i === chunks.length - 1);
    assert.equal(chunk.fingerprints, null);
    assert.ok(namesIn([chunk]).length <= 6000);
  });
  assert.deepEqual(namesIn(chunks).sort(), Object.keys(tree));
});

const MANY = Object.fromEntries(
  Array.from(
    { length: 12_345 },
    (_, i) => [`f${String((i * 7919) % 12_345).padStart(5, "0")}`, ""],
  ),
);

async function kept(
  { known, rules = [], ...options }: {
    known: boolean;
    complete?: boolean;
    rules?: readonly Rule[];
  },
): Promise<ListedChunk[]> {
  const backend = memoryBackend();
  fill(backend, MANY);
  const directory = { id: 7, path: "", known };
  const listing = listDirectory(withFaults(backend, rules), directory, {
    signal,
    keep: true,
    ...options,
  });
  return await Array.fromAsync(listing) as ListedChunk[];
}

Deno.test("listDirectory fingerprints a huge directory that is kept, in whatever chunks it comes", async () => {
  const chunks = await kept({ known: false }), whole = await kept({ known: true });
  assert.ok(chunks.length > 1);
  assert.deepEqual(whole.map(({ index, last }) => [index, last]), [[0, true]]);
  assert.deepEqual(namesIn(chunks).sort(), namesIn(whole));
  assert.ok(chunks.slice(0, -1).every(({ fingerprints }) => fingerprints === null));
  // the directory was filled twice, so what is of each side's own differs
  assert.equal(chunks.at(-1)!.fingerprints!.content, whole[0]!.fingerprints!.content);
  assert.notEqual(chunks.at(-1)!.fingerprints!.complete, null);
});

Deno.test("listDirectory does not fingerprint a huge directory with a name that it could not look at", async () => {
  const chunks = await kept({ known: false, rules: [{ call: "list", problem: "f00000" }] });
  assert.deepEqual(chunks.flatMap(({ problems }) => problems).map(({ name }) => name), ["f00000"]);
  assert.ok(chunks.every(({ fingerprints }) => fingerprints === null));
});

Deno.test("listDirectory keeps no more of a directory than it may", async () => {
  const batch = (from: number, count: number) => ({
    entries: Array.from({ length: count }, (_, i) => ({ ...ENTRY, name: `f${from + i}` })),
    problems: [],
    temporaries: [],
  });
  const backend = {
    ...memoryBackend(),
    async *list() {
      for (let from = 0; from < 140_000; from += 10_000) {
        yield await Promise.resolve(batch(from, 10_000));
      }
    },
  };
  for (const known of [false, true]) {
    const packer = new ListingPacker();
    const listing = listDirectory(backend, { id: 7, path: "d", known }, {
      signal,
      keep: true,
      packer,
    });
    let most = 0;
    const chunks: ListedChunk[] = [];
    for await (const chunk of listing) {
      chunks.push(chunk as ListedChunk);
      most = Math.max(most, packer.length);
    }
    assert.ok(most <= 131_072, String(most));
    assert.equal(chunks.reduce((sum, { data }) => sum + countListing(data).files, 0), 140_000);
    assert.ok(chunks.length > 1 && chunks.every(({ fingerprints }) => fingerprints === null));
  }
});

Deno.test("listDirectory tells temporaries and problems apart from entries", async () => {
  const temporary = ".sluice-12345678-1-1-0z1.part";
  const rules = [{ call: "list", problem: "bad" }] as const;
  const chunks = await list({ good: "1", bad: "2", [temporary]: "3" }, "", rules);
  const [chunk] = chunks as ListedChunk[];
  assert.deepEqual(namesIn(chunks), ["good"]);
  assert.deepEqual(chunk!.temporaries, [temporary]);
  assert.deepEqual(chunk!.problems.map(({ name, code }) => [name, code]), [["bad", "EIO"]]);
});

Deno.test("listDirectory ends with a failure when the listing cannot be completed", async () => {
  const chunks = await list({ "d/a": "1" }, "d", [{ call: "list", errno: "EACCES" }]);
  assert.equal(chunks.length, 1);
  const [failed] = chunks;
  assert.ok(isFailure(failed!));
  assert.equal(failed.id, 7);
  assert.equal(failed.error.code, "EACCES");
});

Deno.test("listDirectory throws what stops the run, and the signal's reason", async () => {
  await assert.rejects(list({}, "", [{ call: "list", errno: "ENODEV" }]), { code: "ENODEV" });
  const reason = new Error("enough");
  const walking = listDirectory(memoryBackend(), { id: 1, path: "" }, {
    signal: AbortSignal.abort(reason),
  });
  await assert.rejects(Array.fromAsync(walking), reason);
});
