/** A destination that is full and does not say so. */
import type { Backend } from "../backend/backend.ts";
import { failure } from "../backend/failures.ts";
import type { SyncError } from "../errors.ts";
import { spaceOf } from "./room.ts";

/** SFTP has one code for most failures, which sshfs passes on as EPERM, and as EIO from a flush. */
const SAYS_NOTHING = new Set(["EIO", "EPERM"]);

/** Bytes below which a place counts as full; what other lanes had in their hands may be free again. */
const SCARCE = 1024 * 1024;

/**
 * Throws ENOSPC, which holds up the run, in place of an error of the destination that says nothing
 * where there is no room.
 *
 * @param size bytes of the file that failed
 */
export async function demandRoom(
  destination: Backend,
  { path, size, error }: {
    readonly path: string;
    readonly size: number;
    readonly error: SyncError;
  },
  signal: AbortSignal,
): Promise<void> {
  if (!SAYS_NOTHING.has(error.code)) return;
  const space = await spaceOf({ destination, signal });
  // nothing is known; the file's own error stands
  if (space === null) return;
  if (space.bytes >= size + SCARCE && space.files !== 0) return;
  throw failure("ENOSPC", "write", path, error);
}
