/** `sluice audit FILE`: checks the chain of an audit log and prints what is in it. */
import { RecordedFiles } from "../backlog/recorded_files.ts";
import { formatCount, formatSize } from "../lib/units.ts";
import { showPath } from "../name.ts";
import { AuditCheck, type AuditTotals } from "../report/audit_check.ts";
import { GENESIS, headAfter } from "../report/chain.ts";
import { countOf } from "../report/layout.ts";
import { absolute } from "../working_directory.ts";
import type { CommandContext, Subcommand } from "./command.ts";
import { LogReader } from "./log_reader.ts";

/** What `audit` may be told. */
export interface AuditOptions {
  readonly file: string;
  /** The database whose records the log must have; null (default) for none. */
  readonly db: string | null;
}

/** The command. */
export const audit: Subcommand = {
  name: "audit",
  words: ["FILE"],
  description: "Checks that no record of an audit log was changed, removed, added or moved.",
  options: (command) =>
    command.option("--db <path>", "the database of the log: tells whether its end is missing"),
  more: `Prints the totals of the log. Only reads; a run may go on meanwhile.

Exit codes: 0 the chain is whole, 1 it is broken (the first broken record is named), 2 wrong usage.`,
  parse([file], { db }) {
    const options: AuditOptions = { file: file!, db: typeof db === "string" ? db : null };
    return (context) => checkAudit(options, context);
  },
};

/** Checks a log and prints what was found. Resolves with the exit code. */
export async function checkAudit(
  { file, db }: AuditOptions,
  { base, stdout, stderr, signal }: CommandContext,
): Promise<number> {
  // first the database: what it says is in the log must be found, what comes later need not
  const recorded = db === null ? null : recordedLines(absolute(db, base));
  const check = new AuditCheck((hash) => recorded?.delete(hash));
  using log = await LogReader.open(absolute(file, base));
  for await (const lines of log.lines(signal)) for (const line of lines) check.line(line);
  const cut = check.end(log.rest());
  const { totals } = check;
  const left = [...recorded?.values() ?? []];
  const missing = left.findLast(({ written }) => written);
  const lines = [
    `${showPath(file)}: ${countOf(totals.records, "record")}, ${formatSize(log.bytes)}, ` +
    countOf(totals.runs, "run"),
  ];
  if (totals.firstTime !== null) lines.push(`from ${totals.firstTime} to ${totals.lastTime}`);
  lines.push(
    ...table(totals),
    ...notes(totals, { cut, unwritten: left.filter(({ written }) => !written).length }),
  );
  const complaints: string[] = [];
  if (check.first !== null) {
    const { line, sequence, what } = check.first;
    const record = sequence === null ? "" : ` (record ${sequence})`;
    const more = check.breaks > 1 ? `; broken again ${countOf(check.breaks - 1, "time")}` : "";
    complaints.push(`line ${line}${record}: ${what}${more}`);
  }
  if (missing !== undefined) {
    complaints.push(
      `record ${missing.sequence} is in the database, and not in the log: the end of the log was ` +
        "removed, or the database has another log",
    );
  }
  if (complaints.length === 0) {
    lines.push(totals.records === 0 ? "the log is empty" : "the chain is whole");
  }
  stdout.write(lines.map((line) => `${line}\n`).join(""));
  for (const complaint of complaints) stderr.write(`sluice: ${complaint}\n`);
  return complaints.length === 0 ? 0 : 1;
}

/** The lines that a database still has, by their hashes. */
function recordedLines(path: string): Map<string, { sequence: number; written: boolean }> {
  using database = RecordedFiles.open(path);
  const encoder = new TextEncoder();
  return new Map(
    database.outbox().flatMap(({ lines, written }) =>
      lines.split("\n").filter((line) => line !== "").map((line) => {
        const { seq } = JSON.parse(line) as { seq: number };
        return [headAfter(GENESIS, encoder.encode(line)), { sequence: seq, written }] as const;
      })
    ),
  );
}

function table({ operations }: AuditTotals): string[] {
  const rows = [...operations.values()].sort((a, b) =>
    a.action < b.action ? -1 : a.action > b.action ? 1 : a.status < b.status ? -1 : 1
  ).map(({ action, status, records, bytes }) => [
    showPath(action),
    showPath(status),
    formatCount(records),
    formatSize(bytes),
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  return rows.map(([action, status, records, bytes]) =>
    `  ${action!.padEnd(width(0))}  ${status!.padEnd(width(1))}  ${records!.padStart(width(2))}  ${
      bytes!.padStart(width(3))
    }`
  );
}

/** What is no break, but must be known. */
function notes(totals: AuditTotals, { cut, unwritten }: { cut: boolean; unwritten: number }) {
  const notes: string[] = [];
  const note = (text: string) => notes.push(`note: ${text}`);
  if (totals.old > 0) {
    note(`${countOf(totals.old, "record")} of a version without a chain cannot be checked`);
  }
  if (totals.cut > 0) note(`${countOf(totals.cut, "line")} cut by a crash, and noted as such`);
  if (totals.unended > 0) note(`${countOf(totals.unended, "run")} killed: without an end record`);
  if (cut) note("the last line is being written or was cut; the next run completes it");
  if (totals.open !== null) {
    note(
      `run ${totals.open} has no end record: it goes on, it was killed, or the end of the log is ` +
        "missing (--db tells)",
    );
  }
  if (unwritten > 0) {
    note(`${countOf(unwritten, "record")} only in the database so far; the next run appends them`);
  }
  return notes;
}
