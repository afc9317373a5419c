/**
 * How fast trees are listed, with everything that a listing tells of each entry.
 *
 * Run it with `deno bench -A bench/walk_bench.ts`. An iteration lists all of 10,000 files in 100
 * directories, in a temporary directory (put that in memory with TMPDIR=/dev/shm).
 */
import { openBackend, type OpenOptions } from "../src/backend/open.ts";
import { temporaryNames } from "../src/backend/temporary.ts";
import { join } from "../src/entry.ts";
import { planTree, writeTree } from "../scripts/trees.ts";

const FILES = 10_000;
const temporaryName = temporaryNames("00000000-1-1", 0);

/** Lists everything below `root`; the number of entries. */
async function walk(root: string, options: Omit<OpenOptions, "temporaryName">): Promise<number> {
  await using backend = await openBackend(root, { ...options, temporaryName });
  const directories = [""];
  let count = 0;
  for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
    for await (const { entries } of backend.list(path)) {
      count += entries.length;
      for (const { kind, name } of entries) {
        if (kind === "directory") directories.push(join(path, name));
      }
    }
  }
  return count;
}

const WAYS: Readonly<Record<string, Omit<OpenOptions, "temporaryName">>> = {
  "as a local disk": { latency: "immediate" },
  "as a share": { latency: "waiting" },
  "through Deno's own API": { portable: true },
};

for (const [name, options] of Object.entries(WAYS)) {
  Deno.bench({
    name: `walk ${FILES} files, ${name}`,
    group: "walk",
    baseline: options.latency === "immediate",
    async fn(bench) {
      const root = await Deno.makeTempDir();
      try {
        writeTree(root, planTree("scan", { scale: FILES / 1_000_000 }));
        bench.start();
        const count = await walk(root, options);
        bench.end();
        if (count < FILES) throw new Error(`only ${count} entries of ${FILES} were listed`);
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    },
  });
}
