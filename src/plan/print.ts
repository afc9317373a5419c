/** Printing a plan: the operations of a dry run, as they become known. */
import type { RunContext } from "../context.ts";
import { join } from "../entry.ts";
import { formatCount, formatSize } from "../lib/units.ts";
import type { Action, Reason } from "../operation.ts";

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
        action: blocked && !options.deleteExtras ? "refuse" : "mkdir",
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
          action: actionOf(reason, options),
          path: join(path, name),
          size,
          reason,
        });
      }
      after = page.after;
    }
  }
}

/** What is in the way is an extra: it is removed before anything is transferred. */
function actionOf(reason: string, { deleteExtras }: { deleteExtras: boolean }): Action {
  if (reason === "not at the destination") return "copy";
  const blocked = reason === "a directory is in the way at the destination";
  return blocked && !deleteExtras ? "refuse" : "overwrite";
}

/** Files with several names: one is copied, the others are linked to it. */
function printLinks({ backlog, event, options }: RunContext): void {
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = backlog.links.planned(after, PAGE);
    if (page.length === 0) return;
    after = page.at(-1)!;
    for (const { path, size, waits, reason } of page) {
      const action = waits ? "link" : actionOf(reason, options);
      event({ type: "operation", action, path, size: waits ? null : size, reason });
    }
  }
}

/** Prints what is only known when the scan is complete: times of directories, and extras. */
export function printLeft(context: RunContext, { extras }: { extras: boolean }): void {
  const { backlog, event, note, options, paths } = context;
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
  const action = paths.trash ? "trash" : "delete";
  let files = 0, bytes = 0, directories = 0;
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = backlog.extras.files(after, PAGE, "all");
    if (page.length === 0) break;
    after = page.at(-1)!;
    for (const { path, size, conflict } of page) {
      event({ type: "operation", action, path, size, reason: reasonOf(conflict) });
      files += 1;
      bytes += size;
    }
  }
  let last = { depth: Number.MAX_SAFE_INTEGER, directory: 0, name: "" };
  for (;;) {
    const page = backlog.extras.directories(last, PAGE, "all");
    if (page.length === 0) break;
    last = page.at(-1)!;
    for (const { path, conflict } of page) {
      event({ type: "operation", action, path, size: null, reason: reasonOf(conflict) });
      directories += 1;
    }
  }
  note(
    `${paths.trash ? "would be moved to the trash" : "would be deleted"}: ` +
      `files ${formatCount(files)} (${formatSize(bytes)}), directories ${formatCount(directories)}`,
  );
}

/** Why an extra is one. */
function reasonOf(conflict: boolean): Reason {
  return conflict ? "kinds differ" : "not at the source";
}
