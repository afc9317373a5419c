/**
 * Whether `--bwlimit` holds: over the whole copy, in the worst second and in the worst 100 ms.
 *
 * The same bytes are copied as one file and as 5,000 files, and what has arrived is looked at every
 * 10 ms: by what is taken up on a file system of its own, in memory, that only this script sees;
 * where that is not permitted, by what the process has written (its database and log count too then).
 *
 * Usage: `deno run -A scripts/measure_limit.ts [--limit 10M] [--size 100M] [--binary PATH]
 * [--dir DIRECTORY]`; exit code 1 when a copy takes 5 % more or less than it should, or a second
 * carries more than 10 % above the limit.
 */
import { statfsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseSize } from "../src/lib/units.ts";
import { planTree, totalsOf, type TreeKind, writeTree } from "./trees.ts";
import {
  defaultDirectory,
  findBinary,
  runScript,
  withFolder,
  WorkbenchError,
} from "./workbench.ts";

const MIB = 2 ** 20;
const EVERY_MS = 10;
/** What may be off: the time of the whole, and the bytes of a second. */
const TIME_TOLERANCE = 0.05, RATE_TOLERANCE = 0.1;

/** A time without a look, in milliseconds, after which a measurement does not count. */
const BLIND_MS = 200;
const ATTEMPTS = 3;

/** What a measurement says; `undecided` when the machine stood still meanwhile. */
type Verdict = "holds" | "does not hold" | "undecided";

/** How many bytes had arrived at a moment, in milliseconds. */
interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** The most bytes of any span of `width` milliseconds; between two samples the flow is even. */
function worstWindow(samples: readonly Sample[], width: number): number {
  let worst = 0, after = 0;
  for (const { at, bytes } of samples) {
    const end = at + width;
    while (after < samples.length && samples[after]!.at < end) after += 1;
    worst = Math.max(worst, bytesAt(samples, after, end) - bytes);
  }
  return worst;
}

function bytesAt(samples: readonly Sample[], after: number, moment: number): number {
  const next = samples[after], before = samples[after - 1];
  if (next === undefined) return before!.bytes;
  if (before === undefined || next.at === before.at) return next.bytes;
  return before.bytes +
    (next.bytes - before.bytes) * (moment - before.at) / (next.at - before.at);
}

/** Bytes taken up on the file system at `path`. */
function taken(path: string): number {
  const { blocks, bfree, bsize } = statfsSync(path);
  return (blocks - bfree) * bsize;
}

/** Bytes that a process has given to write calls; null when it is gone. */
function written(pid: number): number | null {
  try {
    return Number(/^wchar: (\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/io`))![1]);
  } catch {
    return null;
  }
}

async function measure(
  kind: TreeKind,
  { folder, destination, binary, limit, bytes }: {
    folder: string;
    destination: string | null;
    binary: string;
    limit: number;
    bytes: number;
  },
): Promise<Verdict> {
  const source = `${folder}/source`;
  const scale = bytes / totalsOf(planTree(kind)).bytes;
  const totals = writeTree(source, planTree(kind, { scale }));
  const to = `${destination ?? folder}/to`;
  Deno.mkdirSync(to);
  const before = destination === null ? 0 : taken(destination);
  const began = performance.now();
  const child = new Deno.Command(binary, {
    args: [
      ...[source, to, "--db", `${folder}/db`, "--log", `${folder}/log`],
      ...["--bwlimit", String(limit), "--progress", "none"],
    ],
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    const now = destination === null ? written(child.pid) : taken(destination) - before;
    if (now !== null) samples.push({ at: performance.now() - began, bytes: now });
  }, EVERY_MS);
  const { code } = await child.status;
  clearInterval(timer);
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new WorkbenchError(`sluice ended with exit code ${code}`);
  for (const name of ["source", "db", "db-lock", "log"]) {
    Deno.removeSync(`${folder}/${name}`, { recursive: true });
  }
  Deno.removeSync(to, { recursive: true });

  const end = samples.at(-1)!.bytes;
  const first = samples.find((sample) => sample.bytes > end * 0.0005)!.at;
  const last = samples.find((sample) => sample.bytes > end * 0.9995)!.at;
  const second = worstWindow(samples, 1000), tenth = worstWindow(samples, 100);
  const gap = Math.max(...samples.slice(1).map(({ at }, i) => at - samples[i]!.at));
  const wanted = totals.bytes / limit;
  const holds = Math.abs(seconds / wanted - 1) <= TIME_TOLERANCE &&
    second <= limit * (1 + RATE_TOLERANCE);
  const verdict = gap > BLIND_MS ? "undecided" : holds ? "holds" : "does not hold";
  const mib = (value: number) => (value / MIB).toFixed(2);
  console.log(
    `| ${totals.files} | ${mib(totals.bytes)} MiB | ${seconds.toFixed(2)} s | ` +
      `${((last - first) / 1000).toFixed(2)} s | ${wanted.toFixed(2)} s | ${mib(second)} MiB | ` +
      `${mib(tenth)} MiB | ${gap.toFixed(0)} ms | ${verdict} |`,
  );
  return verdict;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      limit: { type: "string", default: "10M" },
      size: { type: "string", default: "100M" },
      binary: { type: "string" },
      dir: { type: "string" },
      // set by this script for itself, where it may mount
      mounting: { type: "boolean" },
    },
  });
  if (!values.mounting) {
    for (const flags of [["-m"], ["-r", "-m"]]) {
      if (await succeeds("unshare", [...flags, "mount", "-t", "tmpfs", "none", "/mnt"])) {
        const self = ["run", "-A", fileURLToPath(import.meta.url), "--mounting", ...Deno.args];
        const again = new Deno.Command("unshare", { args: [...flags, Deno.execPath(), ...self] });
        return (await again.spawn().status).code;
      }
    }
  }
  const binary = findBinary(values.binary);
  const limit = parseSize(values.limit), bytes = parseSize(values.size);
  return await withFolder(values.dir ?? defaultDirectory(), async (folder) => {
    let destination = null;
    if (values.mounting) {
      destination = `${folder}/mount`;
      Deno.mkdirSync(destination);
      if (!await succeeds("mount", ["-t", "tmpfs", "none", destination])) {
        throw new WorkbenchError("mount failed, although it was permitted a moment ago");
      }
    }
    console.log(
      `A limit of ${(limit / MIB).toFixed(2)} MiB/s; ${
        destination === null ? "bytes that the process wrote" : "bytes at the destination"
      }, every ${EVERY_MS} ms\n`,
    );
    console.log(
      "| files | bytes | whole run | first to last byte | wanted | worst second | worst 100 ms " +
        "| longest time unseen | |",
    );
    console.log("|---:|---:|---:|---:|---:|---:|---:|---:|---|");
    try {
      let holds = true;
      for (const kind of ["limit-one", "limit-many"] as const) {
        let verdict: Verdict = "undecided";
        for (let attempt = 0; attempt < ATTEMPTS && verdict === "undecided"; attempt++) {
          verdict = await measure(kind, { folder, destination, binary, limit, bytes });
        }
        holds &&= verdict === "holds";
      }
      return holds ? 0 : 1;
    } finally {
      if (destination !== null) await succeeds("umount", [destination]);
    }
  });
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  try {
    const child = new Deno.Command(command, { args: [...args], stdout: "null", stderr: "null" });
    return (await child.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) await runScript("measure_limit", main);
