/** The context of a run: what its stages share, made once and handed on. */
import type { Backend, Identity } from "./backend/backend.ts";
import type { SqliteBacklog } from "./backlog/sqlite.ts";
import type { RunControl } from "./control/run_control.ts";
import type { RunEvent, Side } from "./event.ts";
import type { Crew } from "./hands.ts";
import type { Outcome } from "./job.ts";
import type { Clock } from "./lib/clock.ts";
import type { NameRules } from "./name_rules.ts";
import type { SyncOptions } from "./options.ts";
import type { Bulk } from "./packed.ts";
import type { AuditRecord } from "./report/audit.ts";
import type { RunPaths } from "./roots.ts";
import type { Statistics } from "./report/statistics.ts";
import type { TransferBudget } from "./transfer/budget.ts";
import type { TimeRule } from "./times.ts";

/** What the stages of a run share. */
export interface RunContext {
  readonly options: SyncOptions;
  readonly paths: RunPaths;
  /** The number of the run; 0 for a dry run. */
  readonly run: number;
  readonly backlog: SqliteBacklog;
  readonly crew: Crew;
  /** Says what the run may do now. */
  readonly control: RunControl;
  /** Says what it may still transfer. */
  readonly budget: TransferBudget;
  /** Backends of the owner's thread; on a share every call is made on the pool. */
  readonly source: Backend;
  readonly destination: Backend;
  readonly identities: Readonly<Record<Side, Identity>>;
  /** Rejects with a run's error unless both roots are what they were. */
  readonly checkRoots: () => Promise<void>;
  readonly statistics: Statistics;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Tells the reporter. */
  readonly event: (event: RunEvent) => void;
  /** Tells a person what is worth knowing, on the display and in the audit log. */
  readonly note: (message: string) => void;
  /** Adds an audit record; it is kept with the next {@link settle}. */
  readonly audit: (record: AuditRecord) => void;
  /** Counts an outcome, and adds its audit record. `lanes` is the thread that carried it, if any. */
  readonly outcome: (outcome: Outcome, lanes: string | null) => void;
  /** The same for many files and directories at once, carried by the thread `lanes`. */
  readonly carried: (bulk: Bulk, lanes: string) => void;
  /** Runs `body` in a transaction together with the audit records added so far, then logs them. */
  readonly settle: <T>(body: () => T) => T;
  /** When a time at the destination is that of the source. */
  readonly times: TimeRule;
  /** Which names the destination takes for one. */
  readonly names: NameRules;
  /** How long a thread may take to stop, in ms. */
  readonly grace: number;
}
