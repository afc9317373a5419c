/**
 * The guard of a root: looks whether its path still leads to what the run began with. The open handle
 * of a file system that was unmounted lazily still works, so only the path can tell.
 */
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Side } from "../event.ts";
import type { Clock } from "../lib/clock.ts";
import { showPath } from "../name.ts";
import type { Backend, Identity } from "./backend.ts";
import { isSameRoot } from "./identity.ts";

/** The code of the error that a vanished root is; nothing may be read, written or deleted after it. */
export const ROOT_GONE = "EROOT";

/** What a {@link RootGuard} works with. */
export interface RootGuardOptions {
  /** What the root was when the run began. */
  readonly expected: Identity;
  readonly side: Side;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Looks at one root, one look at a time; all who wait for the next one share it. */
export class RootGuard {
  readonly #backend: Backend;
  readonly #options: RootGuardOptions;
  #looking: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  /** When the last look that found the root began, in ms. */
  #seen = -Infinity;

  constructor(backend: Backend, options: RootGuardOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  /**
   * Rejects with a run's error ({@link ROOT_GONE}) when the root is not what it was. Undefined, and
   * cheap, when a look of the last `maxAge` ms found it. Without `maxAge`, the look begins after the
   * call.
   */
  check(maxAge = 0): Promise<void> | undefined {
    if (this.#options.clock.now() - this.#seen < maxAge) return undefined;
    if (this.#looking === null) return this.#looking = this.#look();
    if (maxAge > 0) return this.#looking;
    return this.#next ??= this.#looking.catch(() => {/* told to whoever asked for it */})
      .then(() => {
        this.#next = null;
        return this.#looking ??= this.#look();
      });
  }

  async #look(): Promise<void> {
    const { expected, side, clock, signal } = this.#options;
    const began = clock.now();
    try {
      await checkRoot(this.#backend, expected, side, signal);
      this.#seen = began;
    } finally {
      this.#looking = null;
    }
  }
}

/** Throws an error that stops the run when a root is no longer the directory that it was. */
export async function checkRoot(
  backend: Backend,
  expected: Identity,
  side: Side,
  signal: AbortSignal,
): Promise<void> {
  let why: SyncError | string = "another directory is there now";
  try {
    if (isSameRoot(expected, await backend.identify({ signal }))) return;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    why = error;
  }
  throw rootGone(side, backend.root, why);
}

/** A look at a root itself, which is gone where there is none. */
export async function lookAtRoot(
  backend: Backend,
  { side, signal }: Pick<RootGuardOptions, "side" | "signal">,
): Promise<Entry> {
  let why: SyncError | string = "there is nothing";
  try {
    const entry = await backend.look("", { signal });
    if (entry !== undefined) return entry;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    why = error;
  }
  throw rootGone(side, backend.root, why);
}

/**
 * Opens a root in mid-run, which must still be what it was: a path that leads to a bare mount point
 * by now opens as well, and not a byte may go there.
 */
export async function openSameRoot(
  root: string,
  open: () => Promise<Backend>,
  { side, expected }: Pick<RootGuardOptions, "side" | "expected">,
): Promise<Backend> {
  let backend: Backend;
  try {
    backend = await open();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw rootGone(side, root, error);
  }
  if (isSameRoot(expected, backend.identity)) return backend;
  await backend[Symbol.asyncDispose]();
  throw rootGone(side, root, "another directory is there now");
}

function rootGone(side: Side, root: string, why: SyncError | string): SyncError {
  const place = `the ${side} ${showPath(root)}`;
  const text = typeof why === "string" ? why : why.message;
  const message = typeof why !== "string" && why.retryable
    ? `${place} cannot be reached: ${text}; start again when its server is back`
    : `${place} is gone (unmounted?): ${text}; mount it again and start again`;
  return new SyncError(ROOT_GONE, message, { scope: "run" });
}
