/** Moving from one open root to another, without ever replacing anything. */
import { parentOf } from "../../entry.ts";
import { type Directories, lastName } from "./directories.ts";
import { EEXIST, EINVAL, ENOENT, posixError } from "./errno.ts";
import { AT, RENAME_NOREPLACE, type Syscalls } from "./libc.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";

/** A path below a root. */
export interface Spot {
  readonly directories: Directories;
  readonly path: string;
}

/** Renames what is at `from` to `to`; both parents are reached without following links. */
export async function moveBetween(sys: Syscalls, from: Spot, to: Spot): Promise<void> {
  const doing = "move into the trash";
  const name = lastName(from.path), final = lastName(to.path);
  using out = await from.directories.hold(parentOf(from.path));
  using into = await to.directories.hold(parentOf(to.path));
  let result = await sys.renameat2(out.fd, name, into.fd, final, RENAME_NOREPLACE);
  if (result === -EINVAL) {
    // NFS, among others, does not know the flag
    const there = new StatxBuffer();
    result = await sys.statx(into.fd, final, AT.SYMLINK_NOFOLLOW, STATX_WANTED, there.bytes);
    if (result >= 0) throw posixError(-EEXIST, doing, from.path);
    if (result === -ENOENT) result = await sys.renameat2(out.fd, name, into.fd, final, 0);
  }
  if (result < 0) {
    to.directories.forgetWay(parentOf(to.path));
    throw from.directories.failure(result, doing, from.path);
  }
}
