/** Trash: a directory into which a backend moves things out of its tree. */
import { join, parentOf } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Backend, CallOptions, Trash } from "./backend.ts";

/** The one name, in the root, at which a trash may lie inside a tree: no scan lists it. */
export const TRASH_NAME = ".sluice-trash";

/**
 * A trash in the directory that `place` is.
 *
 * @param move moves one thing, never over another; ENOENT when the directory at the end is missing
 */
export function trashIn(
  place: Backend,
  move: (path: string, to: string, options: CallOptions) => Promise<void>,
): Trash {
  /** The directory into which something was put last: it is there. */
  let known: string | null = null;
  return {
    root: place.root,
    look: (path, options) => place.look(path, options),
    makeDirectory: (path, options) => makeDirectories(place, path, options),
    setTimes: (path, times, options) => place.setTimes(path, times, options),
    async take(path, to, options = {}) {
      options.signal?.throwIfAborted();
      const parent = parentOf(to);
      try {
        // made at once: a move into a directory that is missing lets go of the handles of those above
        if (parent !== known) await makeDirectories(place, parent, options);
        await move(path, to, options);
      } catch (error) {
        if (!(error instanceof SyncError) || error.code !== "ENOENT") throw error;
        await makeDirectories(place, parent, options);
        await move(path, to, options);
      }
      known = parent;
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** Makes a directory and those above it; false when it was there. */
async function makeDirectories(
  place: Backend,
  path: string,
  options?: CallOptions,
): Promise<boolean> {
  if (path === "") return false;
  try {
    // most often those above it are there
    return await place.makeDirectory(path, options);
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== "ENOENT") throw error;
  }
  let made = false, at = "";
  for (const name of path.split("/")) {
    at = join(at, name);
    made = await place.makeDirectory(at, options);
  }
  return made;
}
