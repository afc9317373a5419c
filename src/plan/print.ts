/** Printing a plan: the operations of a dry run, as they become known. */
import type { RunContext } from "../context.ts";
import { join } from "../entry.ts";
import type { Action } from "../operation.ts";

const PAGE = 1000;

/** Prints what is planned in directories that were just decided. */
export function printDecided(
  { backlog, event, options }: RunContext,
  directories: readonly number[],
): void {
  for (const id of directories) {
    const { path, missing, blocked } = backlog.plannedDirectory(id);
    if (missing && path !== "") {
      event({
        type: "operation",
        action: blocked ? "refuse" : "mkdir",
        path,
        size: null,
        reason: blocked ? "kinds differ" : "not at the destination",
      });
    }
    let after: string | Uint8Array | null = "";
    while (after !== null) {
      const page = backlog.transfer.pendingFiles(id, after, { files: PAGE, bytes: Infinity });
      for (const { name, size, reason } of page.files) {
        // which of its names is copied and which are linked is known at the end
        if (options.hardLinks && backlog.links.has({ directory: id, name })) continue;
        event({
          type: "operation",
          action: actionOf(reason),
          path: join(path, name),
          size,
          reason,
        });
      }
      after = page.after;
    }
  }
}

function actionOf(reason: string): Action {
  if (reason === "not at the destination") return "copy";
  return reason === "a directory is in the way at the destination" ? "refuse" : "overwrite";
}

/** Files with several names: one is copied, the others are linked to it. */
function printLinks({ backlog, event }: RunContext): void {
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = backlog.links.planned(after, PAGE);
    if (page.length === 0) return;
    after = page.at(-1)!;
    for (const { path, size, waits, reason } of page) {
      const action = waits ? "link" : actionOf(reason);
      event({ type: "operation", action, path, size: waits ? null : size, reason });
    }
  }
}

/** Prints what is only known when the scan is complete: times of directories, and extras. */
export function printLeft(context: RunContext, { extras }: { extras: boolean }): void {
  const { backlog, event, options } = context;
  if (options.hardLinks) printLinks(context);
  let before = { depth: Number.MAX_SAFE_INTEGER, id: 0 };
  for (;;) {
    const page = backlog.directories.untimed(before, PAGE, context);
    if (page.length === 0) break;
    before = page.at(-1)!;
    for (const { path } of page) {
      event({
        type: "operation",
        action: "times",
        path: path === "" ? "." : path,
        size: null,
        reason: "times differ",
      });
    }
  }
  if (!extras) return;
  const action = context.paths.trash ? "trash" : "delete";
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = backlog.extras.files(after, PAGE, "all");
    if (page.length === 0) break;
    after = page.at(-1)!;
    for (const { path, size } of page) {
      event({ type: "operation", action, path, size, reason: "not at the source" });
    }
  }
  let last = { depth: Number.MAX_SAFE_INTEGER, directory: 0, name: "" };
  for (;;) {
    const page = backlog.extras.directories(last, PAGE, "all");
    if (page.length === 0) break;
    last = page.at(-1)!;
    for (const { path } of page) {
      event({ type: "operation", action, path, size: null, reason: "not at the source" });
    }
  }
}
