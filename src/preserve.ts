/** Attributes that a run may be asked to keep beside content and times. */

/** What `--preserve` takes; none by default, since shares refuse them. */
export const PRESERVABLE = ["mode", "owner", "xattr"] as const;

/** One of {@link PRESERVABLE}. */
export type Preservable = (typeof PRESERVABLE)[number];

/** Attributes that a file, link or directory is to get; what is absent is left alone. */
export interface Attributes {
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Permission bits, those of set-user-ID, set-group-ID and sticky included. */
  readonly mode?: number;
  /** Values by name. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

const SET_ID = 0o6000;

/**
 * The mode to set after other attributes, of which these were refused, and what is refused of it: a
 * program that runs as its owner must not run as another one.
 */
export function modeAfter(
  refusals: readonly Refusal[],
  mode: number,
): { readonly mode: number; readonly refused: Refusal | null } {
  const isOwned = refusals.every(({ what }) => what !== "owner");
  if (isOwned || (mode & SET_ID) === 0) return { mode, refused: null };
  const message = "set-user-ID and set-group-ID are left out, since the owner could not be set";
  return { mode: mode & ~SET_ID, refused: { what: "mode", code: "EPERM", message } };
}

/** An attribute that a place would not take. */
export interface Refusal {
  readonly what: Preservable;
  readonly code: string;
  readonly message: string;
}
