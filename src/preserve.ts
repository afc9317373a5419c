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

/** An attribute that a place would not take. */
export interface Refusal {
  readonly what: Preservable;
  readonly code: string;
  readonly message: string;
}
