import assert from "node:assert/strict";
import { awkwardNames } from "../../scripts/awkward_names.ts";
import {
  planTree,
  totalsOf,
  type TreeEntry,
  type TreeKind,
  TREES,
  writeTree,
} from "../../scripts/trees.ts";

const KINDS = Object.keys(TREES) as TreeKind[];
const bytesOf = (name: string) => new TextEncoder().encode(name).length;

Deno.test("planTree gives the same tree for the same seed", () => {
  for (const kind of KINDS) {
    const plan = (seed: number) => [...planTree(kind, { seed, scale: 0.001 })];
    assert.deepEqual(plan(3), plan(3), kind);
  }
  const mixed = (seed: number) => [...planTree("mixed", { seed, scale: 0.1 })];
  assert.notDeepEqual(mixed(1), mixed(2));
});

Deno.test("planTree names each path once, and directories before what is in them", () => {
  for (const kind of KINDS) {
    const paths = new Set<string>();
    const directories = new Set<string>([""]);
    const scale = kind === "scan" ? 0.01 : 1;
    for (const { type, path } of planTree(kind, { scale })) {
      assert.ok(!paths.has(path), `${kind} has ${JSON.stringify(path)} twice`);
      paths.add(path);
      const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
      assert.ok(directories.has(parent), `${kind}: ${JSON.stringify(path)} has no directory`);
      if (type === "directory") directories.add(path);
      for (const name of path.split("/")) {
        assert.ok(bytesOf(name) <= 255 && !["", ".", ".."].includes(name), JSON.stringify(path));
      }
    }
  }
});

Deno.test("planTree makes trees of the size that they tell", () => {
  const { small, large, many } = {
    small: totalsOf(planTree("small")),
    large: totalsOf(planTree("large")),
    many: totalsOf(planTree("many")),
  };
  assert.deepEqual(small, { directories: 200, files: 20_000, symlinks: 0, bytes: 20_000 * 4096 });
  assert.deepEqual(large, { directories: 1, files: 4, symlinks: 0, bytes: 2 ** 31 });
  assert.equal(many.directories, 2_000);
  assert.equal(many.files, 100_000);
  const scan = totalsOf(planTree("scan", { scale: 0.1 }));
  assert.deepEqual(scan, { directories: 200, files: 100_000, symlinks: 0, bytes: 0 });
  assert.equal(totalsOf(planTree("limit-one")).bytes, 100 * 2 ** 20);
  const limitMany = totalsOf(planTree("limit-many"));
  assert.equal(limitMany.bytes, 100 * 2 ** 20);
  assert.equal(limitMany.files, 5_000);
});

Deno.test("the tree of many files has every awkward name in one directory", () => {
  const inFirst = new Set<string>();
  for (const { type, path } of planTree("many")) {
    const [top, name] = path.split("/");
    if (type === "file" && top === "0000 top") inFirst.add(name!);
  }
  for (const name of awkwardNames()) {
    assert.ok(inFirst.has(name) || inFirst.has(`${name}F`), JSON.stringify(name));
  }
});

Deno.test("writeTree writes what was planned, the same bytes each time", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const entries: TreeEntry[] = [
      { type: "directory", path: "d" },
      { type: "file", path: "d/empty", size: 0 },
      { type: "file", path: "d/one", size: 1 },
      { type: "file", path: "d/twin", size: 5_000 },
      { type: "file", path: "d/other", size: 5_000 },
      { type: "file", path: "blocks", size: 4 * 2 ** 20 + 3 },
      { type: "symlink", path: "link", target: "d/one" },
    ];
    const totals = writeTree(`${directory}/a`, entries, { seed: 5 });
    assert.deepEqual(totals, totalsOf(entries));
    writeTree(`${directory}/b`, entries, { seed: 5 });
    writeTree(`${directory}/c`, entries, { seed: 6 });
    const read = (path: string) => Deno.readFileSync(`${directory}/${path}`);
    for (const entry of entries) {
      if (entry.type !== "file") continue;
      assert.equal(read(`a/${entry.path}`).length, entry.size);
      assert.deepEqual(read(`a/${entry.path}`), read(`b/${entry.path}`));
    }
    assert.notDeepEqual(read("a/d/twin"), read("a/d/other"));
    assert.notDeepEqual(read("a/d/twin"), read("c/d/twin"));
    assert.equal(Deno.readLinkSync(`${directory}/a/link`), "d/one");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("writeTree writes every awkward name byte for byte", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const names = awkwardNames();
    writeTree(directory, names.map((path) => ({ type: "file", path, size: 1 })));
    const found = [...Deno.readDirSync(directory)].map(({ name }) => name);
    if (Deno.build.os === "linux") assert.deepEqual(found.sort(), names.sort());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
