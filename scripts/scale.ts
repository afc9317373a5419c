/**
 * What the number of files costs: memory, time and disk at 100,000, 1,000,000 and 10,000,000 files.
 *
 * The trees are made up (`scale/synthetic.ts`): listings follow from paths, what is written is thrown
 * away, so that nothing but sluice itself is measured. Each step is a run in a process of its own,
 * with a database and an audit log on a disk:
 *
 * - `scan`: everything is new; ends when the first file would be written
 * - `resume`: from the start of a run with all that pending to the first byte
 * - `settle`: everything is carried, recorded and logged
 * - `again`: a scan of what is in sync
 * - `compare`: a scan where one file in a hundred differs, so that all are compared
 *
 * Usage: `deno run -A scripts/scale.ts [--files N,N,...] [--dir DIRECTORY]`; the directory should be
 * on a disk, and have 1 KiB for each file. Exit code 1 when a step takes 250 MiB, a resumed run 2 s to
 * its first byte, or a file of a larger tree 1.3 times the processor time that one of the smallest takes
 * (the other time depends on what else the machine and its disk are doing).
 */
import { readdirSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { openBackend } from "../src/backend/open.ts";
import type { Identity } from "../src/backend/backend.ts";
import { spawnInProcess } from "../src/hands.ts";
import { sync } from "../src/sync.ts";
import { V8_FLAGS } from "./compile.ts";
import { type Contents, openSynthetic } from "./scale/synthetic.ts";
import { runScript, withFolder, WorkbenchError } from "./workbench.ts";

const KIB = 2 ** 10, MIB = 2 ** 20;
const MOST = { resident: 250 * MIB, resume: 2, growth: 1.3 };

/** What a step finds at the destination, and whether it ends with the first byte. */
const STEPS = {
  scan: { there: "none", rescan: false, stops: true },
  resume: { there: "none", rescan: false, stops: true },
  settle: { there: "none", rescan: false, stops: false },
  again: { there: "all", rescan: true, stops: false },
  compare: { there: "changed", rescan: true, stops: true },
} as const satisfies Record<string, { there: Contents; rescan: boolean; stops: boolean }>;

type Step = keyof typeof STEPS;

/** What a step took. */
interface Usage {
  /** Seconds until the first file was about to be written, else until the end. */
  readonly first: number;
  readonly seconds: number;
  /** Seconds of processor time until then, of all threads. */
  readonly firstBusy: number;
  readonly busy: number;
  /** The high-water mark of the resident memory, in bytes. */
  readonly resident: number;
  /** Bytes of the database and its write-ahead log, and of the audit log. */
  readonly database: number;
  readonly log: number;
}

/** Runs one step in this process. */
async function runStep(step: Step, files: number, folder: string): Promise<Usage> {
  const { there, rescan, stops } = STEPS[step];
  const roots = { source: `${folder}/source`, destination: `${folder}/destination` };
  const identities = new Map<string, Identity>();
  for (const root of Object.values(roots)) {
    Deno.mkdirSync(root, { recursive: true });
    await using backend = await openBackend(root, { temporaryName: () => "" });
    identities.set(root, backend.identity);
  }
  const began = performance.now();
  const since = () => (performance.now() - began) / 1000;
  const stop = new AbortController();
  let first = 0, firstBusy = 0;
  const written = () => {
    if (first > 0) return;
    first = since();
    firstBusy = processorTime();
    if (stops) stop.abort(new DOMException("the step is over", "AbortError"));
  };
  const open = (root: string) => {
    const contents = root === roots.source ? "all" : there;
    return Promise.resolve(
      openSynthetic({ root, identity: identities.get(root)!, files, contents, written }),
    );
  };
  const summary = await sync(roots.source, roots.destination, {
    db: `${folder}/sluice.db`,
    log: `${folder}/log.jsonl`,
    // the steps are to be told apart
    overlap: false,
    rescan,
    signal: stop.signal,
    open,
    spawn: spawnInProcess(open),
  });
  const expected = stops ? "interrupted" : "in sync";
  if (summary.outcome !== expected) {
    const why = summary.reason ?? summary.failures[0]?.message ?? "";
    throw new WorkbenchError(`${step} ended with "${summary.outcome}": ${why}`);
  }
  const seconds = since();
  return {
    first: first || seconds,
    seconds,
    firstBusy: firstBusy || processorTime(),
    busy: processorTime(),
    resident: highWaterMark(),
    database: sizeOf(folder, "sluice.db"),
    log: sizeOf(folder, "log.jsonl"),
  };
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function highWaterMark(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) * KIB;
}

/** Bytes of the files whose names begin with `name`. */
function sizeOf(folder: string, name: string): number {
  return readdirSync(folder).filter((file) => file.startsWith(name))
    .reduce((sum, file) => sum + Deno.statSync(`${folder}/${file}`).size, 0);
}

/** Runs one step in a process of its own, with the heaps bounded as those of the executable. */
async function spawnStep(step: Step, files: number, folder: string): Promise<Usage> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", `--v8-flags=${V8_FLAGS}`, import.meta.filename!],
      ...["--step", step, "--files", String(files), "--dir", folder],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new WorkbenchError(`the step "${step}" with ${files} files failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Seconds that a step takes, and how many of them the processor is busy. */
function timesOf(step: Step, { first, seconds, firstBusy, busy }: Usage) {
  if (step === "settle") return { seconds: seconds - first, busy: busy - firstBusy };
  return STEPS[step].stops ? { seconds: first, busy: firstBusy } : { seconds, busy };
}

function row(step: Step, files: number, usage: Usage, smallest: Usage | null, least: number) {
  const { resident, database, log } = usage;
  const { seconds, busy } = timesOf(step, usage);
  const growth = smallest === null ? 1 : busy / files / (timesOf(step, smallest).busy / least);
  const resumes = step === "resume";
  const failures = [
    ...(resident >= MOST.resident ? ["memory"] : []),
    ...(resumes && seconds >= MOST.resume ? ["time to the first byte"] : []),
    ...(!resumes && growth > MOST.growth ? ["growth"] : []),
  ];
  const cells = [
    files.toLocaleString("en-US"),
    step,
    `${seconds.toFixed(2)} s`,
    `${busy.toFixed(2)} s`,
    resumes ? "-" : `${(busy / files * 1e6).toFixed(2)} µs`,
    resumes ? "-" : growth.toFixed(2),
    `${(resident / MIB).toFixed(0)} MiB`,
    `${(database / files).toFixed(0)} B`,
    `${(log / files).toFixed(0)} B`,
    failures.length === 0 ? "holds" : `TOO MUCH: ${failures.join(", ")}`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
  return failures.length === 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "100000,1000000,10000000" },
      dir: { type: "string", default: Deno.env.get("TMPDIR") ?? "/tmp" },
      step: { type: "string" },
    },
  });
  const sizes = values.files.split(",").map(Number);
  if (sizes.some((files) => !Number.isInteger(files) || files < 1)) {
    throw new WorkbenchError(`--files takes numbers of files, not "${values.files}"`);
  }
  if (values.step !== undefined) {
    if (!(values.step in STEPS)) throw new WorkbenchError(`there is no step "${values.step}"`);
    console.log(JSON.stringify(await runStep(values.step as Step, sizes[0]!, values.dir)));
    return 0;
  }
  console.log(
    "| files | step | time | processor | per file | of that of the smallest | peak resident | " +
      "database per file | log per file | |",
  );
  console.log("|---:|---|---:|---:|---:|---:|---:|---:|---:|---|");
  const smallest = new Map<Step, Usage>();
  let holds = true;
  for (const files of sizes) {
    await withFolder(values.dir, async (folder) => {
      for (const step of Object.keys(STEPS) as Step[]) {
        const usage = await spawnStep(step, files, folder);
        const before = smallest.get(step) ?? null;
        if (before === null) smallest.set(step, usage);
        holds = row(step, files, usage, before, sizes[0]!) && holds;
      }
    });
  }
  return holds ? 0 : 1;
}

if (import.meta.main) await runScript("scale", main);
