/** What a command has of its process, with streams that remember. */
import type { CommandContext, Output } from "../../src/commands/command.ts";

/** A context, and what was written to its streams so far. */
export function commandContext(base: string, signal = new AbortController().signal) {
  const decoder = new TextDecoder();
  const texts = { stdout: "", stderr: "" };
  const append = (name: keyof typeof texts) => (data: string | Uint8Array) => {
    texts[name] += typeof data === "string" ? data : decoder.decode(data);
    return true;
  };
  const output = (name: keyof typeof texts): Output => ({
    write: append(name),
    tell: append(name),
    terminal: false,
    columns: () => 80,
  });
  const context: CommandContext = {
    signal,
    interruptedCode: () => 130,
    base,
    stdout: output("stdout"),
    stderr: output("stderr"),
    diagnose: () => {},
  };
  return { context, stdout: () => texts.stdout, stderr: () => texts.stderr };
}
