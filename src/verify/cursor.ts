/**
 * Where a verification is in the record: which file of the sample comes next, and after which one
 * the next run goes on.
 */
import { isMiscounted, miscounted } from "../backlog/database_error.ts";
import type { Position, Sample, VerifyFile } from "../backlog/verify_store.ts";
import { isInSample } from "./sample.ts";

/** A file in flight, and the one before it in the order of the record. */
export interface Flight {
  readonly file: VerifyFile;
  readonly before: Position;
}

/** What a cursor goes through. */
export interface CursorParts {
  readonly sample: Sample;
  /** The last file that is done. */
  readonly after: Position;
  /** The next files of the record after one of them, not all: none means that there are no more. */
  readonly next: (after: Position) => VerifyFile[];
  /** How many come after `after`, as they were counted. */
  readonly ahead: number;
  /** Full path of the database they are from. */
  readonly database: string;
}

/** Gives out the files of a sample in the order of the record. */
export class VerifyCursor {
  readonly #sample: Sample;
  readonly #next: CursorParts["next"];
  readonly #ahead: number;
  readonly #database: string;
  /** How many were given by the record. */
  #read = 0;
  /** In the order of the record: a Set iterates in the order of insertion. */
  readonly #inFlight = new Set<Flight>();
  /** The last file that was taken or passed over. */
  #taken: Position;
  #page: VerifyFile[] = [];
  #exhausted = false;

  constructor({ sample, after, next, ahead, database }: CursorParts) {
    this.#sample = sample;
    this.#taken = after;
    this.#next = next;
    this.#ahead = ahead;
    this.#database = database;
  }

  /** Whether there are no more files to take. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /**
   * The last file of which it and all before it are done. Files after it that are done already are
   * known by what was found about them.
   */
  get after(): Position {
    const [oldest] = this.#inFlight;
    return oldest?.before ?? this.#taken;
  }

  /**
   * The next file of the sample; null when a page had none, undefined when there are no more.
   *
   * @throws SyncError when the record gives more or fewer files than were counted: it is damaged
   */
  take(): Flight | null | undefined {
    if (this.#page.length === 0 && !this.#exhausted) this.#turnPage();
    if (this.#exhausted) return undefined;
    for (let file; (file = this.#page.shift()) !== undefined;) {
      const before = this.#taken;
      this.#taken = { directory: file.directory, name: file.name };
      if (file.done || !isInSample(file.path, this.#sample)) continue;
      const flight = { file, before };
      this.#inFlight.add(flight);
      return flight;
    }
    return null;
  }

  #turnPage(): void {
    this.#page = this.#next(this.#taken);
    this.#read += this.#page.length;
    const count = { counted: this.#ahead, read: this.#read, isLast: this.#page.length === 0 };
    if (isMiscounted(count)) throw miscounted(this.#database, count);
    this.#exhausted = count.isLast;
  }

  /** A file that was taken is done: what was found about it is about to be recorded. */
  done(flight: Flight): void {
    this.#inFlight.delete(flight);
  }
}
