/** What a run makes of its control: shows what holds, and records each change. */
import type { Statistics } from "../report/statistics.ts";
import type { RunControl } from "./run_control.ts";

/** Those who are told. */
export interface Followers {
  readonly statistics: Statistics;
  /** Tells of a change, and records it. */
  readonly note: (message: string) => void;
}

/** Begins the control of a run. */
export function follow(control: RunControl, { statistics, note }: Followers): void {
  control.begin({
    changed: ({ rates, paused }) => {
      statistics.limit(rates);
      statistics.held(paused);
    },
    note,
  });
}
