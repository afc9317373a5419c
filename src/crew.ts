/**
 * The crew: the threads that touch the two trees, and the messages between them and the thread that
 * owns the database and the screen. A call that hangs on a dead mount hangs here, not there.
 */
import type { Capabilities, Identity } from "./backend/backend.ts";
import type { ControlMemory } from "./control/run_control.ts";
import type { Pending } from "./backend/watch.ts";
import type { DirectoryToList } from "./backlog/backlog.ts";
import type { ErrorData } from "./errors.ts";
import type { Side } from "./event.ts";
import type { Algorithm } from "./options.ts";
import type { Preservable } from "./preserve.ts";
import type { LinkTimes } from "./times.ts";
import type { Columns } from "./lib/columns.ts";
import type { PackedOutcomes } from "./packed.ts";
import type { PackedListings } from "./scan/packed_listings.ts";

/** What a thread is for. */
export type Role =
  | {
    readonly type: "walk";
    readonly side: Side;
    readonly root: string;
    /** What the root was when the run began. */
    readonly identity: Identity;
    /** How often a call that fails for a passing reason is made again. */
    readonly retries: number;
    readonly control: ControlMemory;
  }
  | {
    readonly type: "carry";
    readonly source: string;
    readonly destination: string;
    readonly identities: Readonly<Record<Side, Identity>>;
    /** Lanes of this thread, unless another number is asked for while it is at work. */
    readonly lanes: number;
    /** Which of so many threads it is, from 0: what is asked for is divided among them. */
    readonly seat: { readonly index: number; readonly of: number };
    readonly slots: number;
    readonly blockSize: number;
    readonly algorithm: Algorithm;
    readonly preserve: readonly Preservable[];
    readonly links: LinkTimes;
    readonly retries: number;
    readonly control: ControlMemory;
  };

/** Messages to a thread. */
export type ToCrew =
  | {
    readonly type: "start";
    readonly role: Role;
    /** Number of the thread within the run; makes its temporary names its own. */
    readonly thread: number;
    readonly token: string;
    /** The owner's clock at the moment of sending, in milliseconds. */
    readonly now: number;
    /** Calls under way to the source and the destination: see `WatchOptions.counts`. */
    readonly calls: SharedArrayBuffer;
  }
  | { readonly type: "list"; readonly directories: readonly DirectoryToList[] }
  /** A "listed" is in the database: the next may come. */
  | { readonly type: "taken" }
  | { readonly type: "jobs"; readonly jobs: Columns }
  /** No more work will come. */
  | { readonly type: "close" }
  /** Stop at once; what is finished still settles. */
  | { readonly type: "abort" };

/** What comes with a port: a role is served there by the thread itself, or by one that it makes. */
export type Seat = "beside" | "another";

/** A carrier has little left that no lane has taken up: so many files, for so many idle lanes. */
export interface Hungry {
  readonly type: "hungry";
  readonly files: number;
  readonly idle: number;
  /** "jobs" that had come by then: what is on its way to it, it does not know of. */
  readonly given: number;
}

/** Messages from a thread. */
export type FromCrew =
  | { readonly type: "ready"; readonly capabilities: Readonly<Partial<Record<Side, Capabilities>>> }
  | { readonly type: "listed"; readonly listed: PackedListings }
  | Hungry
  | {
    readonly type: "settled";
    readonly outcomes: PackedOutcomes;
    /** Directories of the jobs that are over, one per job. */
    readonly jobs: readonly number[];
  }
  | {
    readonly type: "progress";
    /** Bytes that are sent but not in a "settled" yet. */
    readonly bytes: number;
    readonly active: readonly {
      readonly path: string;
      readonly size: number;
      readonly done: number;
    }[];
  }
  /** A sign of life, twice a second while a role goes on, with the oldest calls under way. */
  | { readonly type: "pulse"; readonly pending: readonly Pending[] }
  /** The run must stop. */
  | { readonly type: "fatal"; readonly error: ErrorData }
  /** Everything is done, or abandoned after an abort; nothing more will come. */
  | { readonly type: "done" };

/** One end of a channel to or from a thread. */
export interface Port<Out, In> {
  /** Sends a message. What is in `transferred` is moved, not copied: the sender has it no more. */
  post(message: Out, transferred?: readonly ArrayBuffer[]): void;
  onMessage(handler: (message: In) => void): void;
}
