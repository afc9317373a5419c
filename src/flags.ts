/** Flags: the texts of options as checked values, for every command. Nothing is touched here. */
import type { Command, Option } from "commander";
import { type Bandwidth, parseBandwidth } from "./bandwidth.ts";
import { UsageError } from "./errors.ts";
import { demandTimeOfDay } from "./time_zone.ts";

/** The ways of `--progress`. */
export const PROGRESS_MODES = ["auto", "plain", "json", "none"] as const;

/** The options of a command as they were given, by their camel-case names. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/**
 * A value that `parse` reads from the text of an option.
 *
 * @throws UsageError with the RangeError that `parse` throws, as one sentence about the option
 */
export function value<T>(flag: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { message } = error;
    throw new UsageError(`${flag}: ${message[0]!.toLowerCase()}${message.slice(1)}`, {
      cause: error,
    });
  }
}

/**
 * The value of `--bwlimit`.
 *
 * @throws UsageError when it cannot be read, or is a timetable and the time of day cannot be told
 */
export function bandwidthOption({ bwlimit }: Flags): Bandwidth {
  const bandwidth = value("--bwlimit", String(bwlimit), parseBandwidth);
  const isTimetable = typeof bandwidth === "object" && bandwidth !== null && "changes" in bandwidth;
  if (isTimetable) demandTimeOfDay("the timetable of --bwlimit");
  return bandwidth;
}

/** One of the words that an option takes. */
export function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(`${flag} does not know "${text}"; it takes ${choices.join(", ")}`);
}

/** A whole number from `least` (default 1) to `largest`. */
export function wholeNumber(flag: string, text: string, largest: number, least = 1): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= largest) return number;
  throw new UsageError(`${flag} takes a whole number from ${least} to ${largest}, not "${text}"`);
}

/**
 * Refuses an option that is given twice, or also in the negative: which of the two was meant cannot
 * be known.
 */
export function refuseRepeats(command: Command): void {
  const seen = new Map<string, string>();
  for (const option of command.options) {
    command.on(`option:${option.name()}`, () => {
      const given = option.long ?? option.name();
      const before = seen.get(option.attributeName());
      if (before === given) throw new UsageError(`${given} is given twice; give it once`);
      if (before !== undefined) {
        throw new UsageError(`${before} and ${given} are given; give one of them`);
      }
      seen.set(option.attributeName(), given);
    });
  }
}

/**
 * Refuses an option in the place of another's value, as in `--db --dry-run`: it would be taken for a
 * name, and the run would not be the one that was asked for. What is joined by `=` was meant.
 *
 * @param words the command line, of which the first word may be the name of a command
 */
export function refuseOptionsAsValues(command: Command, words: readonly string[]): void {
  let first = true;
  for (let i = 0; i < words.length && words[i] !== "--"; i++) {
    const word = words[i]!;
    const option = command.options.find((option) => option.required && option.long === word);
    if (option !== undefined) {
      i += 1;
      refuseAsValue(option, word, words[i]);
      continue;
    }
    if (word.startsWith("-")) continue;
    const named = command.commands.find((one) => first && one.name() === word);
    if (named !== undefined) return refuseOptionsAsValues(named, words.slice(i + 1));
    first = false;
  }
}

function refuseAsValue(option: Option, flag: string, text: string | undefined): void {
  // that it is missing is told by the parser
  if (text === undefined || !text.startsWith("-")) return;
  const isPath = /<(path|dir)>/.test(option.flags);
  // a negative number is no option: what the option takes instead is for its own check to say
  if (!isPath && /^-\.?\d/.test(text)) return;
  const path = isPath ? ` or ${flag} ./${text}` : "";
  throw new UsageError(
    `${flag} needs a value, and "${text}" after it looks like an option; write ${flag}=${text}` +
      `${path} if it is the value`,
  );
}
