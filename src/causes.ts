/** Causes: what can hold up a run for a while, and what stops it. */
import type { Backend, Space } from "./backend/backend.ts";
import { isSameRoot } from "./backend/identity.ts";
import { ROOT_GONE } from "./backend/root_guard.ts";
import type { RunContext } from "./context.ts";
import { brokenOff, isDatabaseError } from "./backlog/database_error.ts";
import { SyncError } from "./errors.ts";
import type { Side } from "./event.ts";
import { showPath } from "./name.ts";
import type { Cause } from "./pause.ts";

/** Codes of a place that is full. */
const FULL = ["ENOSPC", "EDQUOT"];

/**
 * A try without more room to be seen, in ms, each next one after twice the time: a quota, or what
 * other people hold on to, shows in no figure.
 */
const FIRST_TRY = 60_000, LAST_TRY = 600_000;

/** The cause behind an error that stopped a stage. */
export async function causeOf(context: RunContext, error: SyncError): Promise<Cause | null> {
  const { options } = context;
  if (error.code === ROOT_GONE) {
    return {
      awaited: "the same file system to be mounted again",
      limit: options.waitForMount,
      isOver: () => areBack(context),
    };
  }
  if (!FULL.includes(error.code)) return null;
  if (options.waitForSpace <= 0) return null;
  return {
    awaited: "room at the destination",
    limit: options.waitForSpace,
    isOver: await roomProbe(context, error),
  };
}

async function areBack({ source, destination, identities, signal }: RunContext): Promise<boolean> {
  const isBack = async (side: Side, backend: Backend) => {
    try {
      return isSameRoot(identities[side], await backend.identify({ signal }));
    } catch (error) {
      if (error instanceof SyncError || signal.aborted) return false;
      throw error;
    }
  };
  return await isBack("source", source) && await isBack("destination", destination);
}

/** Asks whether there is more room than now, and as much as the file that did not fit needs. */
async function roomProbe(
  context: RunContext,
  error: SyncError,
): Promise<() => Promise<boolean>> {
  const { clock, backlog } = context;
  const needed = backlog.transfer.pendingSize(error.path) ?? 0;
  const before = await spaceOf(context);
  let pause = FIRST_TRY;
  let next = clock.now() + pause;
  return async () => {
    const now = await spaceOf(context);
    const fits = now === null || now.bytes >= needed;
    if (before !== null && now !== null && fits && isMore(now, before)) return true;
    if (clock.now() < next) return false;
    pause = Math.min(LAST_TRY, pause * 2);
    next = clock.now() + pause;
    return fits || error.code === "EDQUOT";
  };
}

function isMore(now: Space, before: Space): boolean {
  return now.bytes > before.bytes || (now.files ?? 0) > (before.files ?? 0);
}

async function spaceOf({ destination, signal }: RunContext): Promise<Space | null> {
  try {
    return await destination.space({ signal });
  } catch (error) {
    // nothing is known; trying will tell
    if (error instanceof SyncError || signal.aborted) return null;
    throw error;
  }
}

/** Names of what an error may be about, where they are known. */
export interface StoppedPlaces {
  /** Full path of the database. */
  readonly database?: string;
  /** Full path of the destination. */
  readonly destination?: string;
}

/** What only a place that is written to says. */
const REFUSED = [...FULL, "EROFS"];

/** The reason that a person is told when an error stops a run; null for a defect of sluice. */
export function whyStopped(error: unknown, places: StoppedPlaces = {}): string | null {
  const { database, destination } = places;
  const failed = databaseErrorIn(error);
  if (failed !== null) return brokenOff(failed, database);
  if (!(error instanceof SyncError)) return null;
  if (destination === undefined || !REFUSED.includes(error.code)) return error.message;
  return `the destination ${showPath(destination)}: ${error.message}`;
}

/** The error of SQLite that an error is, or that it was made of; null when it is another. */
export function databaseErrorIn(error: unknown): Error | null {
  const inner = error instanceof SyncError ? error.cause : error;
  return isDatabaseError(inner) ? inner : null;
}
