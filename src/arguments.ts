/** The command line: words in, checked options out. Nothing is touched here. */
import { Command, CommanderError } from "commander";
import { UsageError } from "./errors.ts";
import { parseRate, parseSize } from "./lib/units.ts";
import { type Algorithm, ALGORITHMS, DEFAULTS, type SyncOptions } from "./options.ts";
import { VERSION } from "./version.ts";

/** The ways of `--progress`. */
export const PROGRESS_MODES = ["auto", "plain", "json", "none"] as const;

/** What the command line asks for. */
export type Invocation =
  | { readonly type: "print"; readonly text: string }
  | {
    readonly type: "sync";
    readonly source: string;
    readonly destination: string;
    readonly options: SyncOptions;
    readonly progress: (typeof PROGRESS_MODES)[number];
    readonly quiet: boolean;
    readonly verbose: boolean;
  };

/** Names that will be subcommands; a directory of that name is written `./verify`. */
const RESERVED = ["verify", "doctor", "report", "plan", "manifest", "audit", "why", "ctl"];

const LARGEST_BLOCK = 2 ** 30, LARGEST_QUEUE = 10_000;

const EXAMPLES = `
Examples:
  sluice /mnt/old /mnt/new --bwlimit 20M     copy, at most 20 MiB a second
  sluice /mnt/old /mnt/new                   the same again: goes on where it was, or finds changes
  sluice /mnt/old /mnt/new --dry-run         what would be done, and why
  sluice /mnt/old /mnt/new --delete-extras   mirror: also remove what the source does not have

Exit codes: 0 in sync, 1 some files failed, 2 wrong usage (nothing touched), 3 had to stop,
129, 130 and 143 interrupted (run it again to resume).`;

/**
 * Reads the command line.
 *
 * @throws UsageError with one sentence that says what is wrong
 */
export function parseArguments(args: readonly string[]): Invocation {
  let printed = "";
  const program = new Command("sluice")
    .usage("[options] SOURCE DESTINATION")
    .description(
      "Migrates a file tree from one mounted share to another; stop and restart at will.",
    )
    .argument("[SOURCE]")
    .argument("[DESTINATION]")
    .option("--db <path>", "the database, on a local disk", DEFAULTS.db)
    .option("--log <path>", "the audit log, appended", DEFAULTS.log)
    .option("--bwlimit <rate>", "bytes per second: 20M is 20 MiB/s; K M G T, decimals, off", "off")
    .option("--checksum <name>", ALGORITHMS.join(", "), DEFAULTS.checksum)
    .option("--delete-extras", "mirror: remove what the source does not have")
    .option("--rescan", "scan again although a backlog is pending")
    .option("--block-size <size>", "size of a transfer block", "5M")
    .option("--queue-capacity <n>", "slots of the block queue", String(DEFAULTS.queueCapacity))
    .option("-n, --dry-run", "scan and print each operation; touch nothing at the destination")
    .option("--progress <mode>", PROGRESS_MODES.join(", "), "auto")
    .option("-q, --quiet", "print errors only")
    .option("-v, --verbose", "print more of what is going on")
    .version(VERSION, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .configureHelp({
      styleArgumentText: (text) => text,
      visibleArguments: () => [],
      helpWidth: 100,
    })
    .addHelpText("after", EXAMPLES)
    .exitOverride()
    .allowExcessArguments(true)
    .configureOutput({
      writeOut: (text) => printed += text,
      writeErr: () => {},
    });
  refuseRepeats(program);
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: "print", text: printed };
    throw new UsageError(`${error.message.replace(/^error: /, "").replace(/\s+/g, " ")}${HINT}`, {
      cause: error,
    });
  }
  const [source, destination, ...rest] = program.args;
  if (source !== undefined && RESERVED.includes(source)) {
    throw new UsageError(
      `"${source}" is kept for a command that this version does not have; write ./${source} if ` +
        "you mean a directory",
    );
  }
  if (source === undefined || destination === undefined) {
    const missing = source === undefined ? "SOURCE and DESTINATION" : "DESTINATION";
    throw new UsageError(`${missing} missing: say where to copy from and where to${HINT}`);
  }
  if (rest.length > 0) {
    throw new UsageError(
      `one SOURCE and one DESTINATION are wanted, and "${rest[0]}" comes after them${HINT}`,
    );
  }
  const given = program.opts<Record<string, string | boolean | undefined>>();
  const text = (name: string) => String(given[name]);
  if (given.quiet === true && given.verbose === true) {
    throw new UsageError("--quiet and --verbose contradict each other; give one of them");
  }
  return {
    type: "sync",
    source,
    destination,
    options: {
      db: text("db"),
      log: text("log"),
      bwlimit: value("--bwlimit", text("bwlimit"), parseRate),
      checksum: oneOf("--checksum", text("checksum"), ALGORITHMS) as Algorithm,
      deleteExtras: given.deleteExtras === true,
      rescan: given.rescan === true,
      blockSize: atMost("--block-size", value("--block-size", text("blockSize"), parseSize)),
      queueCapacity: wholeNumber("--queue-capacity", text("queueCapacity"), LARGEST_QUEUE),
      dryRun: given.dryRun === true,
    },
    progress: oneOf("--progress", text("progress"), PROGRESS_MODES),
    quiet: given.quiet === true,
    verbose: given.verbose === true,
  };
}

const HINT = "; sluice --help shows how";

/** Which of two values was meant cannot be known, so neither is taken. */
function refuseRepeats(program: Command): void {
  const seen = new Set<string>();
  for (const option of program.options) {
    program.on(`option:${option.name()}`, () => {
      if (seen.has(option.name())) {
        throw new UsageError(`${option.long} is given twice; give it once`);
      }
      seen.add(option.name());
    });
  }
}

function value<T>(flag: string, text: string, parse: (text: string) => T): T {
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

function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(`${flag} does not know "${text}"; it takes ${choices.join(", ")}`);
}

function atMost(flag: string, bytes: number): number {
  if (bytes <= LARGEST_BLOCK) return bytes;
  throw new UsageError(`${flag} is at most 1G; a larger block only takes more memory`);
}

function wholeNumber(flag: string, text: string, largest: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= 1 && number <= largest) return number;
  throw new UsageError(`${flag} takes a whole number from 1 to ${largest}, not "${text}"`);
}
