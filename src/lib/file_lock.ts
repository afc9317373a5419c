/** The system's lock on a file, which one process at a time has. */

/**
 * Takes the file for this process until {@link release}; false when another one has it. A file system
 * without locks, and Windows, whose locks keep readers out too, go without.
 */
export function lock(file: Deno.FsFile): boolean {
  if (Deno.build.os === "windows") return true;
  try {
    return file.tryLockSync(true);
  } catch (error) {
    if (error instanceof Error) return true;
    throw error;
  }
}

/**
 * Closing alone would not do: a process that was begun a moment ago has what its parent had open, and
 * with it the lock, until it is a program of its own.
 */
export function release(file: Deno.FsFile): void {
  if (Deno.build.os === "windows") return;
  try {
    file.unlockSync();
  } catch (error) {
    // a file system without locks
    if (!(error instanceof Error)) throw error;
  }
}
