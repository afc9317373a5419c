/** What times the destination keeps: tried out once, kept in the database, used by every run. */
import { probeTimes } from "../backend/probe.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { showPath } from "../name.ts";
import { type TimeKeeping, type TimeRule, timeRule } from "../times.ts";

/**
 * When times are equal in this run. A dry run writes nothing: it uses what is known.
 *
 * @param kept what an earlier run has kept, in the database that a dry run only looks at
 */
export async function learnTimes(
  context: RunContext,
  kept: TimeKeeping | undefined,
): Promise<TimeRule> {
  const { options, backlog, source, destination, identities, signal, event } = context;
  const place = { inode: identities.destination.inode, kind: destination.capabilities.kind };
  let keeping = kept ?? (options.rescan ? undefined : backlog.traits.times(place));
  if (keeping === undefined && !options.dryRun) {
    // should the process be killed in between, the next run looks for the file
    backlog.transaction(() => backlog.traits.probing(true));
    try {
      const { times, clean } = await probeTimes(destination, { signal });
      backlog.transaction(() => {
        backlog.traits.keepTimes(place, times);
        backlog.traits.probing(!clean);
      });
      keeping = times;
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
  keeping ??= { precision: timePrecision, earliest: null, latest: null, shifts: [0n] };
  return timeRule(source.capabilities.timePrecision, keeping, options.modifyWindow);
}
