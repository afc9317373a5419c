/** Commands whose output is bytes: names are not always UTF-8. */

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Runs the command to its end and keeps what it printed as it was. */
export async function sluiceBytes(args: readonly string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN, ...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
}

/** Runs a script of the shell, for names that Deno cannot make; its words are `$1` and so on. */
export async function shell(script: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `set -e -o pipefail; ${script}`, "bash", ...words],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${text(stdout)}${text(stderr)}`);
  return text(stdout);
}
