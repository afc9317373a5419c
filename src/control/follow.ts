/** What a run makes of its control: shows what holds, and records each change. */
import type { RunEvent } from "../event.ts";
import type { AuditRecord } from "../report/audit.ts";
import type { Statistics } from "../report/statistics.ts";
import type { RunControl } from "./run_control.ts";

/** Those who are told. */
export interface Followers {
  readonly statistics: Statistics;
  readonly event: (event: RunEvent) => void;
  readonly ledger: {
    audit(record: AuditRecord): void;
    settle<T>(body: () => T): T;
  };
}

/** Begins the control of a run. */
export function follow(control: RunControl, followers: Followers): void {
  const { statistics, event, ledger } = followers;
  control.begin({
    changed: ({ rates, paused }) => {
      statistics.limit(rates);
      statistics.held(paused);
    },
    note: (message) => {
      event({ type: "note", message });
      ledger.audit({ type: "note", message });
      ledger.settle(() => {});
    },
  });
}
