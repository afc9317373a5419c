/** Why: what is known about a path and what would happen to it, in plain sentences. Pure. */
import type { PathKnown } from "../backlog/path_records.ts";
import { parentOf } from "../entry.ts";
import { formatSize } from "../lib/units.ts";
import { oneLine, showPath } from "../name.ts";
import { DEFAULTS } from "../options.ts";
import { refusalOf } from "../plan/deletion_rules.ts";
import { countOf } from "../report/layout.ts";
import { isoTimes } from "../report/operation_record.ts";
import { splitTime } from "../stamp.ts";

/** The sentences, one a line; null when nothing at all is known about the path. */
export function whyLines(known: PathKnown): string[] | null {
  const about = [
    ...collisionLines(known),
    ...fileLines(known),
    ...extraLines(known),
    ...directoryLines(known),
  ];
  const past = known.deletions.flatMap(deletionLines);
  if (about.length + past.length === 0 && known.unlisted === null) return null;
  const lines = [...scanLines(known), ...about];
  if (about.length === 0 && past.length === 0) {
    lines.push("Nothing is on record under this path itself.");
  } else if (about.length === 0) {
    lines.push("It is on record neither as a file of the source nor as an extra now.");
  }
  return [...lines, ...unlistedLines(known), ...past];
}

/** What is said of a path about which {@link whyLines} knows nothing. */
export function unknownLines(known: PathKnown): string[] {
  const { path, above, scan } = known;
  const lines = [...scanLines(known), `Nothing is known about ${showPath(path)}.`];
  if (scan === null || above === null) return lines;
  const { state, scan: listed } = above.source;
  if (above.path !== parentOf(path)) {
    lines.push(`Not even its directory is; the nearest that is known is ${root(above.path)}.`);
  }
  if (state === "listed") {
    lines.push(`The source had no such name in ${root(above.path)} when scan ${listed} listed it.`);
  }
  if (state === "queued") {
    lines.push(`Scan ${listed} has still to list that directory at the source.`);
  }
  if (state === "absent") lines.push("The source does not have that directory.");
  return lines;
}

function scanLines({ scan }: PathKnown): string[] {
  if (scan === null) return ["No scan is on record."];
  const { id, startedAt, finishedAt } = scan;
  return finishedAt === null
    ? [
      `Scan ${id} began at ${
        moment(startedAt)
      } and is not complete: what follows may be from it or ` +
      "from an earlier one.",
    ]
    : [`The last scan is number ${id}, from ${moment(startedAt)} to ${moment(finishedAt)}.`];
}

function collisionLines({ collides }: PathKnown): string[] {
  if (collides === null) return [];
  return [
    `It cannot be put at the destination: there its name is the same as ${
      showPath(collides)
    }, which ` +
    "the source has beside it. Rename one of the two at the source.",
  ];
}

function fileLines({ file, unlisted, collides }: PathKnown): string[] {
  if (file === null) return [];
  const { kind, size, mtime, scan, status, reason, attempts, error, hash, algorithm } = file;
  const iso = isoTimes();
  const lines = [
    `The source has a ${what(kind)} here: ${formatSize(size)} (${
      countOf(size, "byte")
    }), modified ` +
    `${iso(...splitTime(mtime))}; on record since scan ${scan} or as it was copied later.`,
  ];
  if (status === "skipped") {
    lines.push(`It is skipped: ${reason}. No run copies it.`);
    return lines;
  }
  if (status === "synced") {
    lines.push(
      hash !== null
        ? `It is synced. sluice has copied it, and the ${algorithm} of the bytes that were written is ` +
          `${hash}; when, is in its audit record (--log FILE looks for it).`
        : attempts > 0
        ? "It is synced: sluice has put it there."
        : "It is synced: it was at the destination with this size and time, and sluice has not copied " +
          "it, so there is no hash.",
    );
    lines.push("Nothing is done with it until a scan finds that it changed.");
    return lines;
  }
  lines.push(`It is pending: ${reason}.`);
  if (attempts > 0) {
    lines.push(
      `It was tried ${countOf(attempts, "time")}${
        error === null ? "." : `; last: ${oneLine(error)}.`
      }`,
    );
  } else if (error !== null) lines.push(`The last error was: ${oneLine(error)}.`);
  if (collides !== null) return lines;
  if (unlisted?.side === "destination") {
    lines.push("No run transfers it before a scan can list its directory at the destination.");
  } else if (status === "waiting") {
    lines.push("It becomes a hard link when the file that it is another name of is there.");
  } else if (reason === "a directory is in the way at the destination") {
    lines.push(
      "A run with --delete-extras clears the way, if all of the directory may be deleted.",
    );
  } else {
    const replaces = reason === "not at the destination" ? "copies it" : "replaces the one there";
    lines.push(`The next run ${replaces}, if it still is as the scan saw it.`);
  }
  return lines;
}

function extraLines(known: PathKnown): string[] {
  const { extra, scan, extras, emptied } = known;
  if (extra === null || scan === null) return [];
  const lines = [
    `The destination has a ${what(extra.kind)} here that the source has not` +
    (extra.conflict ? ", and it is in the way of what the source has." : "."),
  ];
  if (extra.missed !== null) {
    const { firstScan, firstAt, lastAt, scans } = extra.missed;
    lines.push(
      `Missed at the source by ${
        countOf(scans, "complete scan")
      } in a row, since scan ${firstScan} ` +
        `ended at ${moment(firstAt)}${
          scans > 1 ? `; the last of them began ${hours(lastAt - firstAt)} later` : ""
        }.`,
    );
  }
  if (extra.refused !== null) {
    const { run, at, why } = extra.refused;
    lines.push(`Run ${run} was to delete it at ${moment(at)} and did not: ${oneLine(why)}.`);
  }
  if (extra.attempted !== 0) {
    lines.push(`Run ${extra.attempted} began to remove it; the next run finds out how that ended.`);
  }
  lines.push("Without --delete-extras, nothing is done with it.");
  // what is held back does not count for the limit, so this may be a little too strict
  const refusal = refusalOf({
    extras,
    due: extras,
    scanFinished: scan.finishedAt !== null,
    sourceErrors: scan.sourceErrors,
    sourceFiles: scan.sourceFiles,
    destinationFiles: scan.destinationFiles,
    despiteErrors: false,
    maxDelete: DEFAULTS.maxDelete,
  });
  if (refusal !== null) {
    const why = refusal.replace(/^nothing was deleted: /, "");
    lines.push(`With --delete-extras alone, nothing at all would be deleted: ${why}.`);
  }
  if (emptied !== null) {
    lines.push(
      `It stays until another scan: the source directory ${
        root(emptied.path)
      } had entries before ` +
        `scan ${emptied.scan} and lists none now.`,
    );
  }
  const gone = extra.kind === "directory" ? "once it is empty, " : "";
  lines.push(
    `${
      refusal === null && emptied === null ? "With --delete-extras" : "Where that is overcome"
    }, ` +
      `it is removed ${gone}if a look at the source then says that it is not there` +
      `${
        extra.conflict ? " or is of another kind" : ""
      }, and if the destination has it as scanned. ` +
      "A run without pending files scans again before that.",
  );
  return lines;
}

function directoryLines({ directory, path, extra }: PathKnown): string[] {
  if (directory === null) return [];
  const { source, destination, listedAt, pending, extras, blocked } = directory;
  const lines: string[] = [];
  const name = path === "" ? "The root" : "It";
  if (source.state === "listed") {
    const when = listedAt === null ? "" : ` at ${moment(listedAt)}`;
    lines.push(`${name} is a directory that the source has; scan ${source.scan} listed it${when}.`);
  } else if (source.state === "queued") {
    lines.push(`${name} is a directory of the source that scan ${source.scan} has still to list.`);
  } else if (source.state === "absent" && extra === null) {
    lines.push(`${name} is a directory that the source does not have any more.`);
  }
  if (source.state === "listed" && destination.state === "absent") {
    lines.push(
      blocked
        ? "At the destination something else has its name; a run with --delete-extras removes that."
        : "The destination does not have it yet: the next run makes it.",
    );
  }
  if (pending.files > 0) {
    lines.push(`In it, ${countOf(pending.files, "file")}, ${formatSize(pending.bytes)}, pending.`);
  }
  if (extras > 0) lines.push(`In it, ${countOf(extras, "extra")} at the destination.`);
  return lines;
}

function unlistedLines({ unlisted, path }: PathKnown): string[] {
  if (unlisted === null) return [];
  const where = unlisted.path === path ? "It" : `The directory ${root(unlisted.path)} above it`;
  const why = unlisted.error === null ? "" : `: ${oneLine(unlisted.error)}`;
  return [
    `${where} could not be listed completely at the ${unlisted.side}${why}. So nothing in it counts ` +
    `as ${unlisted.side === "source" ? "gone, and nothing in it is deleted" : "known there"}.`,
  ];
}

function deletionLines(
  { run, at, trash, evidence, kind }: PathKnown["deletions"][number],
): string[] {
  const { scan, listedAt, scans, firstMissedAt, lookedAt, answer } = evidence;
  const how = trash === null ? "deleted it" : `moved it to ${showPath(trash)}`;
  const listed = listedAt === null ? "" : ` (its directory was listed at ${moment(listedAt)})`;
  const since = firstMissedAt === null ? "" : ` since ${moment(firstMissedAt)}`;
  const looked = lookedAt === null || answer === null
    ? "the run was killed before it could record its last look at the source"
    : `the look at the source at ${moment(lookedAt)} said ${answer}`;
  return [
    `Run ${run} ${how} (a ${what(kind)}) from the destination at ${
      moment(at)
    }. Evidence: scan ${scan} ` +
    `did not find it at the source${listed}, ${
      countOf(scans, "complete scan")
    } in a row missed it` +
    `${since}, and ${looked}.`,
  ];
}

function what(kind: string): string {
  return kind === "symlink" ? "symbolic link" : kind === "special" ? "special file" : kind;
}

function root(path: string): string {
  return path === "" ? "(the root)" : showPath(path);
}

function hours(ms: number): string {
  return `${(ms / 3_600_000).toFixed(1)} hours`;
}

/** To the second, in UTC. */
function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
