/**
 * Identities of roots: whether what is mounted now is what was there before.
 *
 * Within a run, the type of file system, the inode and, where there is one, the file system's own
 * number (f_fsid, on xfs the birth time of the root) or what is mounted ("server:/export") must
 * agree; where there is neither, the device number. So a share that is mounted again is recognised
 * although its device number is another one, and another disk at the same place is not taken for the
 * first. Between runs device numbers are left out altogether: a reboot deals them out anew.
 */
import type { Identity } from "./backend.ts";

/** What is kept of a root's identity between runs. */
export type RecordedIdentity = Pick<Identity, "inode" | "type" | "fsid" | "source">;

/** Whether two looks within a run saw the same directory. */
export function isSameRoot(before: Identity, now: Identity): boolean {
  if (!isSameAsRecorded(before, now)) return false;
  const told = both(before.fsid, now.fsid) || both(before.source, now.source);
  return told || before.device === now.device;
}

/** Whether a root is the directory that an earlier run recorded, as far as that can be told. */
export function isSameAsRecorded(before: RecordedIdentity, now: Identity): boolean {
  // 0: there is no number to go by, now or then (CIFS gives up those of the server of its own accord)
  const told = before.inode !== 0n && now.inode !== 0n;
  if (told && before.inode !== now.inode) return false;
  const pairs = [[before.type, now.type], [before.fsid, now.fsid], [before.source, now.source]];
  return pairs.every(([a, b]) => !both(a, b) || a === b);
}

function both(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined;
}
