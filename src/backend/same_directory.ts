/** Whether two paths lead to one directory, by the numbers that the system has for it. */
import { loadLibcIfPossible } from "./open.ts";
import { nulTerminated } from "./posix/directories.ts";
import { AT, type Libc } from "./posix/libc.ts";
import { STATX_WANTED, StatxBuffer } from "./posix/statx.ts";

/** A directory that was looked at. */
export interface LookedAt {
  /** Its full path. */
  readonly path: string;
  readonly info: Pick<Deno.FileInfo, "dev" | "ino">;
}

/**
 * Whether both are one directory. 0 is no number: so some file systems say that they have none. False
 * when one of them cannot be looked at any more.
 */
export async function isSameDirectory(a: LookedAt, b: LookedAt): Promise<boolean> {
  const alike = a.info.dev === b.info.dev && a.info.ino === b.info.ino;
  if (!alike || a.info.ino === null || a.info.ino === 0) return false;
  if (Number.isSafeInteger(a.info.ino)) return true;
  // rounded to 53 bits, neighbours are alike whose numbers have 64, as on Lustre
  using libc = loadLibcIfPossible();
  if (libc === null) return true;
  const [one, other] = [await inodeOf(a.path, libc), await inodeOf(b.path, libc)];
  return one !== null && one === other;
}

async function inodeOf(path: string, { pooled }: Libc): Promise<bigint | null> {
  const buffer = new StatxBuffer(), name = nulTerminated(path);
  const result = await pooled.statx(AT.FDCWD, name, 0, STATX_WANTED, buffer.bytes);
  return result < 0 ? null : buffer.entry("").inode;
}
