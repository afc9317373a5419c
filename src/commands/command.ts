/**
 * The contract of a command beside the sync itself: `sluice NAME [options] WORDS`.
 *
 * A new one is a file in this directory that exports a {@link Subcommand}, and a line in `all.ts`.
 */
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import type { Flags } from "../flags.ts";
import type { Base } from "../working_directory.ts";

/** What a command has of the process that runs it. */
export interface CommandContext {
  /** Aborts when the user interrupts; a second interrupt leaves at once, without the command. */
  readonly signal: AbortSignal;
  /** The exit code for an interruption that has happened: 130, 143 or 129. */
  readonly interruptedCode: () => number;
  /** The directory that relative paths are relative to. */
  readonly base: Base;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Sends diagnostics to stderr; those below a warning only if `verbose`. */
  readonly diagnose: (verbose: boolean) => void;
}

/** One of the two streams that a command writes to. */
export interface Output {
  /** Writes all of it; false when nobody reads any more (`| head`), and nothing need follow. */
  write(data: string | Uint8Array): boolean;
  /** The same for what is only told along the way: nothing ends because it cannot be written. */
  tell(data: string | Uint8Array): boolean;
  /** Whether it is a terminal that can be drawn on. */
  readonly terminal: boolean;
  /** The width of the terminal, 80 where it has none. */
  columns(): number;
}

/**
 * What was asked of a command, ready to run. Resolves with the exit code. What may be thrown: a
 * UsageError (exit code 2), a SyncError (3), the reason of the signal (the code of the signal).
 */
export type Task = (context: CommandContext) => Promise<number>;

/** A command: its words, its options, and how they become a task. */
export interface Subcommand {
  readonly name: string;
  /** Its words for the help, those in brackets may be missing: `["FILE"]`, `["[DB]"]`. */
  readonly words: readonly string[];
  /** One sentence. */
  readonly description: string;
  /** Adds its options. */
  readonly options?: (command: Command) => void;
  /** What stands below the options in its help. */
  readonly more?: string;
  /**
   * Checks words and options; touches nothing. There are as many words as {@link words} allows.
   *
   * @throws UsageError with one sentence that says what is wrong
   */
  parse(words: readonly string[], flags: Flags): Task;
}

/**
 * The path of the database, which may be given as a word or with `--db`.
 *
 * @param fallback where neither is given
 */
export function databaseOf(word: string | undefined, { db }: Flags, fallback: string): string {
  if (word !== undefined && db !== undefined) {
    throw new UsageError(`the database is given twice, as ${word} and with --db; give it once`);
  }
  return word ?? (typeof db === "string" ? db : fallback);
}

/** What a message about wrong usage ends with. */
export function hint(command?: string): string {
  return `; sluice ${command === undefined ? "" : `${command} `}--help shows how`;
}

/** Refuses too few and too many words. */
export function checkWords({ name, words }: Subcommand, given: readonly string[]): void {
  const needed = words.filter((word) => !word.startsWith("["));
  const missing = needed.slice(given.length);
  if (missing.length > 0) throw new UsageError(`${missing.join(" and ")} missing${hint(name)}`);
  if (given.length > words.length) {
    const all = words.length === 0 ? "takes no words" : `takes ${words.join(" ")} only`;
    throw new UsageError(`${name} ${all}, not "${given[words.length]}" too${hint(name)}`);
  }
}
