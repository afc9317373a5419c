/** Hands: the owner's ends of the channels to its crew threads. */
import type { FromCrew, Port, Role, ToCrew } from "./crew.ts";
import { SyncError } from "./errors.ts";
import { type Open, serve } from "./serve.ts";

/** A crew thread as its owner sees it. */
export interface Hand extends Port<ToCrew, FromCrew> {
  /** Ends the thread, whatever it is doing. */
  terminate(): void;
}

/** Makes a thread that waits for its "start". */
export type Spawn = () => Hand;

/** Real threads. */
export function spawnWorker(): Hand {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return {
    post: (message) => worker.postMessage(message),
    onMessage(handler) {
      worker.onmessage = ({ data }: MessageEvent<FromCrew>) => handler(data);
      worker.onerror = (event) => {
        event.preventDefault();
        const error = new SyncError("ETHREAD", `a thread failed: ${event.message}`, {
          scope: "run",
        });
        handler({ type: "fatal", error: error.toData() });
        handler({ type: "done" });
      };
    },
    terminate: () => worker.terminate(),
  };
}

/** Hands in the calling thread, for tests with backends of their own. */
export function spawnInProcess(open: Open): Spawn {
  return () => {
    let toOwner: (message: FromCrew) => void = () => {};
    let toCrew: (message: ToCrew) => void = () => {};
    const underway = new Set<ReturnType<typeof setTimeout>>();
    let over = false;
    const later = (deliver: () => void) => {
      if (over) return;
      const timer = setTimeout(() => {
        underway.delete(timer);
        deliver();
      }, 0);
      underway.add(timer);
    };
    serve({
      post: (message) => later(() => toOwner(message)),
      onMessage: (handler) => toCrew = handler,
    }, open);
    return {
      post: (message) => later(() => toCrew(message)),
      onMessage: (handler) => toOwner = handler,
      terminate() {
        over = true;
        underway.forEach(clearTimeout);
      },
    };
  };
}

/** Gives threads their roles, one after the other, and ends them with the run. */
export class Crew implements Disposable {
  readonly #spawn: Spawn;
  readonly #token: string;
  readonly #now: () => number;
  /** Threads that have ended a role and can take another. */
  readonly #idle: Hand[] = [];
  readonly #busy = new Set<Hand>();
  #roles = 0;

  constructor(options: { spawn: Spawn; token: string; now: () => number }) {
    this.#spawn = options.spawn;
    this.#token = options.token;
    this.#now = options.now;
  }

  /** Whether a thread waits for a role. */
  get hasIdle(): boolean {
    return this.#idle.length > 0;
  }

  [Symbol.dispose](): void {
    for (const hand of [...this.#idle, ...this.#busy]) hand.terminate();
  }

  /**
   * Puts a thread into a role. `onMessage` gets what it says; the promise resolves when it is done
   * and rejects when it says that the run must stop. `signal` tells it to stop at once; a thread
   * that does not answer within `grace` ms (a call that hangs) is left behind.
   */
  start(
    role: Role,
    onMessage: (message: FromCrew) => void,
    { signal, grace }: { signal: AbortSignal; grace: number },
  ): { hand: Hand; done: Promise<void> } {
    const hand = this.#idle.pop() ?? this.#spawn();
    this.#busy.add(hand);
    this.#roles += 1;
    const done = new Promise<void>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let fatal: SyncError | null = null;
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        this.#busy.delete(hand);
        if (fatal === null) resolve();
        else reject(fatal);
      };
      const stop = () => {
        hand.post({ type: "abort" });
        timer ??= setTimeout(() => {
          hand.terminate();
          end();
        }, grace);
      };
      hand.onMessage((message) => {
        if (!this.#busy.has(hand)) return;
        if (message.type === "fatal") fatal ??= SyncError.fromData(message.error);
        else if (message.type === "done") {
          end();
          if (fatal === null) this.#idle.push(hand);
          else hand.terminate();
        } else {
          try {
            onMessage(message);
          } catch (error) {
            fatal ??= SyncError.from(error);
            stop();
          }
        }
      });
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
    const now = this.#now();
    hand.post({ type: "start", role, thread: this.#roles, token: this.#token, now });
    return { hand, done };
  }
}

/** Waits for all of some threads; the first failure stops the others and is the one thrown. */
export async function together(
  threads: readonly { readonly done: Promise<void> }[],
  stop: (reason: unknown) => void,
): Promise<void> {
  let first: { error: unknown } | null = null;
  await Promise.all(threads.map(({ done }) =>
    done.catch((error) => {
      first ??= { error };
      stop(error);
    })
  ));
  if (first !== null) throw (first as { error: unknown }).error;
}
