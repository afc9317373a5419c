/** How pending files are read: the columns of a row, the file that they make, and what a job takes. */
import type { SQLOutputValue } from "node:sqlite";
import type { JobFile } from "../job.ts";
import { KINDS } from "../listing.ts";
import { REASONS } from "../operation.ts";
import type { JobLimits } from "./job_source.ts";
import { fromSql } from "./values.ts";

/** A time of the database in two numbers that a double holds exactly, seconds and nanoseconds. */
function split(column: string): string {
  return `${column} / 1000000000, ${column} % 1000000000`;
}

/** The columns that {@link jobFile} reads, of the table or alias `file`. */
export function jobFileColumns(file: string): string {
  const columns = ["name", "kind", "size", "reason"].map((column) => `${file}.${column}`);
  return [...columns, split(`${file}.mtime`), split(`${file}.ctime`)].join(", ");
}

/**
 * The file that a row of {@link jobFileColumns} tells of. Column by column: to take an array apart
 * makes an iterator, and there is a row for every file.
 */
export function jobFile(row: readonly unknown[]): JobFile {
  const number = (column: number) => row[column] as number;
  return {
    name: fromSql(row[0] as SQLOutputValue),
    kind: KINDS[number(1)]!,
    size: number(2),
    reason: REASONS[number(3)]!,
    scanned: {
      mtime: number(4),
      mtimeNanos: number(5),
      ctime: number(6),
      ctimeNanos: number(7),
    },
  };
}

/** Whether a job that has some files, of so many bytes, may have one more. */
export function mayJoin(
  files: readonly JobFile[],
  { size }: JobFile,
  { bytes, limits }: { readonly bytes: number; readonly limits: JobLimits },
): boolean {
  const first = files[0];
  if (first === undefined) return true;
  const { alone = Infinity } = limits;
  return bytes + size <= limits.bytes && size < alone && first.size < alone;
}
