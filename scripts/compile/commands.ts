/** What a build runs, and how it tells what went wrong. */
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A build that cannot be made; the message is the whole of what the user needs. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/** Runs a command and returns what it printed; its failure is a BuildError with the first line of why. */
export async function capture(
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
export async function spawn(
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
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error.cause instanceof Error ? error.cause : error;
  return message.split("\n")[0]!.replace(/\.$/, "");
}
