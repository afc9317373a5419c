/**
 * The ledger of a run: counts what ends, and keeps the database and the audit log together, so that
 * whatever one of them tells the other tells too.
 */
import type { SqliteBacklog } from "./backlog/sqlite.ts";
import type { RunContext } from "./context.ts";
import { bandwidthRecord } from "./bandwidth.ts";
import type { RunEvent, Summary } from "./event.ts";
import type { Outcome } from "./job.ts";
import { DEFAULTS, type SyncOptions } from "./options.ts";
import type { Bulk } from "./packed.ts";
import type { AuditLog, AuditRecord } from "./report/audit.ts";
import { auditPath, operationRecords } from "./report/operation_record.ts";
import type { Refusal } from "./preserve.ts";
import { Refusals } from "./report/refusals.ts";
import type { Statistics } from "./report/statistics.ts";
import type { RunPaths } from "./roots.ts";
import { VERSION } from "./version.ts";

/** What a ledger works with. */
export interface LedgerOptions {
  readonly options: SyncOptions;
  readonly paths: RunPaths;
  readonly backlog: SqliteBacklog;
  /** Null for a dry run, of which nothing is kept. */
  readonly log: AuditLog | null;
  readonly statistics: Statistics;
  readonly event: (event: RunEvent) => void;
}

/** Keeps what a run does. Its methods are fields: they go into the context one by one. */
export class Ledger
  implements Pick<RunContext, "note" | "audit" | "settle" | "outcome" | "carried"> {
  readonly #parts: LedgerOptions;
  readonly #record: (outcome: Outcome) => string;
  readonly #refusals = new Refusals();
  readonly #totals = { copiedFiles: 0, copiedBytes: 0, failed: 0, deleted: 0 };
  #id = 0;

  /** The number of the run; 0 for a dry run. */
  get run(): number {
    return this.#id;
  }

  constructor(parts: LedgerOptions) {
    this.#parts = parts;
    const { source, destination } = parts.paths;
    this.#record = operationRecords({ source, destination, algorithm: parts.options.checksum });
  }

  /** The run begins; first the log is brought up to what earlier runs have recorded. */
  begin({ token, resumed }: { token: string; resumed: boolean }): void {
    const { backlog, log, options, paths } = this.#parts;
    if (log === null) return;
    const process = { token, pid: Deno.pid, host: Deno.hostname(), version: VERSION, resumed };
    this.#id = backlog.runs.begin(process);
    const wrong = log.attach(backlog.outbox, this.#id, paths.db);
    if (wrong !== null) this.#parts.event({ type: "note", message: wrong });
    log.add({
      type: "start",
      version: VERSION,
      source: auditPath(paths.source, ""),
      destination: auditPath(paths.destination, ""),
      resumed,
      options: {
        ...pick(options),
        bwlimit: bandwidthRecord(options.bwlimit),
        db: paths.db,
        log: paths.log,
      },
    });
    log.write(backlog.transaction(() => log.stage()));
  }

  /** The run ends. */
  end(summary: Summary): void {
    const { backlog, log } = this.#parts;
    for (const message of this.#refusals.messages()) this.#note(message);
    if (log === null) return;
    log.add({
      type: "end",
      outcome: summary.outcome,
      exit_code: summary.exitCode,
      reason: summary.reason,
      totals: {
        copied_files: summary.copied.files,
        copied_bytes: this.#totals.copiedBytes,
        failed: summary.failed,
        skipped: summary.skipped,
        deleted: summary.deleted,
        linked: summary.linked,
        refused: summary.refused,
        pending_files: summary.pending.files,
        pending_bytes: summary.pending.bytes,
      },
    });
    log.write(backlog.transaction(() => {
      backlog.runs.end(this.#id, summary.exitCode);
      return log.stage();
    }));
    log.finish();
  }

  #note(message: string): void {
    const { event, log } = this.#parts;
    event({ type: "note", message });
    log?.add({ type: "note", message });
  }

  readonly note = (message: string): void => {
    this.#note(message);
    this.settle(() => {});
  };

  readonly audit = (record: AuditRecord): void => this.#parts.log?.add(record);

  readonly settle = <T>(body: () => T): T => {
    const { backlog, log } = this.#parts;
    let staged: Uint8Array | null = null;
    backlog.demandHere();
    const result = backlog.transaction(() => {
      const result = body();
      if (log !== null) {
        backlog.runs.count(this.#id, this.#totals);
        staged = log.stage();
      }
      return result;
    });
    if (staged !== null) log?.write(staged);
    return result;
  };

  readonly outcome = (outcome: Outcome, lanes: string | null): void => {
    const { statistics, event, log } = this.#parts;
    const { action, status, path, size, error } = outcome;
    if (action === "keep") return;
    statistics.finished({ action, status, bytes: size, lanes });
    if (status === "failure") {
      const message = outcome.detail ?? error?.message ?? "failed";
      this.#totals.failed += 1;
      statistics.failure(path, message);
      event({ type: "failure", path, message });
    } else if (action === "delete" || action === "trash") this.#totals.deleted += 1;
    else if (status === "success" && (action === "copy" || action === "overwrite")) {
      this.#totals.copiedFiles += 1;
      this.#totals.copiedBytes += size;
    }
    for (const refusal of outcome.refusals ?? []) this.#refused(refusal, path);
    log?.addFields("operation", this.#record(outcome));
  };

  /** Told when it is the first of its kind; all are counted at the end. */
  #refused(refusal: Refusal, path: string): void {
    const { statistics, event } = this.#parts;
    const message = this.#refusals.add(refusal, path);
    if (message === null) return;
    statistics.finished({ action: "refuse", status: "failure", bytes: 0, lanes: null });
    statistics.failure(path, message);
    event({ type: "failure", path, message });
  }

  readonly carried = ({ timed, parcels, records }: Bulk, lanes: string): void => {
    const { statistics, log } = this.#parts;
    let count = timed.length;
    for (const { action, files, bytes } of parcels) {
      statistics.finished({ action, status: "success", files, bytes, lanes });
      this.#totals.copiedBytes += bytes;
      this.#totals.copiedFiles += files;
      count += files;
    }
    if (count > 0) log?.addLines("operation", records, count);
  };
}

function pick({ db: _db, log: _log, ...rest }: SyncOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(DEFAULTS).flatMap((key) =>
      key in rest ? [[key, rest[key as keyof typeof rest]]] : []
    ),
  );
}
