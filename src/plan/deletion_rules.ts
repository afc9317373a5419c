/** Deletion rules: whether a run may delete at all, judged from what the scan has counted. Pure. */
import { formatCount } from "../lib/units.ts";
import type { DeletionLimit } from "../options.ts";

/** Files (with links and special files) and directories. */
export interface Counts {
  readonly files: number;
  readonly directories: number;
}

/** What the rules look at. */
export interface DeletionFacts {
  /** All that the destination has and the source has not. */
  readonly extras: Counts;
  /** Those of them that this run would delete. */
  readonly due: Counts;
  /** The last scan of both sides is complete. */
  readonly scanFinished: boolean;
  /** Directories and entries of the source that could not be read. */
  readonly sourceErrors: number;
  /** Files, links and special files that the scan found on each side. */
  readonly sourceFiles: number;
  readonly destinationFiles: number;
  /** `--delete-despite-errors` was given. */
  readonly despiteErrors: boolean;
  readonly maxDelete: DeletionLimit;
}

/** Why nothing may be deleted, in one sentence that begins with that; null when it may. */
export function refusalOf(facts: DeletionFacts): string | null {
  const { extras, due, sourceErrors, sourceFiles } = facts;
  if (extras.files + extras.directories === 0) return null;
  const stay = `${count(extras.files + extras.directories, "extra stays", "extras stay")}`;
  if (!facts.scanFinished) {
    return `nothing was deleted: the scan is not complete, so ${stay}; give --rescan`;
  }
  if (sourceErrors > 0 && !facts.despiteErrors) {
    return `nothing was deleted: the scan of the source had ${
      count(sourceErrors, "error", "errors")
    }, so ${stay}; mend what is wrong and give --rescan, or give --delete-despite-errors to ` +
      "delete only in directories that were listed completely";
  }
  // directories without a single file are what is left when the shares mounted in them are not
  if (sourceFiles === 0 && due.files > 0) {
    return `nothing was deleted: the source has no files at all, only directories, so ${stay}; ` +
      "is everything in it mounted?";
  }
  const limit = limitOf(facts.maxDelete, facts.destinationFiles);
  const none = "files" in facts.maxDelete ? limit === 0 : facts.maxDelete.percent === 0;
  if (due.files > limit || (none && due.directories > 0)) {
    const directories = due.files > 0
      ? ""
      : `${count(due.directories, "directory", "directories")} and `;
    return `nothing was deleted: the source does not have ${directories}` +
      `${formatCount(due.files)} of the ${
        count(facts.destinationFiles, "file", "files")
      } at the destination, more than the ` +
      `${formatCount(limit)} that --max-delete allows (${limitText(facts.maxDelete)}); look at ` +
      "them with --dry-run --max-delete 100%, and give a higher --max-delete if they may go";
  }
  return null;
}

/** How many files a limit allows of so many at the destination. */
export function limitOf(limit: DeletionLimit, destinationFiles: number): number {
  if ("files" in limit) return limit.files;
  const share = Math.floor(destinationFiles * limit.percent / 100);
  return Math.max(share, limit.atLeast ?? 0);
}

/** A limit as a person gives it. */
function limitText(limit: DeletionLimit): string {
  if ("files" in limit) return String(limit.files);
  const atLeast = limit.atLeast === undefined ? "" : `, and ${limit.atLeast} in any case`;
  return `${limit.percent}%${atLeast}`;
}

function count(number: number, one: string, many: string): string {
  return `${formatCount(number)} ${number === 1 ? one : many}`;
}
