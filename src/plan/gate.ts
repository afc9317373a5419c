/** The gate: what a run has to pass before it may delete anything, and what it lets through. */
import type { Backend } from "../backend/backend.ts";
import { TRASH_NAME } from "../backend/trash.ts";
import type { HoldCounts } from "../backlog/extra_store.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { formatCount } from "../lib/units.ts";
import { showPath } from "../name.ts";
import { refusalOf } from "./deletion_rules.ts";

/**
 * Stops a run that mirrors an empty source: a share that is not mounted is an empty directory, and
 * what sluice knows of its files would be forgotten by the scan.
 *
 * @throws SyncError that stops the run when the source has nothing and the destination something
 */
export async function demandSource({ source, destination, signal }: RunContext): Promise<void> {
  if (!(await isEmpty(source, signal)) || await isEmpty(destination, signal)) return;
  throw new SyncError(
    "EEMPTY",
    `the source ${source.root} is empty, and a mirror of it would delete everything in ` +
      `${destination.root}: nothing was deleted (is the source mounted?); if it is meant to be ` +
      "empty, empty the destination by hand",
    { scope: "run" },
  );
}

async function isEmpty(backend: Backend, signal: AbortSignal): Promise<boolean> {
  for await (const { entries, problems } of backend.list("", { signal })) {
    if (problems.length > 0 || entries.some(({ name }) => name !== TRASH_NAME)) return false;
  }
  return true;
}

/**
 * Judges by the counts of the last scan whether this run may delete, and tells why not. What the
 * backlog pages through as extras is from now on only what may go.
 */
export function openGate(context: RunContext): boolean {
  const { backlog, options, paths } = context;
  const { files, directories } = backlog.extras.count();
  const scan = backlog.lastScan();
  if (scan === undefined || files + directories === 0) return false;
  if (options.dryRun) backlog.recallMissed(paths.db, scan.id);
  const held = backlog.extras.hold({
    scan: scan.id,
    scans: options.deleteAfterScans,
    minAge: options.deleteMinAge,
  });
  const source = backlog.scanCounts(scan.id, "source");
  const refusal = refusalOf({
    extras: { files, directories },
    due: held.due,
    scanFinished: scan.finished,
    sourceErrors: source.errors,
    sourceFiles: source.files,
    destinationFiles: backlog.scanCounts(scan.id, "destination").files,
    despiteErrors: options.deleteDespiteErrors,
    maxDelete: options.maxDelete,
  });
  if (refusal !== null) {
    refuse(context, refusal);
    return false;
  }
  tellHeld(context, scan.id, held);
  return true;
}

function tellHeld(context: RunContext, scan: number, held: HoldCounts): void {
  const { backlog, options, note } = context;
  const doubted = sum(held.doubted), waiting = sum(held.waiting), unproven = sum(held.unproven);
  if (doubted > 0) {
    const { count, path } = backlog.extras.doubtedDirectories(scan);
    const which = count === 1
      ? `the source directory ${showPath(path)} had entries before and lists none now`
      : `${formatCount(count)} source directories, such as ${showPath(path)}, had entries before ` +
        "and list none now";
    refuse(
      context,
      `${extras(doubted)} not deleted: ${which} (is something mounted there?); what is below ` +
        "goes when another scan finds the same, see --rescan",
    );
  }
  if (unproven > 0) {
    refuse(
      context,
      `${extras(unproven)} not deleted: in directories that were not listed completely`,
    );
  }
  if (waiting === 0) return;
  const hours = Math.round(options.deleteMinAge / 36_000) / 100;
  const message =
    `${extras(waiting)} waiting: not missed by ${options.deleteAfterScans} complete ` +
    `scans yet, the first and the last of them ${formatCount(hours)} hours apart`;
  note(message);
}

function sum({ files, directories }: { files: number; directories: number }): number {
  return files + directories;
}

function extras(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "extra is" : "extras are"}`;
}

/** One refusal of the run as a whole: a failure, with one record. */
function refuse({ statistics, event, audit, settle }: RunContext, message: string): void {
  statistics.finished({ action: "refuse", status: "failure", bytes: 0, lanes: null });
  statistics.failure("", message);
  event({ type: "failure", path: "", message });
  audit({ type: "operation", action: "refuse", status: "failure", reason: message });
  settle(() => {});
}
