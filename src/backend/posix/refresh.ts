/** Refreshing: has a share's server asked, where its client would answer from memory. */
import { SyncError } from "../../errors.ts";
import type { Directories } from "./directories.ts";
import { AT, SELF, type Syscalls } from "./libc.ts";
import { STATX_WANTED, StatxBuffer } from "./statx.ts";

/**
 * Asks the server how a directory and those above it are now, from the root down: the client of a
 * share remembers for a while that a name was not there, unless its directory has changed since.
 */
export async function refreshWay(
  sys: Syscalls,
  directories: Directories,
  directory: string,
): Promise<void> {
  const names = directory === "" ? [] : directory.split("/");
  const { bytes } = new StatxBuffer();
  for (let depth = 0; depth <= names.length; depth++) {
    try {
      using held = await directories.hold(names.slice(0, depth).join("/"));
      const flags = AT.EMPTY_PATH | AT.FORCE_SYNC;
      // what is wrong with it the look that follows will meet, and say
      if (await sys.statx(held.fd, SELF, flags, STATX_WANTED, bytes) < 0) return;
    } catch (error) {
      if (error instanceof SyncError && error.scope === "entry") return;
      throw error;
    }
  }
}
