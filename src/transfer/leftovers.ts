/** Leftovers: temporaries that killed runs have left at the destination, removed as they are found. */
import { tokenOf } from "../backend/temporary.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { directoryMade, type Outcome } from "../job.ts";
import { showPath } from "../name.ts";
import type { Self } from "../self.ts";
import { isLeftover, removeLeftovers } from "./temporaries.ts";

/** Removes leftovers for one run, and tells how many there were. */
export class Leftovers {
  readonly #context: RunContext;
  readonly #isOne: (name: string) => boolean;
  readonly #isOwn: (name: string) => boolean;
  readonly #underway: Promise<void>[] = [];
  #removed = 0;

  /** @param earlier tokens of runs of this database that are over */
  constructor(context: RunContext, self: Self, earlier: ReadonlySet<string>) {
    this.#context = context;
    this.#isOne = (name) => isLeftover(name, self, earlier);
    this.#isOwn = (name) => tokenOf(name) === self.token;
  }

  /** Clears the directories in which a killed run was at work; a scan finds all others by itself. */
  async clearInFlight(isOne = this.#isOne, of?: string): Promise<void> {
    const { backlog, destination, signal } = this.#context;
    const cleared: number[] = [];
    for (const { id, path } of backlog.transfer.inFlight()) {
      try {
        await this.#recordMade(id, path);
        for await (const { temporaries } of destination.list(path, { signal })) {
          await this.#remove(path, temporaries, isOne);
        }
        cleared.push(id);
      } catch (error) {
        // a directory that was never made, or is none any more, holds nothing
        const none = error instanceof SyncError && ["ENOENT", "ENOTDIR"].includes(error.code);
        if (none) cleared.push(id);
        else this.#stays(path, error);
      }
    }
    backlog.transaction(() => backlog.transfer.cleared(cleared));
    await this.done(of);
  }

  /** The same after a pause, when no thread is at work: a call that hung may have left something. */
  async clearOwn(): Promise<void> {
    await this.clearInFlight(this.#isOwn, "that the pause had left");
  }

  /** The directories on the way that the killed run had made, but not recorded. */
  async #recordMade(id: number, of: string): Promise<void> {
    const { backlog, destination, outcome, settle, signal } = this.#context;
    for (const { directory, path } of backlog.transfer.missingAbove(id, of)) {
      if ((await destination.look(path, { signal }))?.kind !== "directory") return;
      settle(() => {
        if (backlog.transfer.made(directory)) outcome(madeEarlier(directory, path), null);
      });
    }
  }

  /** A listing of the destination has these temporaries in it. */
  seen(directory: string, names: readonly string[]): void {
    this.#underway.push(
      this.#remove(directory, names).catch((error) => this.#stays(directory, error)),
    );
  }

  /** Waits for removals that are under way, and tells of them. */
  async done(of = "of an earlier run"): Promise<void> {
    await Promise.all(this.#underway.splice(0));
    const removed = this.#removed;
    if (removed === 0) return;
    this.#removed = 0;
    const { note } = this.#context;
    const message = `removed ${removed} ${removed === 1 ? "temporary" : "temporaries"} ${of}`;
    note(message);
  }

  async #remove(
    directory: string,
    names: readonly string[],
    isOne = this.#isOne,
  ): Promise<void> {
    const { backlog, destination, signal } = this.#context;
    const count = await removeLeftovers(destination, directory, names, isOne, { signal });
    this.#removed += count;
    if (count > 0) backlog.directories.touch(directory);
  }

  /** A temporary that stays does no harm to any file: a later run tries again. */
  #stays(directory: string, error: unknown): void {
    const { event, signal } = this.#context;
    // an abort ends the run by itself, and so does a root that is gone
    if (signal.aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    const place = directory === "" ? "the root" : showPath(directory);
    event({ type: "note", message: `a temporary of an earlier run stays in ${place}: ${why}` });
  }
}

function madeEarlier(directory: number, path: string): Outcome {
  const detail = "not at the destination; made by a run that was interrupted";
  return { ...directoryMade(directory, path), detail };
}
