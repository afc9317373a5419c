/** Threads as such: those that cannot be had, and those that have failed: what their owner hears then. */
import type { FromCrew, Seat } from "./crew.ts";
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

/**
 * Whether a thread that a thread makes starts at once. From Deno 2.9 on it waits a second for a
 * debugger first: 1.05 s until it answers, 0.07 s with Deno 2.7.
 *
 * @param version of Deno; default: of the one that runs this
 */
export function canNest(version: string = Deno.version.deno): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < 2 || (major === 2 && minor < 9);
}

/** What a thread of the crew runs. */
const WORKER = new URL("./worker.ts", import.meta.url);

/** A thread that may have begun, and may have failed, before there is anybody to hear of it. */
export class Thread {
  readonly worker: Worker;
  #failure: SyncError | null = null;
  #heard: ((failure: SyncError) => void) | null = null;
  readonly #begun: MessagePort[] = [];

  /** @throws SyncError when the system gives no more */
  constructor(module: string | URL = WORKER) {
    this.worker = startThread(module);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new SyncError("ETHREAD", `a thread failed: ${event.message}`, {
        scope: "run",
      });
      this.#heard?.(this.#failure);
    };
  }

  /** Why it does nothing any more; null as long as it does. */
  get failure(): SyncError | null {
    return this.#failure;
  }

  /** Hears of a failure from now on. */
  onFailure(heard: (failure: SyncError) => void): void {
    this.#heard = heard;
  }

  /** One more seat, see {@link Seat}. */
  at(seat: Seat): MessagePort {
    const begun = seat === "another" ? this.#begun.shift() : undefined;
    return begun ?? this.#take(seat);
  }

  /** Has it make one more thread, which {@link at} gives out. */
  begin(): void {
    this.#begun.push(this.#take("another"));
  }

  #take(seat: Seat): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.worker.postMessage(seat, [port2]);
    return port1;
  }
}

/** What a hand says whose thread does nothing any more. */
export function lastWords(error: SyncError): FromCrew[] {
  return [{ type: "fatal", error: error.toData() }, { type: "done" }];
}
