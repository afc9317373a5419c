/**
 * How fast sluice is beside rsync, cp, rclone and fpsync, on the same trees and in one go.
 *
 * Each tool copies each tree to a fresh destination, and then runs again over the tree that has not
 * changed. The order of the tools alternates from round to round, and the median of the rounds
 * counts. sluice computes SHA-256 and keeps its database and its log, as a user has it.
 *
 * Usage: `deno task compare [--smoke] [--binary PATH] [--dir DIRECTORY] [--runs N]`
 */
import { parseArgs } from "node:util";
import { planTree, type TreeKind, TREES, type TreeTotals, writeTree } from "./trees.ts";
import {
  defaultDirectory,
  findBinary,
  isInstalled,
  median,
  positive,
  runScript,
  timeCommand,
  withFolder,
  WorkbenchError,
} from "./workbench.ts";

/** A tool and the command that copies `from` to `to`; `again` is set for the second run. */
interface Tool {
  readonly name: string;
  readonly program: string;
  args(from: string, to: string, again: boolean): string[];
}

/** The seconds of one tool on one tree, one for each round. */
interface Times {
  readonly first: number[];
  readonly second: number[];
}

const KINDS: readonly TreeKind[] = ["small", "large", "mixed"];
/** The tree of the smoke test is this part of the whole one. */
const SMOKE_SCALE = 0.005;

function toolsWith(binary: string): Tool[] {
  return [
    {
      name: "sluice",
      program: binary,
      args: (from, to) => [
        ...[from, to, "--db", `${to}.db`, "--log", `${to}.jsonl`],
        ...["--checksum", "sha256", "--progress", "none"],
      ],
    },
    {
      name: "rsync -a",
      program: "rsync",
      args: (from, to) => ["-a", `${from}/`, `${to}/`],
    },
    {
      // without -u it would copy everything again
      name: "cp -a",
      program: "cp",
      args: (from, to, again) => [again ? "-au" : "-a", `${from}/.`, `${to}/`],
    },
    {
      name: "rclone copy",
      program: "rclone",
      args: (from, to) => [
        ...["copy", "--config", "/dev/null", "--links", "--create-empty-src-dirs"],
        ...[from, to],
      ],
    },
    {
      // as many rsync at a time as there are cores
      name: "fpsync",
      program: "fpsync",
      args: (from, to) => [
        ...["-n", String(navigator.hardwareConcurrency), "-t", `${to}.fpsync`],
        ...[`${from}/`, `${to}/`],
      ],
    },
  ];
}

/** What is at the destination must be what the tree has; a fast tool that leaves files out is none. */
function checkArrived(tool: Tool, root: string, wanted: TreeTotals): void {
  const found = { directories: 0, files: 0, symlinks: 0, bytes: 0 };
  const directories = [root];
  for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
    for (const entry of Deno.readDirSync(path)) {
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory) {
        found.directories += 1;
        directories.push(child);
      } else if (entry.isSymlink) found.symlinks += 1;
      else {
        found.files += 1;
        found.bytes += Deno.lstatSync(child).size;
      }
    }
  }
  for (const key of ["directories", "files", "symlinks", "bytes"] as const) {
    if (found[key] === wanted[key]) continue;
    throw new WorkbenchError(
      `${tool.name} left ${found[key]} ${key} at the destination; the source has ${wanted[key]}`,
    );
  }
}

async function measure(
  tool: Tool,
  { source, folder, totals }: { source: string; folder: string; totals: TreeTotals },
  times: Times,
): Promise<void> {
  const destination = `${folder}/destination`;
  Deno.mkdirSync(destination);
  try {
    const run = (again: boolean) =>
      timeCommand(tool.program, tool.args(source, destination, again));
    times.first.push(await run(false));
    checkArrived(tool, destination, totals);
    times.second.push(await run(true));
  } finally {
    for (const { name } of [...Deno.readDirSync(folder)]) {
      if (name.startsWith("destination")) {
        Deno.removeSync(`${folder}/${name}`, { recursive: true });
      }
    }
  }
}

/** One line of the table: seconds, and in brackets how many times those of rsync. */
function row(title: string, columns: readonly (number | undefined)[], base: number | undefined) {
  const cells = columns.map((seconds) => {
    if (seconds === undefined) return "-";
    const digits = seconds < 10 ? 2 : 1;
    const ratio = base === undefined ? "" : ` (${(seconds / base).toFixed(2)})`;
    return `${seconds.toFixed(digits)} s${ratio}`;
  });
  return `| ${title} | ${cells.join(" | ")} |`;
}

function printTable(tools: readonly Tool[], results: ReadonlyMap<TreeKind, Map<Tool, Times>>) {
  console.log(`| tree | ${tools.map(({ name }) => name).join(" | ")} |`);
  console.log(`|---|${"---:|".repeat(tools.length)}`);
  const rsync = tools.find(({ program }) => program === "rsync");
  for (const [kind, times] of results) {
    for (const part of ["first", "second"] as const) {
      const of = (tool: Tool | undefined) => {
        const values = tool === undefined ? undefined : times.get(tool)?.[part];
        return values === undefined || values.length === 0 ? undefined : median(values);
      };
      const what = part === "first" ? TREES[kind] : "the same, nothing changed";
      console.log(row(what, tools.map(of), of(rsync)));
    }
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      smoke: { type: "boolean" },
      binary: { type: "string" },
      dir: { type: "string" },
      runs: { type: "string" },
    },
  });
  const smoke = values.smoke === true;
  const rounds = Math.ceil(positive("--runs", values.runs, smoke ? 1 : 3));
  const directory = values.dir ?? defaultDirectory();
  const all = toolsWith(findBinary(values.binary));
  const tools: Tool[] = [];
  for (const tool of all) {
    if (tool.name === "sluice" || await isInstalled(tool.program)) tools.push(tool);
    else console.error(`skipped: ${tool.program} is not installed`);
  }
  const results = new Map<TreeKind, Map<Tool, Times>>();
  await withFolder(directory, async (folder) => {
    for (const kind of KINDS) {
      const source = `${folder}/source`;
      const totals = writeTree(source, planTree(kind, { scale: smoke ? SMOKE_SCALE : 1 }));
      const times = new Map(tools.map((tool) => [tool, { first: [], second: [] } as Times]));
      results.set(kind, times);
      for (let round = 0; round < rounds; round++) {
        const order = round % 2 === 0 ? tools : [...tools].reverse();
        for (const tool of order) {
          const mine = times.get(tool)!;
          await measure(tool, { source, folder, totals }, mine);
          const seconds = [mine.first, mine.second].map((list) => list.at(-1)!.toFixed(2));
          console.error(
            `${TREES[kind]}, round ${round + 1}: ${tool.name} ${seconds.join(" s, again ")} s`,
          );
        }
      }
      Deno.removeSync(source, { recursive: true });
    }
  });
  if (smoke) {
    console.log(`Smoke test: trees of ${SMOKE_SCALE * 100} % of the size that is named.\n`);
  }
  printTable(tools, results);
  console.log(
    `\nMedian of ${rounds}, in brackets the multiple of rsync's time; in ${directory}, ` +
      `${navigator.hardwareConcurrency} cores. sluice with SHA-256, database and log; cp -au for ` +
      "the second run.",
  );
  return 0;
}

if (import.meta.main) await runScript("compare", main);
