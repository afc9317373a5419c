/**
 * The group: files that are finished and wait to be made durable together.
 *
 * Where the destination makes each file durable by itself, a group is only a batch of messages.
 * Where it does so in groups, one flush serves two steps: it makes the content of the files durable
 * that are then given their final names, and it makes the names durable that the last flush allowed.
 * A file is reported only after both, so a row that says "synced" outlives a loss of power.
 */
import type { Backend, FileWriter, HeldParcels, NewDirectory } from "../backend/backend.ts";
import { SyncError } from "../errors.ts";
import type { Job, Outcome } from "../job.ts";
import type { Clock } from "../lib/clock.ts";
import type { CopiedParcel } from "../packed.ts";
import { type Parcel, PROGRESS } from "../parcel.ts";
import {
  commit,
  discard,
  namedDirectory,
  type Settled,
  type Staged,
  type StagedDirectory,
  type StagedParcel,
} from "./staged.ts";

/**
 * A group is flushed when it has this many new files and directories, or the first has waited this long
 * (ms). Each flush ends in a transaction of the database, whose cost they share.
 */
const MOST = 1024, LONGEST_WAIT = 500;

/** Options of a {@link Group}. */
export interface GroupOptions {
  readonly destination: Backend;
  readonly clock: Clock;
  /** Called with what may be recorded. */
  readonly settled: (settled: Settled) => void;
  /** The outcome of one file of a parcel. */
  readonly outcomeOf: (parcel: Parcel, index: number) => Outcome;
  /** Rejects when a root is gone, before anything gets its final name; undefined for "not now". */
  readonly checkRoots: () => Promise<void> | undefined;
}

/** Collects finished files and lets them go when they are durable. */
export class Group {
  readonly #options: GroupOptions;
  /** One flush serves many files; or else each is durable by itself. */
  readonly #together: boolean;
  /** Outcomes still to come of each job, its end counted as one. */
  readonly #open = new Map<Job, number>();
  #staged: Staged[] = [];
  #stagedParcels: StagedParcel[] = [];
  #stagedDirectories: StagedDirectory[] = [];
  /** New directories that are not complete, with what is in them. */
  readonly #unnamed = new Set<StagedDirectory>();
  #committed: { job: Job; outcome: Outcome }[] = [];
  #committedParcels: CopiedParcel[] = [];
  /** Files in `#stagedParcels`. */
  #inParcels = 0;
  #leaving: Settled = { outcomes: [], parcels: [], jobs: [] };
  /** Files in the parcels of `#leaving`. */
  #leavingFiles = 0;
  #since = Infinity;
  #flushing: Promise<void> | null = null;

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#together = options.destination.capabilities.durability === "group";
  }

  /** A job begins: `outcomes` are to come. */
  begin(job: Job, outcomes: number): void {
    this.#open.set(job, outcomes);
    if (outcomes === 0) this.#close(job);
  }

  /** A file is complete under its temporary name. Undefined: there is nothing to wait for. */
  stage(job: Job, writer: FileWriter, outcome: Outcome): Promise<void> | undefined {
    if (!this.#together) {
      return this.#commitOne(writer, outcome).then((result) => this.#leave(job, result));
    }
    this.#wait();
    this.#staged.push({ job, writer, outcome });
  }

  /**
   * The files of a parcel that are `written`. From now on the directory is the group's to let go.
   * Undefined: there is nothing to wait for.
   */
  stageParcel(
    parcel: Parcel,
    directory: HeldParcels,
    within: StagedDirectory | null = null,
  ): Promise<void> | undefined {
    const staged: StagedParcel = { parcel, directory, within };
    if (within !== null && this.#unnamed.has(within)) within.parcels.push(staged);
    else if (this.#together) this.#stageParcels([staged]);
    else return this.#commitAtOnce(staged);
  }

  #stageParcels(staged: readonly StagedParcel[]): void {
    this.#wait();
    for (const one of staged) {
      this.#stagedParcels.push(one);
      this.#inParcels += one.parcel.files.length;
    }
  }

  /** A new directory, before the first parcel in it. From now on it is the group's to let go. */
  stageDirectory(job: Job, directory: NewDirectory, outcome: Outcome): StagedDirectory {
    const staged: StagedDirectory = { job, directory, outcome, parcels: [], failed: null };
    if (this.#together) this.#wait();
    this.#unnamed.add(staged);
    return staged;
  }

  /**
   * All that is put into a new directory is there, or what comes waits for its name: where each file
   * is durable by itself, it gets it now. Undefined: the next flush gives it, or it has one.
   */
  complete(staged: StagedDirectory): Promise<void> | undefined {
    if (!this.#unnamed.delete(staged)) return;
    if (!this.#together) return this.#nameAtOnce(staged);
    this.#stagedDirectories.push(staged);
    this.#stageParcels(staged.parcels.splice(0));
  }

  /** Waits until a new directory can be reached by its path, or is known not to come. */
  async reach(staged: StagedDirectory): Promise<void> {
    await this.complete(staged);
    while (!staged.directory.named && staged.failed === null) await this.flush();
  }

  /** Something is at its final name, but not durable where durability comes in groups. */
  made(job: Job, outcome: Outcome): void {
    if (!this.#together) this.#leave(job, outcome);
    else {
      this.#wait();
      this.#committed.push({ job, outcome });
    }
  }

  /** Something failed or was skipped: nothing to make durable. */
  failed(job: Job, outcome: Outcome): void {
    this.#leave(job, outcome);
  }

  /** Flushes if it is time to. Undefined, and cheap, when it is not. */
  pace(): Promise<void> | undefined {
    if (this.#waiting === 0) return;
    // what has its final name and only waits to be durable goes with the next group
    const files = this.#staged.length + this.#inParcels + this.#stagedDirectories.length +
      this.#leaving.outcomes.length + this.#leavingFiles;
    if (this.#options.clock.now() - this.#since >= LONGEST_WAIT) return this.flush();
    // a directory that is not complete has no part in it: what comes later would need renames
    if (files >= MOST) return this.#flush();
  }

  /**
   * One step: what is staged gets its final name, what had it already leaves. New directories get
   * theirs even if more is to come.
   */
  async flush(): Promise<void> {
    if (this.#together) { for (const staged of this.#unnamed) this.complete(staged); }
    await this.#flush();
  }

  async #flush(): Promise<void> {
    // one flush at a time; whoever comes meanwhile waits for it, which bounds what is staged
    if (this.#flushing !== null) return await this.#flushing;
    this.#flushing = this.#step();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = null;
    }
  }

  /** Lets everything go; after it the group is empty. */
  async drain(): Promise<void> {
    try {
      await this.#nameAll();
      if (this.#flushing !== null) await this.#flushing;
      while (this.#waiting > 0 || this.#leaving.jobs.length > 0) await this.flush();
    } finally {
      // nothing is left here unless a flush failed
      for (const { writer } of this.#staged.splice(0)) await writer.abort();
      await discard(this.#stagedParcels.splice(0), this.#stagedDirectories.splice(0));
    }
  }

  async #step(): Promise<void> {
    const staged = this.#staged, committed = this.#committed;
    const parcels = this.#stagedParcels, committedParcels = this.#committedParcels;
    const directories = this.#stagedDirectories;
    this.#staged = [];
    this.#committed = [];
    this.#stagedParcels = [];
    this.#stagedDirectories = [];
    this.#committedParcels = [];
    this.#inParcels = 0;
    this.#since = Infinity;
    if (this.#together && this.#unnamed.size > 0) this.#wait();
    let next = 0;
    // what a lane would put into them during the flush would get its name without one
    for (const { directory } of directories) directory.seal();
    try {
      const waiting = staged.length + committed.length + parcels.length + committedParcels.length +
        directories.length;
      if (waiting > 0) {
        await this.#options.checkRoots();
        await this.#options.destination.flush();
      }
      for (const { job, outcome } of committed) this.#leave(job, outcome);
      for (const settled of committedParcels) this.#leaveParcel(settled);
      for (const directory of directories) {
        if (directory.directory.nameAtOnce?.()) {
          this.made(directory.job, namedDirectory(directory));
        } else await this.#nameDirectory(directory);
      }
      for (let parcel = parcels.shift(); parcel !== undefined; parcel = parcels.shift()) {
        if (parcel.within?.failed) await this.#failParcel(parcel, parcel.within.failed);
        else await this.#commitParcel(parcel);
      }
      for (const { directory } of directories.splice(0)) directory[Symbol.dispose]();
      for (; next < staged.length; next++) {
        const { job, writer, outcome } = staged[next]!;
        const result = await commit(writer, outcome);
        if (result.status === "success") this.made(job, result);
        else this.#leave(job, result);
      }
    } catch (error) {
      // the run stops; on a full disk it must not leave its temporaries behind
      for (const { writer } of staged.slice(next)) await writer.abort();
      await discard(parcels, directories);
      throw error;
    }
    const leaving = this.#leaving;
    this.#leaving = { outcomes: [], parcels: [], jobs: [] };
    this.#leavingFiles = 0;
    if (leaving.outcomes.length + leaving.parcels.length + leaving.jobs.length > 0) {
      this.#options.settled(leaving);
    }
  }

  /** Where a file is durable by itself, so are those of a parcel: they get their names now. */
  async #commitAtOnce(staged: StagedParcel): Promise<void> {
    const looking = this.#options.checkRoots();
    try {
      if (looking !== undefined) await looking;
    } catch (error) {
      await discard([staged], []);
      throw error;
    }
    await this.#commitParcel(staged);
  }

  /** Where a file is durable by itself, a new directory gets its name as soon as it is complete. */
  async #nameAtOnce(staged: StagedDirectory): Promise<void> {
    const { directory, parcels } = staged;
    directory.seal();
    try {
      const looking = this.#options.checkRoots();
      if (looking !== undefined) await looking;
      await this.#nameDirectory(staged);
      for (let parcel = parcels.shift(); parcel !== undefined; parcel = parcels.shift()) {
        if (staged.failed === null) await this.#commitOrFail(parcel);
        else await this.#failParcel(parcel, staged.failed);
      }
    } finally {
      // nothing is left in it unless the run stops
      await discard(parcels, [staged]);
    }
  }

  /** As {@link #commitParcel}; its files fail if they cannot be got out of their directory. */
  async #commitOrFail(parcel: StagedParcel): Promise<void> {
    try {
      await this.#commitParcel(parcel);
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
      await this.#failParcel(parcel, error);
    }
  }

  /** What was put into new directories before the run stopped is worth a name. */
  async #nameAll(): Promise<void> {
    // all at once: whoever ends the run does not wait for long
    const naming = [...this.#unnamed].map((staged) => this.complete(staged));
    for (const outcome of await Promise.allSettled(naming)) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
  }

  /** The files of a parcel get their names; one that could not get it so is tried alone. */
  async #commitParcel({ parcel, directory }: StagedParcel): Promise<void> {
    const { job, files, progress, temporaries } = parcel;
    using held = directory;
    const committing = held.commit(parcel);
    if (committing !== undefined) await committing;
    let count = 0, bytes = 0;
    for (let i = 0; i < files.length; i++) {
      if (progress[i] === PROGRESS.committed) {
        count += 1;
        bytes += files[i]!.size;
      } else if (progress[i] === PROGRESS.written) {
        progress[i] = PROGRESS.alone;
        const outcome = this.#options.outcomeOf(parcel, i);
        try {
          const result = await commit(held.writer(outcome.path, temporaries[i]!), outcome);
          if (result.status === "success") this.made(job, result);
          else this.#leave(job, result);
        } catch (error) {
          await held.discard(parcel);
          throw error;
        }
      }
    }
    if (count === 0) return;
    if (!this.#together) {
      return this.#leaveParcel({ parcel, files: count, bytes });
    }
    this.#wait();
    this.#committedParcels.push({ parcel, files: count, bytes });
  }

  async #nameDirectory(staged: StagedDirectory): Promise<void> {
    const { job, directory, outcome } = staged;
    try {
      await directory.name();
      this.made(job, namedDirectory(staged));
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
      staged.failed = error;
      this.#leave(job, { ...outcome, status: "failure", error: error.toData() });
    }
  }

  /** The directory of a parcel could not be given its name: its files fail with it. */
  async #failParcel({ parcel, directory }: StagedParcel, error: SyncError): Promise<void> {
    using held = directory;
    for (let i = 0; i < parcel.files.length; i++) {
      if (parcel.progress[i] !== PROGRESS.written) continue;
      const outcome = this.#options.outcomeOf(parcel, i);
      this.#leave(parcel.job, {
        ...outcome,
        status: "failure",
        hash: null,
        error: error.toData(),
      });
    }
    await held.discard(parcel);
  }

  async #commitOne(writer: FileWriter, outcome: Outcome): Promise<Outcome> {
    const looking = this.#options.checkRoots();
    try {
      if (looking !== undefined) await looking;
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return await commit(writer, outcome);
  }

  get #waiting(): number {
    return this.#staged.length + this.#committed.length + this.#stagedParcels.length +
      this.#stagedDirectories.length + this.#committedParcels.length +
      this.#leaving.outcomes.length + this.#leaving.parcels.length +
      (this.#together ? this.#unnamed.size : 0);
  }

  #wait(): void {
    if (this.#since === Infinity) this.#since = this.#options.clock.now();
  }

  #leave(job: Job, outcome: Outcome): void {
    this.#wait();
    this.#leaving.outcomes.push(outcome);
    this.#left(job, 1);
  }

  #leaveParcel(settled: CopiedParcel): void {
    this.#wait();
    this.#leaving.parcels.push(settled);
    this.#leavingFiles += settled.files;
    this.#left(settled.parcel.job, settled.files);
  }

  #left(job: Job, outcomes: number): void {
    const left = this.#open.get(job)! - outcomes;
    if (left > 0) this.#open.set(job, left);
    else this.#close(job);
  }

  #close(job: Job): void {
    this.#open.delete(job);
    this.#wait();
    this.#leaving.jobs.push(job);
  }
}
