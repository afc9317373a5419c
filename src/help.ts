/**
 * The help: one screen of what is needed every day, and a complete list of all options in groups.
 *
 * An option that is added to the command line is in the complete list, and named in the other one.
 */
import type { Command, Option } from "commander";
import { COMMANDS } from "./commands/all.ts";

/** The options that `--help` explains; it only names the others. */
const EVERYDAY: readonly string[] = [
  ...["--db", "--log", "--bwlimit", "--checksum", "--delete-extras", "--rescan", "--block-size"],
  ...["--queue-capacity", "--dry-run", "--progress", "--quiet", "--verbose", "--version", "--help"],
  "--help-all",
];

const WIDTH = 100;

const EXAMPLES = `
Examples:
  sluice /mnt/old /mnt/new --bwlimit 20M     copy, at most 20 MiB a second
  sluice /mnt/old /mnt/new                   the same again: goes on where it was, or finds changes
  sluice /mnt/old /mnt/new --dry-run         what would be done, and why
  sluice /mnt/old /mnt/new --delete-extras   mirror: also remove what the source does not have

Commands: ${COMMANDS.map(({ name }) => name).join(", ")} (sluice COMMAND --help tells more)

Exit codes: 0 in sync, 1 some files failed, 2 wrong usage (nothing touched), 3 had to stop,
129, 130 and 143 interrupted (run it again to resume).`;

/** Gives `program` its two helps. Call it when all other options are there. */
export function addHelp(program: Command): void {
  let all = false;
  program
    .helpOption("-h, --help", "print this help")
    .option("--help-all", "print all options")
    .configureHelp({
      styleArgumentText: (text) => text,
      visibleArguments: () => [],
      visibleCommands: () => [],
      helpWidth: WIDTH,
      groupItems<T extends Command | Option>(
        _: T[],
        visible: T[],
        groupOf: (item: T) => string,
      ): Map<string, T[]> {
        return Map.groupBy(visible, (item) => all ? groupOf(item) : "Options:");
      },
    })
    .addHelpText("after", () => `${all ? "" : `\n${others(program)}\n`}${EXAMPLES}`)
    .on("option:help-all", () => {
      all = true;
      for (const option of program.options) option.hideHelp(false);
      program.help();
    });
  for (const option of program.options) option.hideHelp(!EVERYDAY.includes(option.long ?? ""));
}

/** The options that are not shown, as a paragraph. */
function others(program: Command): string {
  const names = program.options.filter(({ hidden }) => hidden).map(({ long }) => long!);
  const words = `More options, explained by --help-all: ${names.join(", ")}`.split(" ");
  return words.reduce((text, word) => {
    const line = text.length - (text.lastIndexOf("\n") + 1);
    return `${text}${line + 1 + word.length > WIDTH ? "\n  " : " "}${word}`;
  });
}
