import assert from "node:assert/strict";
import { openBackend } from "../../src/backend/open.ts";
import { temporaryNames } from "../../src/backend/temporary.ts";
import { DiskWorld, MemoryWorld, type Tree } from "../testing/world.ts";

const linux = Deno.build.os === "linux";
const TREE: Tree = { "a/file": "1", "a/tool": "2", "a/link": { target: "file" }, "d": null };

function modeOf(path: string): string {
  return (Deno.lstatSync(path).mode! & 0o7777).toString(8);
}

Deno.test(
  { name: "sync --preserve mode applies modes, of directories at the end", ignore: !linux },
  async () => {
    using world = new DiskWorld(TREE);
    const { source, destination } = world;
    Deno.chmodSync(`${source}/a/file`, 0o640);
    Deno.chmodSync(`${source}/a/tool`, 0o4751);
    Deno.chmodSync(`${source}/a`, 0o2550);
    Deno.chmodSync(`${source}/d`, 0o1777);
    Deno.chmodSync(source, 0o711);
    assert.equal((await world.run({ preserve: ["mode"] })).summary.exitCode, 0);
    for (const path of ["", "/a", "/a/file", "/a/tool", "/d"]) {
      assert.equal(modeOf(destination + path), modeOf(source + path), path);
    }
    // the times come after them
    const time = (path: string) => Deno.statSync(path).mtime!.getTime();
    assert.equal(time(`${destination}/a`), time(`${source}/a`));
    assert.deepEqual((await world.run({ preserve: ["mode"], dryRun: true })).planned, []);
  },
);

Deno.test({ name: "sync applies no mode without --preserve", ignore: !linux }, async () => {
  using world = new DiskWorld(TREE);
  Deno.chmodSync(`${world.source}/a/tool`, 0o4751);
  await world.run();
  assert.equal(modeOf(`${world.destination}/a/tool`), (0o666 & ~Deno.umask()).toString(8));
});

Deno.test({
  name: "sync --preserve owner,mode applies owners, of links too, and the mode after them",
  ignore: !linux || Deno.uid() !== 0,
}, async () => {
  using world = new DiskWorld(TREE);
  const { source, destination } = world;
  for (const [path, id] of [["a", 11], ["a/file", 12], ["a/tool", 13], ["d", 4_000_000_000]]) {
    Deno.chownSync(`${source}/${path}`, Number(id), Number(id) + 1);
  }
  await new Deno.Command("chown", { args: ["-h", "77:78", `${source}/a/link`] }).output();
  Deno.chmodSync(`${source}/a/tool`, 0o6755);
  assert.equal((await world.run({ preserve: ["mode", "owner"] })).summary.exitCode, 0);
  for (const path of ["a", "a/file", "a/tool", "a/link", "d"]) {
    const [from, to] = [source, destination].map((root) => Deno.lstatSync(`${root}/${path}`));
    assert.deepEqual([to!.uid, to!.gid, to!.mode], [from!.uid, from!.gid, from!.mode], path);
  }
});

Deno.test({ name: "sync --preserve xattr carries what users set", ignore: !linux }, async () => {
  using world = new DiskWorld(TREE);
  const open = (root: string) =>
    openBackend(root, { temporaryName: temporaryNames("00000000-1-1", 0) });
  await using from = await open(world.source);
  const xattrs = new Map([
    ["user.text", new TextEncoder().encode("value")],
    ["user.bytes\xe9", Uint8Array.of(0, 255, 0)],
    ["user.empty", new Uint8Array()],
  ]);
  for (const path of ["a/file", "a"]) {
    assert.deepEqual(await from.setAttributes(path, { xattrs }), []);
  }
  assert.equal((await world.run({ preserve: ["xattr"] })).summary.exitCode, 0);
  await using to = await open(world.destination);
  for (const path of ["a/file", "a"]) {
    const sorted = [...await to.xattrs(path)].sort();
    assert.deepEqual(sorted, [...xattrs].sort(), path);
  }
  assert.equal((await to.xattrs("a/tool")).size, 0);
});

Deno.test("sync --preserve tells once what is refused, counts it, and copies all the same", async () => {
  using world = new MemoryWorld({ "a/one": "1", "a/two": "2", "a/three": "3" });
  const faults = {
    destination: [{ call: "setAttributes", path: /^a\/./, errno: "EPERM" }],
  } as const;
  const { summary, events } = await world.run({ preserve: ["owner"], faults });
  assert.deepEqual([summary.exitCode, summary.refused, summary.copied.files], [1, 1, 3]);
  assert.equal(summary.pending.files, 0);
  assert.equal(events.filter((event) => event.type === "failure").length, 1);
  const notes = world.records().filter(({ type }) => type === "note").map(({ message }) => message);
  assert.match(String(notes.at(-1)), /^the owner could not be kept 3 times, first for a\//);
  assert.deepEqual(world.statuses().map((line) => line.slice(0, 6)), [
    "synced",
    "synced",
    "synced",
  ]);
});
