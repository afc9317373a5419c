/** An entry: one name in a directory listing, with what the file system said about it. */

/** The kinds of entry that sluice tells apart; `special` is a socket, a device or a FIFO. */
export type Kind = "file" | "directory" | "symlink" | "special";

/** Times in nanoseconds since the epoch. */
export interface Times {
  readonly mtime: bigint;
  readonly atime: bigint;
  readonly ctime: bigint;
}

/** What a file system says about one object. */
export interface Entry extends Times {
  /** The name in its directory; bytes that are not UTF-8 as in `name.ts`. */
  readonly name: string;
  readonly kind: Kind;
  /** Bytes; of a symbolic link the length of its target. */
  readonly size: number;
  /** Birth time in nanoseconds, null where the file system has none. */
  readonly birthtime: bigint | null;
  /** Permission bits and owner, for the record. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly links: number;
  /** Where a symbolic link points to, byte for byte; "" for every other kind. */
  readonly target: string;
}

/** Joins a directory's path (relative to the root, "" is the root) and a name. */
export function join(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** The directory part of a path that is relative to the root; "" for a name in the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last component of a path that is relative to the root. */
export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
