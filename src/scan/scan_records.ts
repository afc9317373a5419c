/** What is said and recorded of a scan: when it is complete, and when a later run relies on it. */
import type { RunContext } from "../context.ts";
import { type Side, SIDES } from "../event.ts";
import { auditPath, isoTimes } from "../report/operation_record.ts";
import { splitTime } from "../stamp.ts";

const PAGE = 1000;

/** One record of the scan with number `scan`, and one for each special file that it found. */
export function recordScan(context: RunContext, scan: number): void {
  const { backlog, audit, settle } = context;
  recordSpecials(context, scan);
  const side = (name: Side) => {
    const { done: _, ...counts } = backlog.scanCounts(scan, name);
    return counts;
  };
  audit({
    type: "scan",
    scan,
    source: side("source"),
    destination: side("destination"),
    pending: backlog.transfer.pending(),
    extras: backlog.extras.count(),
  });
  settle(() => {});
}

function recordSpecials(context: RunContext, scan: number): void {
  const { backlog, source, destination, statistics, audit, settle } = context;
  const iso = isoTimes();
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = backlog.skipped(scan, after, PAGE);
    if (page.length === 0) return;
    after = page.at(-1)!;
    for (const { path, times } of page) {
      statistics.finished({ action: "skip", status: "skipped", bytes: 0, lanes: null });
      audit({
        type: "operation",
        action: "skip",
        status: "skipped",
        reason: "a special file: not a file, link or directory",
        kind: "special",
        source: auditPath(source.root, path),
        destination: auditPath(destination.root, path),
        size: 0,
        mtime: iso(...splitTime(times.mtime)),
        atime: null,
        ctime: iso(...splitTime(times.ctime)),
      });
    }
    settle(() => {});
  }
}

/** What an earlier run could not read is still not in sync: this run must not say that it is. */
export function recallErrors(context: RunContext, scan: number): void {
  const { backlog, statistics, event, audit, settle } = context;
  for (const side of SIDES) {
    const { done, ...counts } = backlog.scanCounts(scan, side);
    statistics.side(side, counts, done);
    if (counts.errors === 0) continue;
    const what = counts.errors === 1
      ? "1 directory or entry was"
      : `${counts.errors} directories or entries were`;
    const message = `${what} not readable when the ${side} was scanned; --rescan tries again`;
    statistics.finished({ action: "list", status: "failure", bytes: 0, lanes: null });
    statistics.failure("", message);
    event({ type: "failure", path: "", message });
    audit({ type: "note", message });
  }
  settle(() => {});
}
