/**
 * How much memory sluice takes, and how large its database gets.
 *
 * Three runs, each of which can be left out with 0: a copy of large files (sparse, so that the source
 * takes no room), a scan of very many files that are at the destination already, and a copy of many
 * empty files. The resident memory of the process is looked at every 100 ms, and its own high-water
 * mark with it.
 *
 * Usage: `deno run -A scripts/measure_memory.ts [--copy GIB] [--scan FILES] [--small FILES]
 * [--binary PATH] [--dir DIRECTORY]`; 8, 1,000,000 and 100,000 by default. Exit code 1 when a copy
 * takes 400 MiB, a scan 300 MiB, or the database 400 bytes a file.
 */
import { parseArgs } from "node:util";
import { planTree, totalsOf, type TreeEntry, writeTree } from "./trees.ts";
import {
  defaultDirectory,
  findBinary,
  runScript,
  withFolder,
  WorkbenchError,
} from "./workbench.ts";

const KIB = 2 ** 10, MIB = 2 ** 20, GIB = 2 ** 30;
const EVERY_MS = 100;
const MOST = { copy: 400 * MIB, scan: 300 * MIB, perFile: 400 };

/** What a run took. */
interface Usage {
  readonly seconds: number;
  /** The high-water mark of the resident memory, in bytes, as the system keeps it. */
  readonly resident: number;
  /** The part of it that is no file, at its highest among the samples. */
  readonly anonymous: number;
  /** Bytes of the database when the run was over, and with its write-ahead log at its largest. */
  readonly database: number;
  readonly databasePeak: number;
}

/** Bytes that `/proc` tells of a process under some names; null when it is gone. */
function statusOf(pid: number): { VmHWM: number; RssAnon: number } | null {
  let text;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch {
    return null;
  }
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) * KIB;
  const status = { VmHWM: bytes("VmHWM"), RssAnon: bytes("RssAnon") };
  // a process that is just ending has no memory any more
  return Number.isNaN(status.VmHWM) ? null : status;
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** Runs sluice in `folder` from `source` to `destination` and watches it. */
async function watch(binary: string, folder: string): Promise<Usage> {
  const db = `${folder}/sluice.db`;
  const began = performance.now();
  const child = new Deno.Command(binary, {
    args: [
      ...[`${folder}/source`, `${folder}/destination`, "--db", db, "--log", `${folder}/log`],
      ...["--progress", "none"],
    ],
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let resident = 0, anonymous = 0, databasePeak = 0;
  const timer = setInterval(() => {
    const status = statusOf(child.pid);
    if (status === null) return;
    resident = Math.max(resident, status.VmHWM);
    anonymous = Math.max(anonymous, status.RssAnon);
    databasePeak = Math.max(databasePeak, sizeOf(db) + sizeOf(`${db}-wal`));
  }, EVERY_MS);
  const { code } = await child.status;
  clearInterval(timer);
  if (code !== 0) throw new WorkbenchError(`sluice ended with exit code ${code}`);
  return {
    seconds: (performance.now() - began) / 1000,
    resident,
    anonymous,
    database: sizeOf(db) + sizeOf(`${db}-wal`),
    databasePeak,
  };
}

/** One line of the table; whether it stays below what it may take. */
function report(title: string, files: number, usage: Usage, most: number): boolean {
  const perFile = usage.database / files;
  // a few files share the pages that every database has
  const holds = usage.resident < most && (files < 10_000 || perFile < MOST.perFile);
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
  console.log(
    `| ${title} | ${usage.seconds.toFixed(1)} s | ${mib(usage.resident)} | ${mib(most)} | ` +
      `${mib(usage.anonymous)} | ${files < 10_000 ? "-" : `${perFile.toFixed(0)} B`} | ` +
      `${mib(usage.databasePeak)} | ${holds ? "holds" : "DOES NOT HOLD"} |`,
  );
  return holds;
}

/** Large files without content take no room; what sluice reads and writes are their zeros. */
function makeSparse(directory: string, gib: number): number {
  Deno.mkdirSync(directory);
  const files = Math.ceil(gib);
  for (let i = 0; i < files; i++) {
    using file = Deno.openSync(`${directory}/${i}`, { write: true, createNew: true });
    file.truncateSync(Math.round(Math.min(1, gib - i) * GIB));
  }
  return files;
}

/** The same files under both roots, by hard links: equal in size and time. */
function makeTwins(folder: string, entries: Iterable<TreeEntry>): number {
  const { files } = writeTree(`${folder}/source`, entries);
  Deno.mkdirSync(`${folder}/destination`);
  const link = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(`${folder}/source${path}`)) {
      const to = `${folder}/destination${path}/${name}`;
      if (isDirectory) {
        Deno.mkdirSync(to);
        link(`${path}/${name}`);
      } else Deno.linkSync(`${folder}/source${path}/${name}`, to);
    }
  };
  link("");
  return files;
}

const emptyFiles = (count: number) => planTree("scan", { scale: count / 1_000_000 });
const thousands = (count: number) => count.toLocaleString("en-US");

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      copy: { type: "string", default: "8" },
      scan: { type: "string", default: "1000000" },
      small: { type: "string", default: "100000" },
      binary: { type: "string" },
      dir: { type: "string" },
    },
  });
  const amount = (flag: "copy" | "scan" | "small") => {
    const number = Number(values[flag]);
    if (number >= 0 && Number.isFinite(number)) return number;
    throw new WorkbenchError(`--${flag} takes a number, not "${values[flag]}"`);
  };
  const gib = amount("copy"), scan = amount("scan"), small = amount("small");
  const binary = findBinary(values.binary);
  const directory = values.dir ?? defaultDirectory();
  console.log(
    "| run | time | peak resident | allowed | of it no file | database per file | " +
      "database and its log at most | |",
  );
  console.log("|---|---:|---:|---:|---:|---:|---:|---|");
  let holds = true;
  const step = async (wanted: number, body: (folder: string) => Promise<boolean>) => {
    if (wanted > 0) holds = await withFolder(directory, body) && holds;
  };
  await step(gib, async (folder) => {
    const files = makeSparse(`${folder}/source`, gib);
    Deno.mkdirSync(`${folder}/destination`);
    const usage = await watch(binary, folder);
    return report(`copy of ${gib} GiB in ${files} files`, files, usage, MOST.copy);
  });
  await step(scan, async (folder) => {
    const files = makeTwins(folder, emptyFiles(scan));
    const usage = await watch(binary, folder);
    const title = `scan of ${thousands(files)} files on each side, all there`;
    return report(title, files, usage, MOST.scan);
  });
  await step(small, async (folder) => {
    writeTree(`${folder}/source`, emptyFiles(small));
    Deno.mkdirSync(`${folder}/destination`);
    const { files } = totalsOf(emptyFiles(small));
    const usage = await watch(binary, folder);
    return report(`copy of ${thousands(files)} empty files`, files, usage, MOST.copy);
  });
  return holds ? 0 : 1;
}

if (import.meta.main) await runScript("measure_memory", main);
