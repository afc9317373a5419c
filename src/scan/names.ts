/** What the destination does with names: found out before a scan, and told after it. */
import { probeNameRules, removeTemporary, withProbeDirectory } from "../backend/probe_names.ts";
import { takenFor } from "../backlog/merge_store.ts";
import type { ScanStore } from "../backlog/scan_store.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { NOTHING_SENT } from "../job.ts";
import { showPath } from "../name.ts";
import { ALL_APART, describeRules, isExact, type NameRules } from "../name_rules.ts";

const PAGE = 256;
const REASON = "the destination takes it for another name";

/** What is known of names now, and whether a scan of before was made under other rules. */
export interface LearntNames {
  readonly names: NameRules;
  readonly changed: boolean;
}

/**
 * Finds out which names the destination takes for one, by trying in a directory of sluice's own
 * called `temporary`. Where that cannot be, what was found before is taken, else that it keeps all
 * names apart, and the run says so.
 */
export async function learnNames(context: RunContext, temporary: string): Promise<LearntNames> {
  const { backlog, destination, identities, signal, event } = context;
  const root = identities.destination.inode;
  const known = backlog.names.rules(root);
  const note = (message: string) => event({ type: "note", message });
  const remains = (name: string | null) =>
    backlog.transaction(() => {
      backlog.names.remains = name;
    });
  await clearRemains(context, remains);
  // should the process be killed in between, the next run looks for it
  const before = backlog.names.remains;
  if (before === null) remains(temporary);
  let after = before;
  const stays = ({ message }: SyncError) => {
    note(`a temporary stays in the root for the next run: ${message}`);
    after = temporary;
  };
  let names: NameRules;
  try {
    const options = { name: temporary, signal, stays };
    names = await withProbeDirectory(
      destination,
      options,
      (directory) => probeNameRules(destination, directory, { signal }),
    );
  } catch (error) {
    // whatever it is, the stages meet it too, and know what to do about it
    if (!(error instanceof SyncError)) throw error;
    note(`it is not known which names the destination takes for one: ${error.message}`);
    return { names: known ?? ALL_APART, changed: false };
  } finally {
    remains(after);
  }
  const changed = describeRules(known ?? ALL_APART) !== describeRules(names);
  if (changed || known === undefined) backlog.transaction(() => backlog.names.keep(root, names));
  if (!isExact(names)) {
    note(`the destination takes names for one that differ only in: ${describeRules(names)}`);
  }
  return { names, changed };
}

/** Removes what a probe before could not. */
async function clearRemains(
  { backlog, destination, signal }: RunContext,
  remains: (name: string | null) => void,
): Promise<void> {
  const name = backlog.names.remains;
  if (name === null) return;
  try {
    await removeTemporary(destination, name, { signal });
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    // a scan that saw it has removed it; otherwise it is tried again
    if (error.code !== "ENOENT") return;
  }
  remains(null);
}

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
