/** Temporaries of runs that were killed: found, told from those of live runs, and removed. */
import type { Backend } from "../backend/backend.ts";
import { removeTemporary } from "../backend/probe_names.ts";
import { tokenOf } from "../backend/temporary.ts";
import { join } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { beginningOf, type Self } from "../self.ts";

/**
 * Whether a temporary belongs to a run that is over: one of `earlier` runs of this database, or one
 * of this host whose process is gone. A live run's, or another host's, is left alone.
 */
export function isLeftover(name: string, self: Self, earlier: ReadonlySet<string>): boolean {
  const token = tokenOf(name);
  if (token === null || token === self.token) return false;
  if (earlier.has(token)) return true;
  const [host, pid, began] = token.split("-");
  if (host !== self.host || Deno.build.os !== "linux") return false;
  return beginningOf(Number(pid)) !== began;
}

/** Removes leftovers among `names` of a directory. Returns how many went. */
export async function removeLeftovers(
  destination: Backend,
  directory: string,
  names: readonly string[],
  leftover: (name: string) => boolean,
  { signal }: { signal: AbortSignal },
): Promise<number> {
  let removed = 0;
  for (const name of names) {
    if (!leftover(name)) continue;
    try {
      await removeTemporary(destination, join(directory, name), { signal });
      removed += 1;
    } catch (error) {
      // removed by somebody else meanwhile: just as well
      if (!(error instanceof SyncError) || error.code !== "ENOENT") throw error;
    }
  }
  return removed;
}
