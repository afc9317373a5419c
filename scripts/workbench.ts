/** What the measuring scripts share: the binary, a temporary folder, commands and their times. */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Where trees are put unless the user says otherwise: in memory, where there is such a place. */
export function defaultDirectory(): string {
  try {
    if (Deno.statSync("/dev/shm").isDirectory) return "/dev/shm";
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return Deno.env.get("TMPDIR") ?? "/tmp";
}

/** A measurement that cannot be made; the message is the whole of what the user needs. */
export class WorkbenchError extends Error {
  override readonly name = "WorkbenchError";
}

/** The full path of the binary; without a path, the one that `deno task compile` makes. */
export function findBinary(path: string | undefined): string {
  const wanted = path ?? `${ROOT}dist/sluice`;
  try {
    return Deno.realPathSync(wanted);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new WorkbenchError(
      `there is no ${wanted}; build it with "deno task compile", or name one with --binary`,
    );
  }
}

/** Runs `body` with a new folder in `directory`, and removes the folder whatever happens. */
export async function withFolder<T>(
  directory: string,
  body: (folder: string) => Promise<T>,
): Promise<T> {
  return await inFolder(directory, { body, keep: () => false });
}

/**
 * Runs `body` with a new folder in `directory`, which stays for a look when `body` resolves with
 * false or throws. Resolves with the exit code: 0 or 1.
 */
export async function keepFolder(
  directory: string,
  body: (folder: string) => Promise<boolean>,
): Promise<number> {
  let good = false;
  await inFolder(directory, {
    body: async (folder) => void (good = await body(folder)),
    keep: () => !good,
  });
  return good ? 0 : 1;
}

async function inFolder<T>(
  directory: string,
  { body, keep }: { body: (folder: string) => Promise<T>; keep: () => boolean },
): Promise<T> {
  const folder = makeFolder(directory);
  const remove = () => Deno.removeSync(folder, { recursive: true });
  const interrupted = () => {
    try {
      remove();
    } finally {
      Deno.exit(130);
    }
  };
  Deno.addSignalListener("SIGINT", interrupted);
  Deno.addSignalListener("SIGTERM", interrupted);
  try {
    return await body(Deno.realPathSync(folder));
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    Deno.removeSignalListener("SIGTERM", interrupted);
    if (!keep()) remove();
  }
}

function makeFolder(directory: string): string {
  try {
    return Deno.makeTempDirSync({ dir: directory, prefix: "sluice-work-" });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new WorkbenchError(
      `no folder can be made in ${directory} (${error.message}); name another place with --dir`,
      { cause: error },
    );
  }
}

/** Runs a script's body; its exit code is the script's, a {@link WorkbenchError} is one sentence. */
export async function runScript(name: string, body: () => Promise<number>): Promise<never> {
  try {
    Deno.exit(await body());
  } catch (error) {
    const isUsage = error instanceof WorkbenchError ||
      (error instanceof TypeError && "code" in error);
    if (!isUsage) throw error;
    console.error(`${name}: ${error.message.split("\n")[0]}`);
    Deno.exit(2);
  }
}

/** Runs a command to its end; returns how long it took, in seconds. A failure is an error. */
export async function timeCommand(command: string, args: readonly string[]): Promise<number> {
  const began = performance.now();
  const { success, code, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const seconds = (performance.now() - began) / 1000;
  if (success) return seconds;
  const said = new TextDecoder().decode(stderr).trim().split("\n").slice(0, 3).join("; ");
  throw new WorkbenchError(`${command} ${args.join(" ")} ended with exit code ${code}: ${said}`);
}

/** Whether a program is there to be run. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    // whatever it says to that
    await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The value in the middle; of two, the mean. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A flag's value as a number above 0. */
export function positive(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new WorkbenchError(`${flag} takes a number above 0, not "${text}"`);
}
