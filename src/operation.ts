/** Operations: what a plan says must be done with one path, and why. */

/** What is done with a path. `keep` is the plan's word for nothing. */
export type Action =
  | "keep"
  | "copy"
  | "overwrite"
  | "link"
  | "mkdir"
  | "times"
  | "delete"
  | "trash"
  | "skip"
  | "refuse"
  | "list";

/**
 * Why, in a few words for a person. The database keeps a reason as its index in this list, so
 * reasons are only ever added at the end.
 */
export const REASONS = [
  "in sync",
  "not at the destination",
  "sizes differ",
  "times differ",
  "kinds differ",
  "link targets differ",
  "a directory is in the way at the destination",
  "a special file: not a file, link or directory",
  "changed at the source since it was synced",
  "the name is one of sluice's own temporaries",
  "not at the source",
  "no longer at the source",
  "not a hard link at the destination",
  "the destination takes it for another name",
] as const;

/** One of {@link REASONS}. */
export type Reason = (typeof REASONS)[number];

/** One planned operation. */
export interface Operation {
  readonly action: Action;
  readonly reason: Reason;
}

/** How an operation ended. */
export type Status = "success" | "failure" | "skipped";

/** What is done with a file that is sent for this reason. */
export function actionFor(reason: Reason): "copy" | "overwrite" {
  return reason === "not at the destination" ? "copy" : "overwrite";
}
