/** Whether the path of the database still leads to the file that was opened: SQLite does not ask. */
import { SyncError } from "../errors.ts";
import { showPath } from "../name.ts";

/**
 * What asks so from now on, and throws a SyncError that stops the run when the file was removed, or
 * another was put in its place: what is recorded after that is nowhere to be found.
 */
export function demandSameFile(path: string): () => void {
  let known = identityOf(path);
  return () => {
    const now = identityOf(path);
    // it could not be told at first: the first answer is what counts
    if (known === undefined && now !== null) known = now;
    if (now === known || now === undefined) return;
    throw new SyncError(
      "EDB",
      `the database ${showPath(path)} was removed or replaced while it was in use: put it back, ` +
        "or begin with a new one",
      { scope: "run" },
    );
  };
}

/**
 * Null where there is no such file; undefined where that cannot be told, which the open file does not
 * mind (a directory above it that may not be searched any more). Systems without inodes know no more
 * than that there is one.
 */
function identityOf(path: string): string | null | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev} ${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    if (error instanceof Error) return undefined;
    throw error;
  }
}
