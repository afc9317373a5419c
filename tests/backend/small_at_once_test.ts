import assert from "node:assert/strict";
import { type Around, withAround } from "../../src/backend/around.ts";
import { SyncError } from "../../src/errors.ts";
import { openFiles } from "../testing/open_files.ts";
import { LOCAL, SHARE } from "../testing/open_disk.ts";
import { Place } from "./new_directories.ts";

const PASSING: Around = {
  call: (_call, _path, make) => make(),
  now: (_call, _path, make) => make(),
};

Deno.test("SmallFiles.holdAtOnce holds what hold does, and leaves it to hold what cannot be held", async () => {
  await using place = await Place.make();
  const small = place.destination.small!;
  await Deno.mkdir(`${place.destination.root}/a/b`, { recursive: true });
  await Deno.symlink("a", `${place.destination.root}/link`);
  await Deno.writeTextFile(`${place.destination.root}/file`, "");
  for (const path of ["", "a/b", "a"]) {
    using held = small.holdAtOnce!(path);
    assert.notEqual(held, undefined, path);
  }
  const before = openFiles(place.destination.root);
  for (const path of ["link", "link/b", "file", "missing", "missing/below"]) {
    assert.equal(small.holdAtOnce!(path), undefined, path);
    await assert.rejects(small.hold(path), SyncError, path);
  }
  assert.equal(openFiles(place.destination.root), before);
  // what was removed and made anew is found
  await Deno.remove(`${place.destination.root}/a`, { recursive: true });
  await Deno.mkdir(`${place.destination.root}/a`);
  using _a = small.holdAtOnce!("a");
  assert.equal(small.holdAtOnce!("a/c"), undefined);
});

Deno.test("SmallFiles.holdAtOnce and hold share a handle", async () => {
  await using place = await Place.make();
  const small = place.destination.small!;
  await Deno.mkdir(`${place.destination.root}/a`);
  const opening = small.hold("a");
  // it is being opened, or is open by now
  using early = small.holdAtOnce!("a");
  using one = await opening;
  const before = openFiles(place.destination.root);
  using two = small.holdAtOnce!("a");
  assert.ok(one !== undefined && two !== undefined);
  assert.equal(openFiles(place.destination.root), before);
  early?.[Symbol.dispose]();
});

Deno.test("SmallFiles.makeAtOnce makes what make does, and nothing where that cannot be", async () => {
  await using place = await Place.make();
  const small = place.destination.small!;
  const before = openFiles(place.destination.root);
  assert.equal(small.makeAtOnce!("missing/d"), undefined);
  await Deno.writeTextFile(`${place.destination.root}/file`, "");
  assert.equal(small.makeAtOnce!("file/d"), undefined);
  assert.equal(openFiles(place.destination.root), before);
  const made = small.makeAtOnce!("d")!;
  const [temporary] = [...Deno.readDirSync(place.destination.root)].filter(({ isDirectory }) =>
    isDirectory
  );
  assert.match(temporary!.name, /^\.sluice/);
  made.seal();
  await made.name();
  made[Symbol.dispose]();
  assert.ok((await Deno.lstat(`${place.destination.root}/d`)).isDirectory);
  assert.deepEqual([...Deno.readDirSync(place.destination.root)].map(({ name }) => name).sort(), [
    "d",
    "file",
  ]);
});

Deno.test("the short way is not taken at once on a share, or where calls may be held back", async () => {
  await using share = await Place.make(SHARE);
  assert.equal(share.destination.small!.holdAtOnce, undefined);
  assert.equal(share.destination.small!.makeAtOnce, undefined);
  const shared = await share.destination.small!.make!("d");
  assert.ok(!shared.nameAtOnce?.());
  await shared.discard();
  shared[Symbol.dispose]();
  await using place = await Place.make(LOCAL);
  const calls: string[] = [];
  const around: Around = {
    call: (call, path, make) => {
      calls.push(`${call} ${path}`);
      return make();
    },
    now: (call, path, make) => {
      calls.push(`now ${call} ${path}`);
      return make();
    },
  };
  const { small } = withAround(place.destination, around);
  small!.holdAtOnce!("")![Symbol.dispose]();
  small!.makeAtOnce!("d")![Symbol.dispose]();
  assert.deepEqual(calls.splice(0), ["now hold ", "now makeDirectory d"]);
  const held = withAround(place.destination, { ...around, holdsBack: true }).small!;
  assert.equal(held.holdAtOnce, undefined);
  assert.equal(held.makeAtOnce, undefined);
  (await held.hold(""))[Symbol.dispose]();
  (await held.make!("d"))[Symbol.dispose]();
  assert.deepEqual(calls, ["hold ", "makeDirectory d"]);
});

Deno.test("NewDirectory.nameAtOnce gives the name, and leaves it to name where somebody has it", async () => {
  await using place = await Place.make();
  const { root } = place.destination, small = place.destination.small!;
  const one = small.makeAtOnce!("one")!, other = small.makeAtOnce!("other")!;
  await Deno.mkdir(`${root}/other`);
  assert.deepEqual([one.nameAtOnce!(), one.named, one.open], [true, true, false]);
  assert.deepEqual([other.nameAtOnce!(), other.named, other.open], [false, false, false]);
  await other.name();
  assert.equal(other.named, true);
  one[Symbol.dispose]();
  other[Symbol.dispose]();
  assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name).sort(), ["one", "other"]);
  const held = withAround(place.destination, { ...PASSING, holdsBack: true }).small!;
  const last = await held.make!("last");
  assert.equal(last.nameAtOnce!(), false);
  await last.name();
  assert.equal(last.named, true);
  last[Symbol.dispose]();
});
