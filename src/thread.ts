/** Threads that cannot be had, and those that have failed: what their owner hears then. */
import type { FromCrew } from "./crew.ts";
import { SyncError } from "./errors.ts";

/**
 * Starts a thread with the program at `module`.
 *
 * @throws SyncError when the system gives no more threads
 */
export function startThread(module: string | URL): Worker {
  try {
    return new Worker(module, { type: "module" });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const message = `a thread cannot be started: ${error.message}; raise the limit of processes ` +
      "(ulimit -u), or give more memory";
    throw new SyncError("ETHREAD", message, { scope: "run", cause: error });
  }
}

/** What a hand says whose thread does nothing any more. */
export function lastWords(error: SyncError): FromCrew[] {
  return [{ type: "fatal", error: error.toData() }, { type: "done" }];
}
