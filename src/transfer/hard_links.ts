/**
 * Hard links: further names of files that the destination has by now. A pass of its own after the
 * transfer, in which every first name has been synced or has failed.
 */
import type { RunContext } from "../context.ts";
import type { LinkedName, WaitingName } from "../backlog/link_store.ts";
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Outcome } from "../job.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import { showPath } from "../name.ts";
import { stampOf } from "../stamp.ts";
import { isSameTime, recordedTime } from "../times.ts";

/** Names in one go, and how many of them at the same time. */
const PAGE = 256, IN_FLIGHT = 16;

/** A place says with these that it keeps no link here; the file can be copied all the same. */
const NO_LINK = ["EPERM", "EMLINK", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EINVAL"];

/** What became of a name. */
type Verdict =
  | { readonly type: "linked"; readonly there: Entry }
  | { readonly type: "alone"; readonly why: string }
  | { readonly type: "waits" | "gone" }
  | { readonly type: "failed"; readonly error: SyncError };

interface Judged {
  readonly waiting: WaitingName;
  readonly verdict: Verdict;
  readonly entry: Entry | null;
  readonly duration: number;
}

/** Makes links for one run; `link` may be called until it says that nothing is left to transfer. */
export class HardLinks {
  readonly #context: RunContext;
  #alone = 0;
  #why = "";

  constructor(context: RunContext) {
    this.#context = context;
  }

  /** Links what waits. True when files were found that must be transferred after all. */
  async link(): Promise<boolean> {
    const { backlog, signal, statistics } = this.#context;
    let released = false;
    let after = { directory: 0, name: "" };
    for (;;) {
      signal.throwIfAborted();
      const page = backlog.links.waiting(after, PAGE);
      if (page.length === 0) return released;
      after = page.at(-1)!;
      if (await this.#page(page)) released = true;
      statistics.pending(backlog.transfer.pending());
    }
  }

  /** Says once what could not be linked. */
  tell(): void {
    if (this.#alone === 0) return;
    const { note } = this.#context;
    const message =
      `${this.#alone} ${this.#alone === 1 ? "hard link is a file" : "hard links are files"} ` +
      `of their own at the destination: ${this.#why}`;
    note(message);
  }

  async #page(page: readonly WaitingName[]): Promise<boolean> {
    const { backlog, checkRoots, signal, source, destination, clock } = this.#context;
    await checkRoots();
    const directories = new Set(page.map(({ directory }) => directory));
    backlog.transaction(() => directories.forEach((id) => backlog.transfer.markInFlight(id)));
    const firsts = new Map<string, Promise<First>>();
    const judged = await mapConcurrently(page, IN_FLIGHT, async (waiting): Promise<Judged> => {
      const began = clock.now();
      let entry: Entry | null = null, verdict: Verdict;
      try {
        entry = await source.look(waiting.path, { signal }) ?? null;
        verdict = await this.#judge(waiting, entry, firsts);
      } catch (error) {
        if (!(error instanceof SyncError) || error.scope === "run") throw error;
        verdict = NO_LINK.includes(error.code)
          ? { type: "alone", why: error.message }
          : { type: "failed", error };
      }
      return { waiting, verdict, entry, duration: clock.now() - began };
    });
    // before any of them is called synced
    await destination.flush({ signal });
    return this.#settle(judged, directories);
  }

  async #judge(
    { path, first, ...key }: WaitingName,
    entry: Entry | null,
    firsts: Map<string, Promise<First>>,
  ): Promise<Verdict> {
    if (entry === null) return { type: "gone" };
    if (first === null) {
      if (this.#context.backlog.links.hasPending(key)) return { type: "waits" };
      return { type: "alone", why: "" };
    }
    let looking = firsts.get(first.path);
    if (looking === undefined) {
      looking = this.#lookAt(first);
      // each who asks gets the error
      looking.catch(() => {});
      firsts.set(first.path, looking);
    }
    const { here, there } = await looking;
    // the source may have changed since the first name was copied; then each is copied for itself
    if (here === null || here.inode !== entry.inode || here.device !== entry.device) {
      return { type: "alone", why: "" };
    }
    if (there === null) return { type: "alone", why: "" };
    await this.#context.destination.link(first.path, path, { signal: this.#context.signal });
    return { type: "linked", there };
  }

  /** The first name on both sides; null where it is not what is on record. */
  async #lookAt({ path, size, mtime }: NonNullable<WaitingName["first"]>): Promise<First> {
    const { source, destination, signal, times } = this.#context;
    const [here, there] = await Promise.all([
      source.look(path, { signal }),
      destination.look(path, { signal }),
    ]);
    const isHere = here?.kind === "file" && here.size === size &&
      recordedTime(here.mtime) === mtime;
    const isThere = there?.kind === "file" && there.size === size &&
      isSameTime(mtime, there.mtime, times);
    return { here: isHere ? here : null, there: isThere ? there : null };
  }

  #settle(judged: readonly Judged[], directories: ReadonlySet<number>): boolean {
    const { backlog, outcome, settle } = this.#context;
    let released = false;
    settle(() => {
      for (const one of judged) {
        const { waiting, verdict } = one;
        if (verdict.type === "linked") {
          backlog.links.linked(waiting, waiting.first!, verdict.there);
          outcome(outcomeOf(one), null);
        } else if (verdict.type === "failed") {
          backlog.links.failed(waiting, verdict.error.message);
          outcome(outcomeOf(one), null);
        } else if (verdict.type === "gone") {
          backlog.links.gone(waiting);
          outcome(outcomeOf(one), null);
        } else if (verdict.type === "alone") {
          // one of several that wait for nobody becomes the one that the others wait for
          if (waiting.first === null && backlog.links.hasPending(waiting)) continue;
          backlog.links.releaseOne(waiting, waiting);
          if (!waiting.copied) released = true;
          if (verdict.why === "") continue;
          this.#alone += 1;
          this.#why ||= verdict.why;
        }
      }
      backlog.transfer.landed(directories);
    });
    return released;
  }
}

/** The first name of a file at the source and at the destination. */
interface First {
  readonly here: Entry | null;
  readonly there: Entry | null;
}

function outcomeOf({ waiting, verdict, entry, duration }: Judged): Outcome {
  const { directory, name, path, first } = waiting;
  const base = {
    directory,
    name,
    path,
    kind: "file",
    size: 0,
    hash: null,
    stamp: entry === null ? null : stampOf(entry),
    expected: 0,
    duration,
  } as const;
  if (verdict.type === "gone") {
    const reason = "no longer at the source";
    return { ...base, action: "skip", reason, status: "skipped", error: null };
  }
  const detail = first === null ? undefined : { detail: `a hard link of ${shown(first)}` };
  return {
    ...base,
    ...(verdict.type === "failed" ? {} : detail),
    action: "link",
    reason: "not a hard link at the destination",
    status: verdict.type === "failed" ? "failure" : "success",
    error: verdict.type === "failed" ? verdict.error.toData() : null,
  };
}

function shown({ path }: LinkedName): string {
  return showPath(path);
}
