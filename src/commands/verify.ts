/** `sluice verify [DB]`: reads the destination again and compares it with what is on record. */
import { endingOptions } from "../ending_flags.ts";
import { UsageError } from "../errors.ts";
import { bandwidthOption, type Flags, oneOf, PROGRESS_MODES, value } from "../flags.ts";
import { parseWindow } from "../lib/units.ts";
import { showText } from "../name.ts";
import { DEFAULTS } from "../options.ts";
import { jsonVerifyReporter, plainVerifyReporter } from "../verify/reporters.ts";
import { parseShare } from "../verify/sample.ts";
import { verify as run, type VerifyOptions } from "../verify/verify.ts";
import { databaseOf, type Subcommand } from "./command.ts";

/** The command. */
export const verify: Subcommand = {
  name: "verify",
  words: ["[DB]"],
  description: "Reads the destination again, and compares hashes, sizes and times with the record.",
  options: (command) =>
    command
      .option("--db <path>", "another way to name the database")
      .option("--sample <share>", "read so many of the files, such as 5%", "100%")
      .option("--seed <n>", "which files are in the sample: each number has its own", "1")
      .option("--log <path>", "the audit log, appended", DEFAULTS.log)
      .option("--bwlimit <rate>", "bytes per second: 20M is 20 MiB/s; off, or a timetable", "off")
      .option("--stop-after <time>", "end after a time, the next one goes on: 8h, 90m")
      .option("--stop-at <time>", "end when the clock shows it, in local time: 06:00")
      .option("--modify-window <time>", "times no farther apart are equal: 2s, 100ns, 0", "auto")
      .option("--restart", "begin anew although one was interrupted")
      .option("--progress <mode>", PROGRESS_MODES.join(", "), "auto")
      .option("-q, --quiet", "print only what is not as recorded"),
  more:
    `DB is ${DEFAULTS.db} if it is not given; no sync can use it meanwhile. Files are read from the
destination itself, not from what this system remembers of them. The source is not needed.

  sluice verify --sample 5% --seed 2 --bwlimit 50M sluice.db

Exit codes: 0 all as recorded (or to end early, which it says), 1 something is different, missing or
unreadable, 2 wrong usage, 3 had to stop, 129, 130 and 143 interrupted (run it again to go on).`,
  parse([word], flags) {
    const options = verifyOptions(databaseOf(word, flags, DEFAULTS.db), flags);
    const progress = oneOf("--progress", String(flags.progress), PROGRESS_MODES);
    const quiet = flags.quiet === true;
    return async ({ signal, base, stdout, stderr, interruptedCode, diagnose }) => {
      diagnose(false);
      const summary = await run(options, {
        signal,
        base,
        interruptedCode,
        tell: (sentence) => void stderr.write(`sluice: ${showText(sentence)}\n`),
        reporter: (snapshot) =>
          (progress === "json" ? jsonVerifyReporter : plainVerifyReporter)({
            snapshot,
            write: (text) => stdout.tell(text),
            columns: progress === "auto" && stdout.terminal ? () => stdout.columns() : null,
            progress: progress !== "none",
            quiet,
          }),
      });
      if (summary.outcome === "stopped" && (quiet || progress === "json" || !stdout.terminal)) {
        stderr.write(`sluice: ${showText(summary.reason ?? "it had to stop")}\n`);
      }
      return summary.exitCode;
    };
  },
};

function verifyOptions(db: string, flags: Flags): VerifyOptions {
  const text = (name: string) => String(flags[name]);
  const seed = text("seed");
  if (!/^\d{1,9}$/.test(seed)) {
    throw new UsageError(`--seed takes a whole number from 0 to 999999999, not "${seed}"`);
  }
  const { stopAfter, stopAt } = endingOptions(flags);
  return {
    db,
    stopAfter,
    stopAt,
    log: text("log"),
    sample: {
      millionths: value("--sample", text("sample"), parseShare),
      seed: Number(seed),
    },
    bwlimit: bandwidthOption(flags),
    modifyWindow: value("--modify-window", text("modifyWindow"), parseWindow),
    restart: flags.restart === true,
  };
}
