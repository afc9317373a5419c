import assert from "node:assert/strict";
import { type Around, withAround, within } from "../../src/backend/around.ts";
import type { Backend } from "../../src/backend/backend.ts";
import { withOperations } from "../../src/backend/operations.ts";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { unpackListing } from "../../src/listing.ts";
import { ListingPacker } from "../../src/listing_packer.ts";
import { listAtOnce, listDirectory } from "../../src/scan/walker.ts";
import { shell } from "../testing/bytes.ts";
import { scratchDirectory } from "../testing/scratch.ts";
import { openFiles } from "../testing/open_files.ts";

// outside of a test, where no sanitizer asks for it to be unloaded
const libc = loadLibc();
const { signal } = new AbortController();

/** A directory that a script makes something in, and a backend over it. */
async function place(script: string, latency: "immediate" | "waiting" = "immediate") {
  const root = scratchDirectory();
  await shell(`cd "$1"; ${script}`, root);
  const backend = await openPosix(root, libc, { temporaryName: () => ".sluice-t", latency });
  return {
    root,
    backend,
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      await Deno.remove(root, { recursive: true });
    },
  };
}

/** Whether it was listed at once; then it must be what iterating it finds. */
async function atOnce(backend: Backend, path: string): Promise<boolean> {
  const packer = new ListingPacker();
  const directory = { id: 7, path };
  const found = listAtOnce(backend, directory, { signal, packer });
  if (found === undefined) {
    assert.equal(packer.length, 0);
    return false;
  }
  const others = [];
  for await (const one of listDirectory(backend, directory, { signal })) others.push(one);
  assert.deepEqual([found], others);
  return true;
}

Deno.test("Listing.atOnce finds what iterating finds", async () => {
  const script =
    "mkdir -p a/b empty; printf 12 >a/two; : >a/none; mkfifo a/pipe; touch a/\u00e9; " +
    `touch "$(printf 'a/\\377odd')"; ln a/two a/again; touch -d '1950-01-01 00:00:01.5' a/old; ` +
    "for i in $(seq 240); do : >$(printf 'a/%0200d' $i); done";
  await using tree = await place(script);
  const { backend } = tree;
  for (const path of ["", "a", "empty", "a/b"]) {
    assert.equal(await atOnce(backend, path), true, path);
  }
  const packer = new ListingPacker();
  assert.equal(backend.list("a", { into: packer }).atOnce!(), true);
  assert.equal([...unpackListing(packer.take().data)].length, 248);
});

for (
  const [what, script] of [
    ["a symbolic link", "mkdir d; : >d/a; ln -s x d/b"],
    ["a name of sluice's own", "mkdir d; : >d/a; : >d/.sluice-1-2"],
    ["more names than one look takes", "mkdir d; cd d; for i in $(seq 257); do : >$i; done"],
    [
      "more names than one answer holds",
      "mkdir d; cd d; for i in $(seq 400); do : >$(printf '%0250d' $i); done",
    ],
    ["no directory", ": >d"],
    ["a link in its place", "mkdir e; ln -s e d"],
    ["nothing in its place", ":"],
  ] as const
) {
  Deno.test(`Listing.atOnce leaves it to iterating, and nothing behind, when there is ${what}`, async () => {
    await using tree = await place(script);
    const before = openFiles(tree.backend.root);
    assert.equal(await atOnce(tree.backend, "d"), false);
    assert.equal(openFiles(tree.backend.root), before);
  });
}

Deno.test("Listing.atOnce is for places that answer at once, and for listings that are packed", async () => {
  await using share = await place(": >a", "waiting");
  assert.equal(await atOnce(share.backend, ""), false);
  await using disk = await place(": >a");
  assert.equal(disk.backend.list("").atOnce!(), false);
  const memory = memoryBackend();
  memory.put("a", {});
  assert.equal(await atOnce(memory, ""), false);
});

Deno.test("Listing.atOnce is one call to what is around a backend, and none to what holds back", async () => {
  await using tree = await place(": >a; : >b");
  const told: string[] = [];
  const around: Around = {
    call: (_call, _path, make) => make(),
    now: (call, path, make, extent) => {
      const made = make();
      told.push(`${call} ${path} ${extent.files}`);
      return made;
    },
  };
  const packer = new ListingPacker();
  assert.equal(withAround(tree.backend, around).list("", { into: packer }).atOnce!(), true);
  assert.deepEqual(told, ["list  2"]);
  const holding = within({ ...around, holdsBack: true }, around);
  for (const outer of [withAround(tree.backend, holding), withOperations(tree.backend, holding)]) {
    assert.equal(outer.list("", { into: packer }).atOnce, undefined);
  }
  const counted = withOperations(tree.backend, around).list("", { into: packer });
  assert.equal(counted.atOnce!(), false);
  assert.equal(packer.length, 2);
});
