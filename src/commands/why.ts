/** `sluice why PATH`: what is known about a path, and what would happen to it and why. */
import { PathRecords } from "../backlog/path_records.ts";
import type { Pair } from "../backlog/open_database.ts";
import { UsageError } from "../errors.ts";
import { value } from "../flags.ts";
import { decodeName, readPath, showPath } from "../name.ts";
import { DEFAULTS } from "../options.ts";
import { auditPath, fullPath } from "../report/operation_record.ts";
import { absolute } from "../working_directory.ts";
import { type CommandContext, hint, type Subcommand } from "./command.ts";
import { LogReader } from "./log_reader.ts";
import { unknownLines, whyLines } from "./why_lines.ts";

/** What `why` may be told. */
export interface WhyOptions {
  /**
   * Relative to the roots, or a full path below one of them; where nothing is known of it, relative to
   * the working directory; as in `name.ts`.
   */
  readonly path: string;
  /** Path of the database. Default `sluice.db`. */
  readonly db: string;
  /** Path of an audit log in which the records of the path are looked for; null (default): none. */
  readonly log: string | null;
}

/** The command. */
export const why: Subcommand = {
  name: "why",
  words: ["PATH"],
  description: "Tells what is known about a path, and what would happen to it and why.",
  options: (command) =>
    command
      .option("--db <path>", "the database", DEFAULTS.db)
      .option("--log <path>", "an audit log: also prints the records of the path in it"),
  more:
    `PATH is relative to the roots or to the working directory, or a full path below the source or the
destination. It may be written as sluice shows it: "\$'caf\\xe9'". Only reads; a run may go on
meanwhile.

Exit codes: 0 something is known, 1 nothing is, 2 wrong usage, 3 the database is damaged.`,
  parse([path], { db, log }) {
    const options: WhyOptions = {
      path: value("PATH", rawArgument(path!), readPath),
      db: String(db),
      log: typeof log === "string" ? log : null,
    };
    return (context) => explain(options, context);
  },
};

/** Prints what is known. Resolves with the exit code. */
async function explain(
  { path, db, log }: WhyOptions,
  context: CommandContext,
): Promise<number> {
  const { base, stdout } = context;
  using records = PathRecords.open(absolute(db, base));
  const { pair } = records;
  let relative = relativeTo(pair, path);
  let known = records.find(relative);
  let said = whyLines(known);
  // what a shell completes is relative to where it is
  const completed = said === null && !path.startsWith("/")
    ? belowRoot(pair, absolute(relative, base))
    : null;
  if (completed !== null) {
    relative = completed;
    known = records.find(relative);
    said = whyLines(known);
  }
  const shown = showPath(fullPath(pair.destination, relative));
  const lines = [shown, ...said ?? unknownLines(known)];
  if (!stdout.write(lines.map((line) => `${line}\n`).join(""))) return 0;
  if (log === null) return said === null ? 1 : 0;
  const inLog = auditPath(pair.destination, relative);
  const found = await printRecords(absolute(log, base), inLog, context);
  return said === null && found === 0 ? 1 : 0;
}

/** The path relative to the roots; "" for a root itself. */
function relativeTo(pair: Pair, path: string): string {
  const clean = path.replace(/\/{2,}/g, "/").replace(/^(\.\/)+/, "").replace(/(.)\/+$/s, "$1");
  if (clean === "" || clean === ".") return "";
  const names = clean.split("/");
  if (names.includes("..") || names.includes(".")) {
    throw new UsageError(`PATH must not go through "." or "..": ${showPath(path)}${hint("why")}`);
  }
  if (!clean.startsWith("/")) return clean;
  const below = belowRoot(pair, clean);
  if (below !== null) return below;
  throw new UsageError(
    `${showPath(clean)} is neither below the source ${pair.source} nor below the destination ` +
      `${pair.destination} of this database; name another with --db`,
  );
}

/** A full path relative to the root that it is below; "" for a root itself, null for any other. */
function belowRoot({ source, destination }: Pair, path: string): string | null {
  for (const side of [source, destination]) {
    if (path === side) return "";
    if (path.startsWith(side === "/" ? side : `${side}/`)) {
      return path.slice(side === "/" ? 1 : side.length + 1);
    }
  }
  return null;
}

/** Prints the operations of a log that are about a path. Resolves with their number. */
async function printRecords(
  log: string,
  destination: string,
  { signal, stdout }: CommandContext,
): Promise<number> {
  using opened = await LogReader.open(log);
  const wanted = `"destination":${JSON.stringify(destination)},`;
  const decoder = new TextDecoder();
  let found = 0;
  for await (const lines of opened.lines(signal)) {
    for (const line of lines) {
      const text = decoder.decode(line);
      if (!text.includes(wanted)) continue;
      found += 1;
      if (!stdout.write(`${text}\n`)) return found;
    }
  }
  return found;
}

/**
 * The bytes of a word of the command line that is not UTF-8: the runtime puts U+FFFD in their place,
 * but on Linux the process can read what it was given.
 */
function rawArgument(text: string): string {
  if (!text.includes("\ufffd") || Deno.build.os !== "linux") return text;
  const words: string[] = [];
  const all = Deno.readFileSync("/proc/self/cmdline");
  for (let from = 0; from < all.length;) {
    const to = all.indexOf(0, from);
    const word = all.subarray(from, to < 0 ? all.length : to);
    if (new TextDecoder().decode(word) === text) words.push(decodeName(word));
    from = to < 0 ? all.length : to + 1;
  }
  return new Set(words).size === 1 ? words[0]! : text;
}
