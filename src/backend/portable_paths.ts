/**
 * Paths below a root as full paths, looked at name by name: each parent is a directory, and none of
 * them a symbolic link that leads out of the root.
 */
import { baseOf, join, parentOf } from "../entry.ts";
import { failure } from "./failures.ts";
import { attempt, codeOf, portableError } from "./portable_errors.ts";
import { portableNames } from "./portable_names.ts";

/** The paths below one root; `path` is relative to it. Rejects with a SyncError. */
export class PortablePaths {
  readonly #root: string;

  /** @param root full path */
  constructor(root: string) {
    this.#root = root;
  }

  /** The full path, of which nothing is checked. */
  full(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  /** The full path of a path whose parents are all directories, none of them a link. */
  async resolve(path: string): Promise<string> {
    const names = portableNames(path);
    return await attempt("reach the directory", path, async () => {
      let parent = "";
      for (const name of names.slice(0, -1)) {
        parent = join(parent, name);
        await this.demandDirectory(this.full(parent), path);
      }
      return this.full(path);
    });
  }

  /**
   * Rejects with a SyncError ENOTDIR when something else than a directory is at full path `full`, and
   * as Deno does when nothing is: for use in an {@link attempt}.
   */
  async demandDirectory(full: string, path: string): Promise<void> {
    const { isDirectory } = await Deno.lstat(full);
    if (!isDirectory) throw failure("ENOTDIR", `reach ${baseOf(full)}`, path);
  }

  /** Renames a temporary to its final name and makes the new name durable. */
  async rename(temporary: string, final: string, path: string): Promise<void> {
    await this.resolve(path);
    await attempt("rename over the final name", path, () => Deno.rename(temporary, final));
    // Windows opens no directories, and some shares sync none: there the name is as durable as it gets
    if (Deno.build.os === "windows") return;
    try {
      using directory = await Deno.open(this.full(parentOf(path)));
      await directory.sync();
    } catch (error) {
      const code = codeOf(error);
      if (code === "EIO" || code === "ENOSPC" || code === "EDQUOT") {
        throw portableError(error, "make the name durable", path);
      }
    }
  }
}
