/** The root of a verification: what is read must be the directory that was recorded. */
import type { Backend, Identity } from "../backend/backend.ts";
import { isSameAsRecorded } from "../backend/identity.ts";
import { openBackend } from "../backend/open.ts";
import type { SqliteBacklog } from "../backlog/sqlite.ts";
import { SyncError, UsageError } from "../errors.ts";
import { showPath } from "../name.ts";
import { tellingIfLate, type TellOptions } from "../unanswered.ts";

/** Opens the root of a recorded destination. Rejects with a run's error. */
export async function openRoot(
  root: string,
  { open = openDestination, tell }: TellOptions & {
    readonly open?: (root: string) => Promise<Backend>;
  },
): Promise<Backend> {
  try {
    return await tellingIfLate(`the destination ${showPath(root)}`, () => open(root), { tell });
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const message = `cannot read the destination: ${error.message}; is it mounted?`;
    throw new SyncError("EROOT", message, { scope: "run", cause: error });
  }
}

/** Calls wait for the disk here, since nothing comes from the cache: several are kept in flight. */
function openDestination(root: string): Promise<Backend> {
  const temporaryName = () => {
    throw new TypeError("Cannot make a temporary as a verification writes nothing");
  };
  return openBackend(root, { temporaryName, latency: "waiting" });
}

/** A share that is not mounted is an empty directory: all files would be missing. */
export function demandRecordedRoot(
  backlog: SqliteBacklog,
  backend: Backend,
  identity: Identity,
): void {
  const scan = backlog.lastScan();
  if (scan === undefined) {
    throw new UsageError("the database has no record of any scan yet; there is nothing to verify");
  }
  if (isSameAsRecorded(scan.roots.destination, identity)) return;
  throw gone(backend, "is not the directory that was scanned before (is it mounted?)");
}

function gone(backend: Backend, what: string): SyncError {
  return new SyncError("EROOT", `the destination ${showPath(backend.root)} ${what}`, {
    scope: "run",
  });
}

/** Before a file counts as missing: an empty mount point has no files. */
export async function demandRoot(
  backend: Backend,
  identity: Identity,
  signal: AbortSignal,
): Promise<void> {
  let now: Identity;
  try {
    now = await backend.identify({ signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SyncError)) throw error;
    throw gone(backend, `is not there any more: ${error.message}`);
  }
  if (now.inode === identity.inode && now.device === identity.device) return;
  throw gone(backend, "is not the directory any more that it was (is it still mounted?)");
}
