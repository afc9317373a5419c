/** What the destination does with names, told after a scan. */
import { takenFor } from "../backlog/merge_store.ts";
import type { ScanStore } from "../backlog/scan_store.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { NOTHING_SENT } from "../job.ts";
import { showPath } from "../name.ts";

const PAGE = 256;
const REASON = "the destination takes it for another name";

/** Tells of the names that the last scan refused: each fails, in every run, until it is renamed. */
export function recordCollisions(context: RunContext): void {
  const { backlog, options, outcome, settle, event } = context;
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = backlog.names.collisions(after, PAGE);
    if (page.length === 0) return;
    after = page.at(-1)!;
    for (const { directory, name, path, kind, other } of page) {
      if (options.dryRun) {
        event({ type: "operation", action: "refuse", path, size: null, reason: REASON });
        continue;
      }
      const message = kind === "directory"
        ? `${takenFor(other)}; nothing in it was copied`
        : takenFor(other);
      outcome({
        ...NOTHING_SENT,
        directory,
        name,
        path,
        kind,
        action: kind === "directory" ? "mkdir" : "copy",
        reason: REASON,
        status: "failure",
        error: new SyncError("EEXIST", message, { path }).toData(),
      }, null);
    }
    settle(() => {});
  }
}

/** Tells of names that are spelled otherwise at the destination: they are not carried exactly. */
export function tellRespelled(context: RunContext, { respelled }: ScanStore): void {
  const { count, example } = respelled;
  if (example === null) return;
  const { source, destination } = example;
  const message = `${count} ${count === 1 ? "name is" : "names are"} spelled otherwise at the ` +
    `destination, which takes both for one: ${showPath(source)} is ${showPath(destination)} there`;
  context.note(message);
}
