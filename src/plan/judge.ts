/**
 * Judging extras: each is removed only after a look at the source of a moment ago, and a look at the
 * destination, have said that it may go.
 *
 * The looks at the source of a whole batch come first, then one at both roots, then each extra is
 * looked at where it is and removed. What was looked at too long ago by then is looked at once more.
 */
import type { NameLook } from "../backend/backend.ts";
import type { Extra } from "../backlog/backlog.ts";
import type { RunContext } from "../context.ts";
import { SyncError } from "../errors.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import { absenceOf, difference } from "./evidence.ts";
import { type ExtraPlace, type Found, HeldPlace, placeByPath } from "./extra_place.ts";
import type { RunTrash } from "./run_trash.ts";
import { Spellings } from "./spelling.ts";

/** Extras of one batch: where many calls are made in one go, and where so many are in flight. */
const BATCH = 512, IN_FLIGHT = 32;

/** How long a look at the source may be ago when something is removed, in ms; the same two cases. */
const FRESH = 50, FRESH_IN_FLIGHT = 10_000;

/** Removals that are made in one go at first, and the ms that they should take. */
const FIRST_PIECE = 8, PIECE = 10;

/** What became of one extra. */
export interface Verdict {
  readonly extra: Extra;
  /** How it was removed; null when it is still there. */
  readonly removed: {
    /** Where it is in the trash; null when it was deleted. */
    readonly trash: string | null;
    /** In ms since the epoch. */
    readonly at: number;
    /** The last look at the source, and what it brought; null where a killed run made it. */
    readonly look: { readonly at: number; readonly answer: string } | null;
  } | null;
  /** It is no extra any more: nothing to remove. */
  readonly moot: boolean;
  readonly why: string;
  readonly error: SyncError | null;
}

/** How {@link judge} goes about it. */
export interface JudgeOptions {
  /** Null: what may go is deleted. */
  readonly trash: RunTrash | null;
  /** Told of each extra, as soon as it has come to its end. */
  readonly verdict: (verdict: Verdict) => void;
}

/**
 * Removes what may go of `extras`: files in any order, directories from the deepest up. Rejects when
 * the run must stop; no call is under way then.
 */
export async function judge(
  context: RunContext,
  extras: readonly Extra[],
  options: JudgeOptions,
): Promise<void> {
  const { source, destination, signal } = context;
  const oneByOne = source.holdNames !== undefined && destination.holdNames !== undefined;
  const pace: Pace = { oneByOne, fresh: oneByOne ? FRESH : FRESH_IN_FLIGHT, piece: FIRST_PIECE };
  for (let left = extras; left.length > 0;) {
    signal.throwIfAborted();
    const batch = left.slice(0, oneByOne ? BATCH : together(left));
    const stale = await judgeBatch(context, batch, { ...options, pace });
    // where not even the first is in time, time is not what is wrong
    if (stale.length === batch.length) pace.fresh *= 2;
    left = [...stale, ...left.slice(batch.length)];
  }
}

/** What a page goes by. */
interface Pace {
  /** Calls are made one after the other, many in one go. */
  readonly oneByOne: boolean;
  /** How long a look at the source may be ago, in ms. */
  fresh: number;
  /** Extras that are looked at where they are, and then removed. */
  piece: number;
}

/** How many of the first ones may be in flight together: a directory goes after those inside it. */
function together(extras: readonly Extra[]): number {
  const first = extras[0]!;
  if (first.kind !== "directory") return IN_FLIGHT;
  const end = extras.findIndex(({ depth }) => depth !== first.depth);
  return end < 0 ? IN_FLIGHT : Math.min(IN_FLIGHT, end);
}

/** Returns those that were not removed because the look at the source was too long ago. */
async function judgeBatch(
  context: RunContext,
  batch: readonly Extra[],
  { trash, verdict, pace }: JudgeOptions & { readonly pace: Pace },
): Promise<readonly Extra[]> {
  const { source, destination, checkRoots, clock, control, signal } = context;
  const { oneByOne } = pace, width = IN_FLIGHT;
  using from = oneByOne
    ? new HeldPlace(source, { signal, anew: true })
    : placeByPath(source, { signal, width });
  using to = oneByOne
    ? new HeldPlace(destination, { signal, anew: false })
    : placeByPath(destination, { signal, width });
  let lookedAt = Date.now(), looks = await from.look(batch);
  const spelled = await spelledOtherwise(source, batch, looks, signal);
  if (spelled.size > 0) {
    // what was asked meanwhile has taken its time
    lookedAt = Date.now();
    looks = await from.look(batch);
  }
  const absent: Absent[] = [];
  for (const [i, found] of looks.entries()) {
    const extra = batch[i]!, absence = absenceOf(extra, found, spelled.get(i));
    if (absence instanceof SyncError) verdict(notDeleted(extra, absence));
    else if (absence.refusal === null) absent.push({ extra, ...absence, lookedAt });
    else verdict({ ...STAYS, extra, why: absence.refusal });
  }
  // after the looks: whatever has answered them, it was the root that was scanned
  await checkRoots();
  const ready = clock.now();
  const isFresh = () => clock.now() - ready <= pace.fresh && !control.gate.closed;
  for (let done = 0; done < absent.length;) {
    const piece = absent.slice(done, done + (oneByOne ? pace.piece : IN_FLIGHT));
    const began = clock.now();
    const due = await stillThere(to, piece, verdict);
    // a run that is paused may go on after days
    if (!isFresh()) return [...due, ...absent.slice(done + piece.length)].map(({ extra }) => extra);
    await remove(to, due, { trash, verdict, width: oneByOne ? 1 : IN_FLIGHT });
    done += piece.length;
    const took = clock.now() - began;
    if (took < PIECE / 2) pace.piece = Math.min(BATCH, pace.piece * 2);
    else if (took > PIECE) pace.piece = Math.max(1, pace.piece >> 1);
  }
  return [];
}

/** Of the extras that the source seems to have, those that it has in another spelling only. */
async function spelledOtherwise(
  source: RunContext["source"],
  batch: readonly Extra[],
  looks: readonly Found[],
  signal: AbortSignal,
): Promise<Map<number, string>> {
  const spellings = new Spellings(source, { signal });
  const found = new Map<number, string>();
  for (const [i, look] of looks.entries()) {
    if (look === undefined || look instanceof SyncError) continue;
    const spelled = await spellings.otherwise(batch[i]!.path);
    if (spelled !== null) found.set(i, spelled);
  }
  return found;
}

/** An extra that is not at the source. */
interface Absent {
  readonly extra: Extra;
  readonly proof: string;
  readonly answer: string;
  /** In ms since the epoch. */
  readonly lookedAt: number;
}

/** One that may go: it is at the destination as the scan has found it. */
interface Due extends Absent {
  readonly there: NameLook;
}

/** Those that are at the destination as the scan has found them, with what they are now. */
async function stillThere(
  to: ExtraPlace,
  piece: readonly Absent[],
  verdict: JudgeOptions["verdict"],
): Promise<Due[]> {
  const found = await to.look(piece.map(({ extra }) => extra));
  return piece.flatMap((absent, i) => {
    const { extra } = absent, there = found[i];
    if (there === undefined) verdict({ ...STAYS, extra, moot: true });
    else if (there instanceof SyncError) verdict(notDeleted(extra, there));
    else {
      const changed = difference(extra, there);
      if (changed === null) return [{ ...absent, there }];
      verdict({ ...STAYS, extra, why: `not deleted: ${changed} since the scan` });
    }
    return [];
  });
}

/** Deletes extras, or moves them into the trash. */
async function remove(
  to: ExtraPlace,
  due: readonly Due[],
  { trash, verdict, width }: JudgeOptions & { readonly width: number },
): Promise<void> {
  const gone = ({ proof, answer, lookedAt, extra }: Due, where: string | null) => {
    const removed = { trash: where, at: Date.now(), look: { at: lookedAt, answer } };
    verdict({ ...STAYS, extra, removed, why: proof });
  };
  if (trash === null) {
    return await to.remove(due.map(({ extra }) => extra), (i, error) => {
      if (error === null) gone(due[i]!, null);
      else verdict(notDeleted(due[i]!.extra, error));
    });
  }
  const places = await mapConcurrently(due, width, async (one) => {
    const { extra, there } = one;
    try {
      const where = await trash.take(extra, there);
      if (extra.kind === "directory") return where;
      gone(one, where);
    } catch (error) {
      if (!(error instanceof SyncError) || error.scope === "run") throw error;
      verdict(notDeleted(extra, error));
    }
    return null;
  });
  // a directory was made anew in the trash: only its removal proves that nothing is in it
  const made = due.flatMap((one, i) => places[i] === null ? [] : [{ one, where: places[i]! }]);
  await to.remove(made.map(({ one }) => one.extra), (i, error) => {
    const { one, where } = made[i]!;
    if (error === null) gone(one, where);
    else verdict(notDeleted(one.extra, error));
  });
}

const STAYS = { removed: null, moot: false, why: "", error: null } as const;

function notDeleted(extra: Extra, error: SyncError): Verdict {
  const why = error.code === "ENOTEMPTY"
    ? "not deleted: the directory is not empty"
    : `not deleted: ${error.message}`;
  return { ...STAYS, extra, why, error };
}
