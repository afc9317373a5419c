/** Compare: what must be done with one path, judged from what each side has. Pure. */
import type { Entry } from "../entry.ts";
import type { Operation } from "../operation.ts";
import { EXACT, isSameTime, type TimeRule } from "../times.ts";

/** What a comparison looks at. */
export type Compared = Pick<Entry, "kind" | "size" | "mtime" | "target">;

/** Options of {@link compare}. */
export interface CompareOptions {
  /** When two times are equal. Default: when they are, to the nanosecond. */
  readonly times?: TimeRule;
}

/**
 * What must be done so that the destination has what the source has.
 *
 * Directories are compared by kind alone: their times are set when their content is done.
 */
export function compare(
  source: Compared | undefined,
  destination: Compared | undefined,
  { times = EXACT }: CompareOptions = {},
): Operation {
  if (source === undefined) {
    if (destination === undefined) return { action: "keep", reason: "in sync" };
    return { action: "delete", reason: "not at the source" };
  }
  if (source.kind === "special") {
    return { action: "skip", reason: "a special file: not a file, link or directory" };
  }
  if (source.kind === "directory") {
    if (destination === undefined) return { action: "mkdir", reason: "not at the destination" };
    if (destination.kind === "directory") return { action: "keep", reason: "in sync" };
    return { action: "refuse", reason: "kinds differ" };
  }
  if (destination === undefined) return { action: "copy", reason: "not at the destination" };
  if (destination.kind === "directory") {
    return { action: "refuse", reason: "a directory is in the way at the destination" };
  }
  if (source.kind !== destination.kind) return { action: "overwrite", reason: "kinds differ" };
  if (source.kind === "symlink" && source.target !== destination.target) {
    return { action: "overwrite", reason: "link targets differ" };
  }
  if (source.kind === "file" && source.size !== destination.size) {
    return { action: "overwrite", reason: "sizes differ" };
  }
  const timed = source.kind !== "symlink" || times.links === "kept";
  if (timed && !isSameTime(source.mtime, destination.mtime, times)) {
    return { action: "overwrite", reason: "times differ" };
  }
  return { action: "keep", reason: "in sync" };
}
