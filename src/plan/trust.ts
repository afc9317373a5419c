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

/** Deletions need a scan of the source that is complete and had no error. */
export function mayDelete(context: RunContext): boolean {
  const { backlog, statistics, event, audit, settle } = context;
  const scan = backlog.lastScan();
  const errors = scan === undefined ? 0 : backlog.scanCounts(scan.id, "source").errors;
  if (scan?.finished && errors === 0) return true;
  const { files, directories } = backlog.extras.count();
  const extras = files + directories;
  if (extras === 0) return false;
  const message = `nothing was deleted: the scan of the source had ${errors} ` +
    `${errors === 1 ? "error" : "errors"}, so ${extras} ${
      extras === 1 ? "extra stays" : "extras stay"
    }` +
    "; mend what is wrong and give --rescan";
  statistics.finished({ action: "refuse", status: "failure", bytes: 0, lanes: null });
  event({ type: "note", message });
  audit({ type: "operation", action: "refuse", status: "failure", reason: message });
  settle(() => {});
  return false;
}
