/** Operations: what a plan says must be done with one path, and why. */

/** What is done with a path. */
export type Action =
  | "copy"
  | "overwrite"
  | "link"
  | "mkdir"
  | "times"
  | "delete"
  | "skip"
  | "refuse";

/** One planned operation. */
export interface Operation {
  readonly action: Action;
  /** Why, in a few words for a person: "not at the destination", "sizes differ: 4 and 6 bytes". */
  readonly reason: string;
}

/** How an operation ended. */
export type Status = "success" | "failure" | "skipped";
