/**
 * How long a whole run takes: scan, copy, database and log, on small trees.
 *
 * Run it with `deno bench -A bench/copy_bench.ts`. Source, destination and database are in a temporary
 * directory (put that in memory with TMPDIR=/dev/shm). `deno task compare` has the large trees, and
 * other tools beside.
 */
import { sync } from "../src/mod.ts";
import { planTree, type TreeEntry, writeTree } from "../scripts/trees.ts";

const TREES: Readonly<Record<string, () => Iterable<TreeEntry>>> = {
  "2,000 files of 4 KiB": () => planTree("small", { scale: 0.1 }),
  "4 files of 32 MiB": () => planTree("large", { scale: 1 / 16 }),
  "a mixed tree of 400 files": () => planTree("mixed", { scale: 0.1 }),
};

/** Measures a run over `tree`: the first one, or another after it. */
async function inFolder(
  tree: Iterable<TreeEntry>,
  bench: Deno.BenchContext,
  { again }: { again: boolean },
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    writeTree(`${folder}/source`, tree);
    await Deno.mkdir(`${folder}/destination`);
    const run = async () => {
      const { exitCode, reason } = await sync(`${folder}/source`, `${folder}/destination`, {
        db: `${folder}/sluice.db`,
        log: `${folder}/log.jsonl`,
      });
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${reason}`);
    };
    if (again) await run();
    bench.start();
    await run();
    bench.end();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, tree] of Object.entries(TREES)) {
  // a benchmark is only waited for when its function says that it is async
  const options = { group: name, n: 5, warmup: 1 };
  Deno.bench(`copy ${name}`, options, async (bench) => {
    await inFolder(tree(), bench, { again: false });
  });
  Deno.bench(`${name}, nothing changed`, options, async (bench) => {
    await inFolder(tree(), bench, { again: true });
  });
}
