/** The command line: words in, checked options out. Nothing is touched here. */
import { Command, CommanderError } from "commander";
import { COMMANDS, RESERVED } from "./commands/all.ts";
import { checkWords, hint, type Subcommand, type Task } from "./commands/command.ts";
import { addDeletionOptions, deletionOptions } from "./deletion_flags.ts";
import { UsageError } from "./errors.ts";
import { endingOptions } from "./ending_flags.ts";
import {
  bandwidthOption,
  type Flags,
  oneOf,
  PROGRESS_MODES,
  refuseOptionsAsValues,
  refuseRepeats,
  value,
  wholeNumber,
} from "./flags.ts";
import { addHelp } from "./help.ts";
import { MOST_LANES } from "./lanes.ts";
import { parseSize, parseWait, parseWindow } from "./lib/units.ts";
import { PRESERVABLE, type Preservable } from "./preserve.ts";
import { type Algorithm, ALGORITHMS, DEFAULTS, ORDERS, type SyncOptions } from "./options.ts";
import { VERSION } from "./version.ts";

/** What the command line asks for. */
export type Invocation =
  | { readonly type: "print"; readonly text: string }
  | { readonly type: "command"; readonly name: string; readonly task: Task }
  | {
    readonly type: "sync";
    readonly source: string;
    readonly destination: string;
    readonly options: SyncOptions;
    readonly progress: (typeof PROGRESS_MODES)[number];
    readonly quiet: boolean;
    readonly verbose: boolean;
  };

const LEAST_BLOCK = 2 ** 10, LARGEST_BLOCK = 2 ** 30, LARGEST_QUEUE = 10_000, MOST_RETRIES = 100;
/** The most operations per second that are still a limit. */
const MOST_OPERATIONS = 1_000_000;

/**
 * Reads the command line.
 *
 * @throws UsageError with one sentence that says what is wrong
 */
export function parseArguments(args: readonly string[]): Invocation {
  let printed = "";
  const asked: Invocation[] = [];
  const program = new Command("sluice")
    .usage("[options] SOURCE DESTINATION")
    .description(
      "Migrates a file tree from one mounted share to another; stop and restart at will.",
    )
    .argument("[SOURCE]")
    .argument("[DESTINATION]")
    .optionsGroup("Files and display:")
    .option("--db <path>", "the database, on a local disk", DEFAULTS.db)
    .option("--log <path>", "the audit log, appended", DEFAULTS.log)
    .option("--progress <mode>", PROGRESS_MODES.join(", "), "auto")
    .option("-q, --quiet", "print errors only")
    .option("-v, --verbose", "print more of what is going on")
    .optionsGroup("What is done:")
    .option("-n, --dry-run", "scan and print each operation; touch nothing at the destination")
    .option("--rescan", "scan again although a backlog is pending")
    .option("--checksum <name>", ALGORITHMS.join(", "), DEFAULTS.checksum)
    .option("--modify-window <time>", "times no farther apart are equal: 2s, 100ns, 0", "auto")
    .option("--hard-links", "names of one file stay names of one file")
    .option("--preserve <list>", `also apply ${PRESERVABLE.join(", ")}: a list with commas`);
  addDeletionOptions(program.optionsGroup("Deletion:"))
    .optionsGroup("Speed and memory:")
    .option("--bwlimit <rate>", "bytes per second: 20M, READ:WRITE, off, or a timetable", "off")
    .option("--ops-limit <n>", "metadata operations per second on each side")
    .option("--adaptive", "give way while a side answers well later than in quiet")
    .option("--idle", "let every other process go first, for processor and disks")
    .option("--block-size <size>", "size of a transfer block; 2M on NFS, 4M on SMB", "5M")
    .option("--lanes <n>", "files carried at once", "auto")
    .option("--queue-capacity <n>", "slots of the block queue", String(DEFAULTS.queueCapacity))
    .option("--order <name>", ORDERS.join(", "), DEFAULTS.order)
    .option("--overlap", "transfer while the scan goes on (the default)")
    .option("--no-overlap", "scan completely before the transfer begins")
    .optionsGroup("When it ends early:")
    .option("--stop-after <time>", "end the run after a time, the next one resumes: 8h, 90m")
    .option("--stop-at <time>", "end the run when the clock shows it, in local time: 06:00")
    .option("--max-transfer <size>", "end the run before it has transferred more: 500G, 2T")
    .optionsGroup("When it cannot go on:")
    .option("--wait-for-mount <time>", "wait for a root that is gone: 90s, 30m, 2h, off", "10m")
    .option("--wait-for-space <time>", "wait for room at the destination", "1h")
    .option("--retries <n>", "try again what failed for a passing reason", String(DEFAULTS.retries))
    .optionsGroup("About sluice:")
    .version(VERSION, "--version", "print the version")
    .exitOverride()
    .allowExcessArguments(true)
    .configureOutput({
      writeOut: (text) => printed += text,
      writeErr: () => {},
    })
    // options before the first word are the sync's, those after the name of a command are its own
    .enablePositionalOptions()
    .helpCommand(false)
    .action(() => {});
  addHelp(program);
  for (const subcommand of COMMANDS) {
    const command = define(program, subcommand);
    command.action(() => {
      refuseOptionsBefore(program, subcommand);
      checkWords(subcommand, command.args);
      const task = subcommand.parse(command.args, command.opts());
      asked.push({ type: "command", name: subcommand.name, task });
    });
    refuseRepeats(command);
  }
  refuseRepeats(program);
  refuseOptionsAsValues(program, args);
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: "print", text: printed };
    const named = COMMANDS.find(({ name }) => name === program.args[0])?.name;
    const message = error.message.replace(/^error: /, "").replace(/\s+/g, " ");
    throw new UsageError(`${message}${hint(named)}`, { cause: error });
  }
  if (asked.length > 0) return asked[0]!;
  const [source, destination, ...rest] = program.args;
  if (source !== undefined && RESERVED.includes(source)) {
    throw new UsageError(
      `"${source}" is kept for a command that this version does not have; write ./${source} if ` +
        "you mean a directory",
    );
  }
  if (source === undefined || destination === undefined) {
    const missing = source === undefined ? "SOURCE and DESTINATION" : "DESTINATION";
    throw new UsageError(`${missing} missing: say where to copy from and where to${hint()}`);
  }
  if (rest.length > 0) {
    throw new UsageError(
      `one SOURCE and one DESTINATION are wanted, and "${rest[0]}" comes after them${hint()}`,
    );
  }
  const given = program.opts<Flags>();
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
      bwlimit: bandwidthOption(given),
      checksum: oneOf("--checksum", text("checksum"), ALGORITHMS) as Algorithm,
      opsLimit: given.opsLimit === undefined
        ? null
        : wholeNumber("--ops-limit", text("opsLimit"), MOST_OPERATIONS),
      adaptive: given.adaptive === true,
      idle: given.idle === true,
      ...endingOptions(given),
      ...deletionOptions(given),
      rescan: given.rescan === true,
      order: oneOf("--order", text("order"), ORDERS),
      blockSize: program.getOptionValueSource("blockSize") === "default"
        ? null
        : blockSizeOf("--block-size", value("--block-size", text("blockSize"), parseSize)),
      lanes: text("lanes") === "auto" ? null : wholeNumber("--lanes", text("lanes"), MOST_LANES),
      queueCapacity: wholeNumber("--queue-capacity", text("queueCapacity"), LARGEST_QUEUE),
      hardLinks: given.hardLinks === true,
      overlap: given.overlap !== false,
      preserve: given.preserve === undefined ? [] : preserved(text("preserve")),
      modifyWindow: value("--modify-window", text("modifyWindow"), parseWindow),
      dryRun: given.dryRun === true,
      waitForMount: value("--wait-for-mount", text("waitForMount"), parseWait),
      waitForSpace: value("--wait-for-space", text("waitForSpace"), parseWait),
      retries: wholeNumber("--retries", text("retries"), MOST_RETRIES, 0),
    },
    progress: oneOf("--progress", text("progress"), PROGRESS_MODES),
    quiet: given.quiet === true,
    verbose: given.verbose === true,
  };
}

/** The command line of a command, in the style of the whole. */
function define(program: Command, { name, words, description, options, more }: Subcommand) {
  const command = program.command(name)
    .usage(["[options]", ...words].join(" "))
    .description(description)
    .helpOption("-h, --help", "print this help")
    .allowExcessArguments(true);
  options?.(command);
  if (more !== undefined) command.addHelpText("after", `\n${more}`);
  return command;
}

/** They would be the sync's, and would be passed over in silence. */
function refuseOptionsBefore(program: Command, { name }: Subcommand): void {
  for (const option of program.options) {
    if (program.getOptionValueSource(option.attributeName()) !== "cli") continue;
    throw new UsageError(
      `${option.long} comes before ${name}; options of a command come after it${hint(name)}`,
    );
  }
}

function blockSizeOf(flag: string, bytes: number): number {
  if (bytes < LEAST_BLOCK) {
    throw new UsageError(
      `${flag} is at least 1K, since a small block costs as much work as a large one; write 5M for ` +
        "5 MiB",
    );
  }
  if (bytes <= LARGEST_BLOCK) return bytes;
  throw new UsageError(`${flag} is at most 1G; a larger block only takes more memory`);
}

function preserved(list: string): Preservable[] {
  const words = list.split(",").map((word) => oneOf("--preserve", word.trim(), PRESERVABLE));
  return [...new Set(words)] as Preservable[];
}
