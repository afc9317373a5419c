/** How a directory with pending files is read: the columns of a row, and what they make. */
import { STATE } from "./codes.ts";
import { fromSql } from "./values.ts";

/** A directory with pending files. */
export interface PendingDirectory {
  readonly id: number;
  readonly path: string;
  /** When the source's listing of it was recorded, in ms since the epoch. */
  readonly listed: number | null;
  /** It is not at the destination. */
  readonly isAbsent: boolean;
  /** The directory above it; null for the root. */
  readonly parent: number | null;
  /** It has no directories in it. */
  readonly isLeaf: boolean;
}

/** The columns that {@link pendingDirectory} reads, of the table `directory`. */
export const PENDING_DIRECTORY = `id, path, source_listed_at, destination_state = ${STATE.absent},
  parent, NOT EXISTS (SELECT 1 FROM directory child WHERE child.parent = directory.id)`;

/** The directory that a row of {@link PENDING_DIRECTORY} tells of. */
export function pendingDirectory(
  row: readonly unknown[] | undefined,
): PendingDirectory | undefined {
  if (row === undefined) return undefined;
  const [id, path, listed, isAbsent, parent, isLeaf] = row as [
    number,
    string | Uint8Array,
    number | null,
    0 | 1,
    number | null,
    0 | 1,
  ];
  const absent = isAbsent === 1, leaf = isLeaf === 1;
  return { id, path: fromSql(path), listed, isAbsent: absent, parent, isLeaf: leaf };
}
