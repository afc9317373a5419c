/** What times and links the destination keeps: tried out once, kept in the database, used by every run. */
import { probe } from "../backend/probe.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import type { Place } from "../backlog/trait_store.ts";
import { showPath } from "../name.ts";
import { type TimeRule, timeRule } from "../times.ts";

/** When times are equal in this run. A dry run writes nothing: it uses what is known. */
export async function learnTimes(context: RunContext, place: Place): Promise<TimeRule> {
  const { options, backlog, source, destination, signal, event } = context;
  const { traits } = backlog;
  let known = options.rescan && !options.dryRun ? undefined : traits.of(place)?.times;
  if (known === undefined && !options.dryRun) {
    // should the process be killed in between, the next run looks for the file
    backlog.transaction(() => traits.probing(true));
    try {
      const { clean, ...found } = await probe(destination, { signal });
      backlog.transaction(() => {
        traits.keep(place, found);
        traits.probing(!clean);
      });
      known = found.times;
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      const where = showPath(destination.root);
      event({
        type: "note",
        message: `what times ${where} keeps could not be tried out: ${error.message}`,
      });
    }
  }
  const { timePrecision } = destination.capabilities;
  known ??= { precision: timePrecision, earliest: null, latest: null, shifts: [0n] };
  return timeRule(source.capabilities.timePrecision, known, options.modifyWindow);
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
  const message = `the destination keeps no hard links: ${names} names of files that have ` +
    "several are copied as files of their own";
  note(message);
}
