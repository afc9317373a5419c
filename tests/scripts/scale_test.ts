import assert from "node:assert/strict";
import { type Contents, openSynthetic } from "../../scripts/scale/synthetic.ts";
import type { Backend } from "../../src/backend/backend.ts";
import { type Entry, join } from "../../src/entry.ts";

function open(files: number, contents: Contents, flat = false): Backend {
  const identity = { device: 1n, inode: 1n };
  return openSynthetic({ root: "/root", identity, files, contents, flat });
}

async function filesOf(backend: Backend, path = ""): Promise<Map<string, Entry>> {
  const files = new Map<string, Entry>();
  for await (const { entries } of backend.list(path)) {
    for (const entry of entries) {
      const child = join(path, entry.name);
      if (entry.kind === "file") files.set(child, entry);
      else for (const [path, file] of await filesOf(backend, child)) files.set(path, file);
    }
  }
  return files;
}

Deno.test("openSynthetic lists each file once when the last folder and project are not full", async () => {
  const files = await filesOf(open(12_345, "all"));
  assert.equal(files.size, 12_345);
  const paths = [...files.keys()];
  assert.match(paths.at(-1)!, /^area 000\/project 00001\/folder 0000123\/.* 000012344\.dat$/);
});

Deno.test("openSynthetic lists the same twice, and one other file in each folder when changed", async () => {
  const all = await filesOf(open(1000, "all"));
  assert.deepEqual(await filesOf(open(1000, "all")), all);
  const changed = await filesOf(open(1000, "changed"));
  const differ = [...changed].filter(([path, { size }]) => size !== all.get(path)!.size);
  assert.equal(differ.length, 10);
  assert.equal((await filesOf(open(1000, "none"))).size, 0);
});

Deno.test("openSynthetic has all files in its root when it is flat", async () => {
  const files = await filesOf(open(2500, "all", true));
  assert.equal(files.size, 2500);
  assert.ok([...files.keys()].every((path) => !path.includes("/")));
});

Deno.test("scale tells what each step costs when it is given a small tree", async () => {
  const script = new URL("../../scripts/scale.ts", import.meta.url).pathname;
  const dir = await Deno.makeTempDir();
  try {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", script, "--files", "500", "--dir", dir],
    }).output();
    const rows = new TextDecoder().decode(stdout).trim().split("\n").slice(2);
    const steps = rows.map((row) => row.split("|")[2]!.trim());
    assert.deepEqual(steps, ["scan", "resume", "settle", "again", "compare"]);
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
