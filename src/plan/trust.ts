/** Trust: what may be believed of an earlier scan, and what may be done on its word. */
import { isSameAsRecorded } from "../backend/identity.ts";
import type { LastScan } from "../backlog/last_scan.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { SIDES } from "../event.ts";
import { showPath } from "../name.ts";

/**
 * Makes sure that what the database knows is about these roots. A share that is not mounted is an
 * empty directory: to take it for the source would forget all that is known, and delete in a mirror;
 * to take it for the destination would fill the disk below the mount point.
 *
 * @param last the last scan on record, which a dry run does not have in its own database
 * @throws SyncError that stops the run when a root is not the directory that was scanned
 */
export function demandSameRoots(context: RunContext, last: LastScan | undefined): void {
  const { options, identities } = context;
  if (last === undefined || options.rescan) return;
  for (const side of SIDES) {
    if (isSameAsRecorded(last.roots[side], identities[side])) continue;
    throw new SyncError(
      "EROOT",
      `the ${side} ${showPath(context[side].root)} is not the directory that was scanned before ` +
        "(is it mounted?); mount it, or give --rescan if it is meant to be another one",
      { scope: "run" },
    );
  }
}
