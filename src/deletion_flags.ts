/** The options about deletion: their texts as checked values. */
import type { Command } from "commander";
import { UsageError } from "./errors.ts";
import { type Flags, value, wholeNumber } from "./flags.ts";
import { parseDuration } from "./lib/units.ts";
import { DEFAULTS, type DeletionLimit, type SyncOptions } from "./options.ts";

/** What {@link deletionOptions} reads. */
export type DeletionOptions = Pick<
  SyncOptions,
  | "deleteExtras"
  | "deleteDespiteErrors"
  | "maxDelete"
  | "trash"
  | "deleteAfterScans"
  | "deleteMinAge"
>;

const MOST_SCANS = 100;

/** Adds the options to the sync's command line. */
export function addDeletionOptions(command: Command): Command {
  return command
    .option("--delete-extras", "mirror: remove what the source does not have")
    .option("--max-delete <limit>", "with it: delete nothing if it were more files; 500, 10%")
    .option("--trash <dir>", "with it: move there (same file system) instead of deleting")
    .option("--delete-after-scans <n>", "with it: only what n complete scans missed at the source")
    .option("--delete-min-age <time>", "  and the first and last of them this far apart: 24h, 7d")
    .option("--delete-despite-errors", "with it: also after errors, where listings were complete");
}

/**
 * Reads the options about deletion.
 *
 * @throws UsageError when one is wrong, or goes for nothing without another
 */
export function deletionOptions(given: Flags): DeletionOptions {
  const text = (name: string) => given[name] === undefined ? null : String(given[name]);
  const limit = text("maxDelete"), scans = text("deleteAfterScans"), age = text("deleteMinAge");
  const trash = text("trash");
  const options: DeletionOptions = {
    deleteExtras: given.deleteExtras === true,
    deleteDespiteErrors: given.deleteDespiteErrors === true,
    maxDelete: limit === null ? DEFAULTS.maxDelete : parseLimit(limit),
    trash,
    deleteAfterScans: scans === null
      ? DEFAULTS.deleteAfterScans
      : wholeNumber("--delete-after-scans", scans, MOST_SCANS),
    deleteMinAge: age === null
      ? DEFAULTS.deleteMinAge
      : value("--delete-min-age", age, parseDuration),
  };
  if (trash === "") throw new UsageError("--trash is an empty path; name a directory");
  if (!options.deleteExtras) {
    const idle = Object.entries({
      "--max-delete": limit !== null,
      "--trash": trash !== null,
      "--delete-after-scans": scans !== null,
      "--delete-min-age": age !== null,
      "--delete-despite-errors": options.deleteDespiteErrors,
    }).find(([, is]) => is);
    if (idle !== undefined) {
      throw new UsageError(`${idle[0]} says how to delete; give --delete-extras with it`);
    }
  }
  if (age !== null && options.deleteAfterScans < 2) {
    throw new UsageError(
      "--delete-min-age is the time between several scans; give --delete-after-scans 2 with it",
    );
  }
  return options;
}

function parseLimit(text: string): DeletionLimit {
  const share = /^(\d+(?:\.\d+)?|\.\d+)%$/.exec(text);
  if (share !== null && Number(share[1]) <= 100) return { percent: Number(share[1]) };
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return { files: Number(text) };
  throw new UsageError(
    `--max-delete takes a number of files or a percentage from 0% to 100%, not "${text}"`,
  );
}
