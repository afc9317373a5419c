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
 * The file that a row of {@link jobFileColumns} tells of. Column by column, and without a function for
 * that: each makes an object, and there is a row for every file.
 */
export function jobFile(row: readonly unknown[]): JobFile {
  return {
    name: fromSql(row[0] as SQLOutputValue),
    kind: KINDS[row[1] as number]!,
    size: row[2] as number,
    reason: REASONS[row[3] as number]!,
    scanned: {
      mtime: row[4] as number,
      mtimeNanos: row[5] as number,
      ctime: row[6] as number,
      ctimeNanos: row[7] as number,
    },
  };
}

/** The files of the first rows, as many as one job may have. */
export function jobFiles(rows: readonly unknown[][], limits: JobLimits): JobFile[] {
  const files: JobFile[] = [];
  let bytes = 0;
  for (let i = 0; i < rows.length; i++) {
    const file = jobFile(rows[i]!);
    if (!mayJoin(files, file, bytes, limits)) break;
    bytes += file.size;
    files.push(file);
  }
  return files;
}

/** Whether a job that has some files, of so many bytes, may have one more. */
export function mayJoin(
  files: readonly JobFile[],
  { size }: JobFile,
  bytes: number,
  limits: JobLimits,
): boolean {
  const first = files[0];
  if (first === undefined) return true;
  const { alone = Infinity } = limits;
  return bytes + size <= limits.bytes && size < alone && first.size < alone;
}
