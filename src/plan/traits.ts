/**
 * What the destination does with names, times and links: tried out in a directory of sluice's own. What
 * was found stays in the database: times and links are tried once, names in every run, since all that
 * a scan decided stands on them.
 */
import { probe, type Probed } from "../backend/probe.ts";
import { probeNameRules, removeTemporary, withProbeDirectory } from "../backend/probe_names.ts";
import type { Place } from "../backlog/trait_store.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { showPath } from "../name.ts";
import { ALL_APART, describeRules, isExact, type NameRules } from "../name_rules.ts";
import { LOST, type TimeRule, timeRule, usualKeeping } from "../times.ts";

/** What is known of the destination now. */
export interface Learnt {
  readonly names: NameRules;
  /** A scan of before was made under other rules for names. */
  readonly changed: boolean;
  /** When times are equal in this run. */
  readonly times: TimeRule;
}

/**
 * Learns what the destination does, with a directory called `temporary`. Where nothing can be tried,
 * what was found before is taken, else what is usual for its kind, and the run says so. A dry run
 * writes nothing: it uses what is known.
 */
export async function learnPlace(
  context: RunContext,
  place: Place,
  temporary: string,
): Promise<Learnt> {
  const { options, backlog, source, destination, event } = context;
  const note = (message: string) => event({ type: "note", message });
  const known = backlog.names.rules(place.inode);
  let names = known ?? ALL_APART, changed = false;
  let times = options.rescan && !options.dryRun ? undefined : backlog.traits.of(place)?.times;
  if (!options.dryRun) {
    const found = await tryOut(context, { temporary, traits: times === undefined });
    if (found.names instanceof SyncError) {
      // whatever it is, the stages meet it too, and know what to do about it
      const { message } = found.names;
      note(`it is not known which names the destination takes for one: ${message}`);
    } else {
      names = found.names;
      changed = describeRules(known ?? ALL_APART) !== describeRules(names);
      if (changed || known === undefined) {
        backlog.transaction(() => backlog.names.keep(place.inode, names));
      }
      if (!isExact(names)) {
        note(`the destination takes names for one that differ only in: ${describeRules(names)}`);
      }
    }
    const { traits } = found;
    if (traits instanceof SyncError) {
      const where = showPath(destination.root);
      note(`what times ${where} keeps could not be tried out: ${traits.message}`);
    } else if (traits !== null) {
      backlog.transaction(() => backlog.traits.keep(place, traits));
      times = traits.times;
      if (times.links !== "kept") {
        note("the destination keeps no times of symbolic links: they are neither set nor compared");
      }
    }
  }
  if (times?.precision === LOST) {
    note("the destination does not keep the times of files: each run copies all of them again");
  }
  const { timePrecision } = destination.capabilities;
  times ??= usualKeeping(timePrecision);
  const rule = timeRule(source.capabilities.timePrecision, times, options.modifyWindow);
  return { names, changed, times: rule };
}

/** What was found out, or why that could not be; null: it was not asked for. */
interface TriedOut {
  readonly names: NameRules | SyncError;
  readonly traits: Probed | SyncError | null;
}

/** Names and traits at the same time: on a share each waits for some thirty answers. */
async function tryOut(
  context: RunContext,
  { temporary, traits }: { readonly temporary: string; readonly traits: boolean },
): Promise<TriedOut> {
  const { backlog, destination, signal, event } = context;
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
    event({ type: "note", message: `a temporary stays in the root for the next run: ${message}` });
    after = temporary;
  };
  const options = { name: temporary, signal, stays };
  try {
    return await withProbeDirectory(destination, options, async (directory) => {
      const naming = orError(probeNameRules(destination, directory, { signal }));
      const probing = traits ? orError(probe(destination, directory, { signal })) : null;
      // what one is stopped with stops the other too
      await Promise.allSettled([naming, probing]);
      return { names: await naming, traits: await probing };
    });
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { names: error, traits: traits ? error : null };
  } finally {
    remains(after);
  }
}

/** An error of the place is an answer too; anything else stops the run. */
async function orError<T>(answer: Promise<T>): Promise<T | SyncError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
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

/** Decides which names are transferred and which are linked to them, if this run links at all. */
export function assignLinks(context: RunContext, place: Place): void {
  const { options, backlog, note } = context;
  const { links } = backlog;
  const kept = options.hardLinks && backlog.traits.of(place)?.hardLinks !== false;
  if (kept) return backlog.transaction(() => links.assign());
  if (links.count() > 0) backlog.transaction(() => links.release());
  if (!options.hardLinks) return;
  const names = links.names();
  if (names === 0) return;
  note(
    `the destination keeps no hard links, or does not show them: ${names} names of files that ` +
      "have several are copied as files of their own",
  );
}
