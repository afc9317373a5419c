/** Events and snapshots: what the stages tell the reporters. Plain data, no methods. */
import type { Rates } from "./bandwidth.ts";

/** The two sides of a migration. */
export const SIDES = ["source", "destination"] as const;
export type Side = typeof SIDES[number];

/** The parts of a run, in their order. */
export type Phase =
  | "starting"
  | "scan"
  | "transfer"
  | "mirror"
  | "directories"
  | "finished";

/** A number of files and their bytes. */
export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** What a walker has seen of its side so far. */
export interface SideCounts extends Amount {
  readonly directories: number;
  /** Directories and entries that could not be read. */
  readonly errors: number;
  readonly done: boolean;
}

/** One file on its way. */
export interface ActiveFile {
  /** Relative to the roots, as in `name.ts` (show it with `showPath`). */
  readonly path: string;
  readonly size: number;
  /** Bytes already handed to the destination. */
  readonly done: number;
  /** Bytes per second, smoothed; null while not known. */
  readonly rate: number | null;
  /** Seconds until this file is done; null while not known. */
  readonly secondsLeft: number | null;
}

/** A call to a file system that has not returned for a while. */
export interface Unanswered {
  /** Null when it is not known which. */
  readonly side: Side | null;
  /** Relative to the roots, as in `name.ts`; null when it is not known, or none in particular. */
  readonly path: string | null;
  /** How long already. */
  readonly ms: number;
}

/** A side on which a run gives way, since calls take well longer there than in quiet. */
export interface GivesWay {
  readonly side: Side;
  /** What takes longer: operations on names, or data. */
  readonly what: "names" | "data";
  /** How long a call takes, and how long it would in quiet, in ms. */
  readonly latency: number;
  readonly quiet: number;
  /** Calls at a time; less than 1 for one that is followed by a rest. */
  readonly width: number;
}

/** The state of a run at one moment: everything that a display or a progress line may say. */
export interface Snapshot {
  readonly phase: Phase;
  /** Milliseconds since the run began. */
  readonly elapsed: number;
  readonly source: SideCounts;
  readonly destination: SideCounts;
  /** What is still to be transferred. While the scan runs it is "so far". */
  readonly pending: Amount;
  /** What was done in this run; bytes include the part of unfinished files. */
  readonly copied: Amount;
  /** What was done in all runs of this database, this one included. */
  readonly copiedEver: Amount;
  /** The backlog when the transfer began: pending + done since. The progress bar's 100%. */
  readonly backlog: Amount;
  /** Bytes per second now (smoothed over some seconds). */
  readonly rate: number;
  /** Files per second now. */
  readonly fileRate: number;
  /** Bytes per second that the operator allows, the lower of the two; null for no limit. */
  readonly limit: number | null;
  readonly limits: Rates;
  /** Seconds left of the backlog judged by bytes and by files; null while not known. */
  readonly secondsLeftByBytes: number | null;
  readonly secondsLeftByFiles: number | null;
  readonly active: readonly ActiveFile[];
  /** Operations of this run by how they ended. */
  readonly failed: number;
  readonly skipped: number;
  readonly deleted: number;
  /** Names that became hard links. */
  readonly linked: number;
  readonly refused: number;
  /** What a person must know now, such as "interrupted: settling what is done"; null mostly. */
  readonly notice: string | null;
  /** Set while the run waits: who has paused it, or for what it waits and how long; null mostly. */
  readonly paused: string | null;
  /** Calls that were not answered for some seconds, the oldest of each side; mostly none. */
  readonly unanswered: readonly Unanswered[];
  /** Where the run gives way now; mostly nowhere. Null without `--adaptive`. */
  readonly givesWay: readonly GivesWay[] | null;
  /** For how long it has given way on either side, in ms; null without `--adaptive`. */
  readonly gaveWay: number | null;
}

/** How the reason ends when nothing is left but files that `--max-transfer` never lets through. */
export const TOO_LARGE = "larger than --max-transfer";

/** How a run ended. */
export interface Summary extends Snapshot {
  readonly outcome: "in sync" | "failures" | "more pending" | "interrupted" | "stopped";
  /** Why the run stopped before its end, in one sentence; null when it did not. */
  readonly reason: string | null;
  readonly exitCode: number;
  /** The first few failures of this run: path (relative) and message. */
  readonly failures: readonly { readonly path: string; readonly message: string }[];
}

/** What a reporter is told. A reporter returns at once: it must never slow the pipeline. */
export type RunEvent =
  | {
    readonly type: "start";
    /** Full paths of the two roots. */
    readonly source: string;
    readonly destination: string;
    readonly version: string;
    readonly database: string;
    readonly log: string;
    readonly dryRun: boolean;
    /** Set when a backlog of an earlier run is continued. */
    readonly resumed:
      | (Amount & { /** milliseconds since the epoch */ readonly since: number })
      | null;
  }
  | {
    /** One planned operation of a dry run. */
    readonly type: "operation";
    readonly action: string;
    readonly path: string;
    readonly size: number | null;
    readonly reason: string;
  }
  | {
    /** A file, link or directory that failed. */
    readonly type: "failure";
    readonly path: string;
    readonly message: string;
  }
  | {
    /** Something worth a line, e.g. "removed 3 temporaries". */ readonly type: "note";
    readonly message: string;
  }
  | { readonly type: "end"; readonly summary: Summary };

/** A reporter. */
export interface Reporter extends AsyncDisposable {
  /** Called for each event, in order. */
  event(event: RunEvent): void;
}
