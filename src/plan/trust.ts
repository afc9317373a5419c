/** Trust: what may be believed of an earlier scan, and what may be done on its word. */
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import type { Side } from "../event.ts";

/**
 * Whether what the database knows is about these roots. A share that is not mounted is an empty
 * directory: to take it for the source would forget all that is known, and delete in a mirror.
 *
 * @throws SyncError that stops the run when the source is not the directory that was scanned
 */
export function isSameDestination(context: RunContext): boolean {
  const { options, backlog, source, identities, event } = context;
  const last = backlog.lastScan();
  if (last === undefined || options.rescan) return true;
  const same = (side: Side) => last.roots[side] === String(identities[side].inode);
  if (!same("source")) {
    throw new SyncError(
      "EROOT",
      `the source ${source.root} is not the directory that was scanned before (is it mounted?); ` +
        "mount it, or give --rescan if it is meant to be another one",
      { scope: "run" },
    );
  }
  if (same("destination")) return true;
  event({
    type: "note",
    message: "the destination is not the directory that was scanned before: scanning again",
  });
  return false;
}
