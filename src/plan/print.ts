/** Printing a plan: the operations of a dry run, as they become known. */
import type { RunContext } from "../context.ts";
import { join } from "../entry.ts";

const PAGE = 1000;

/** Prints what is planned in directories that were just decided. */
export function printDecided(
  { backlog, event }: RunContext,
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
        event({
          type: "operation",
          action: reason === "not at the destination"
            ? "copy"
            : reason === "a directory is in the way at the destination"
            ? "refuse"
            : "overwrite",
          path: join(path, name),
          size,
          reason,
        });
      }
      after = page.after;
    }
  }
}

/** Prints what is only known when the scan is complete: times of directories, and extras. */
export function printLeft(context: RunContext, { extras }: { extras: boolean }): void {
  const { backlog, event } = context;
  let before = { depth: Number.MAX_SAFE_INTEGER, id: 0 };
  for (;;) {
    const page = backlog.transfer.untimed(before, PAGE, context);
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
  let after = { directory: 0, name: "" };
  for (;;) {
    const page = backlog.extras.files(after, PAGE, "all");
    if (page.length === 0) break;
    after = page.at(-1)!;
    for (const { path, size } of page) {
      event({ type: "operation", action: "delete", path, size, reason: "not at the source" });
    }
  }
  let last = { depth: Number.MAX_SAFE_INTEGER, directory: 0, name: "" };
  for (;;) {
    const page = backlog.extras.directories(last, PAGE, "all");
    if (page.length === 0) break;
    last = page.at(-1)!;
    for (const { path } of page) {
      event({ type: "operation", action: "delete", path, size: null, reason: "not at the source" });
    }
  }
}
