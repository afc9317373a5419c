/** The trash of a run: `DIR/RUN/PATH`, where PATH is the one that an extra had at the destination. */
import type { NameLook, Trash } from "../backend/backend.ts";
import type { Extra } from "../backlog/backlog.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";

/** Takes extras; opened, and its directory made, with the first of them. */
export class RunTrash implements AsyncDisposable {
  readonly #context: RunContext;
  readonly #root: string;
  #open: Promise<{ trash: Trash; run: string }> | null = null;
  /** The name of the directory of this run, once it is made. */
  #run: string | null = null;

  /** @param root the full path of DIR */
  constructor(context: RunContext, root: string) {
    this.#context = context;
    this.#root = root;
  }

  /** Closes what is open: the next extra opens it again, the file system may have been away. */
  async renew(): Promise<void> {
    const opening = this.#open;
    if (opening === null) return;
    this.#open = null;
    let opened;
    try {
      opened = await opening;
    } catch (error) {
      // whoever wanted to move something was told
      if (error instanceof Error) return;
      throw error;
    }
    await opened.trash[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.renew();
  }

  /**
   * Moves an extra here; resolves with its full path. A directory is made anew, with its times: the
   * old one is still to be removed.
   */
  async take(extra: Extra, there: NameLook): Promise<string> {
    const { signal } = this.#context;
    this.#open ??= this.#begin();
    const { trash, run } = await this.#open;
    const to = `${run}/${extra.path}`;
    if (extra.kind === "directory") {
      await trash.makeDirectory(to, { signal });
      // since the scan its time was changed by what was moved out of it
      await trash.setTimes(to, { mtime: extra.mtime, atime: there.atime }, { signal });
    } else {
      await trash.take(extra.path, to, { signal });
    }
    return `${trash.root}/${to}`;
  }

  /** Makes the directory of this run, which no other run has. */
  async #begin(): Promise<{ trash: Trash; run: string }> {
    const { backlog, destination, settle, signal, run: number } = this.#context;
    const trash = await destination.openTrash(this.#root, { signal, make: true });
    if (this.#run !== null) return { trash, run: this.#run };
    try {
      const stamp = `${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}Z-run-${number}`;
      let run = stamp;
      for (let i = 2; !(await trash.makeDirectory(run, { signal })); i++) run = `${stamp}-${i}`;
      settle(() => {
        // on record before anything is in it: what a killed run moved is found there
        backlog.deletions.trashes(number, `${trash.root}/${run}`);
        // a trash inside the destination changes the time of its root
        backlog.directories.touch("");
      });
      this.#run = run;
      return { trash, run };
    } catch (error) {
      await trash[Symbol.asyncDispose]();
      throw error;
    }
  }
}

/** Where an extra is now that a killed run had begun to remove; null when it is in no trash. */
export async function trashedBy(
  { backlog, destination, signal }: RunContext,
  extra: Extra,
): Promise<string | null> {
  const root = backlog.deletions.trashOf(extra.attempted);
  if (root === null) return null;
  try {
    await using trash = await destination.openTrash(root, { signal });
    return await trash.look(extra.path, { signal }) === undefined ? null : `${root}/${extra.path}`;
  } catch (error) {
    // it is gone from the destination; that the trash cannot be looked at does not change that
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return null;
  }
}
