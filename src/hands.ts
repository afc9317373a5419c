/** Hands: the owner's ends of the channels to its crew threads. */
import { type Around, withAround } from "./backend/around.ts";
import type { Pending } from "./backend/watch.ts";
import type { FromCrew, Port, Role, Seat, ToCrew } from "./crew.ts";
import { SyncError } from "./errors.ts";
import { type Side, SIDES, type Unanswered } from "./event.ts";
import { type Open, serve } from "./serve.ts";
import { canNest, lastWords, Thread } from "./thread.ts";

/** A crew thread as its owner sees it. */
export interface Hand extends Port<ToCrew, FromCrew> {
  /** Ends the thread, whatever it is doing, unless another role is served in it. */
  terminate(): void;
  /**
   * One more hand, which is served by the same thread: for roles that only wait. Where it is missing,
   * a thread serves one role at a time.
   */
  beside?(): Hand;
  /**
   * One more thread, which this one makes: who makes a thread waits until it has started, and that is
   * then not the owner. Where it is missing, the owner makes each by itself.
   */
  another?(): Hand;
}

/** Makes a thread that waits for its "start". */
export type Spawn = () => Hand;

/**
 * Real threads.
 *
 * @throws SyncError when the system gives no more
 */
export function spawnWorker(thread: Thread = new Thread()): Hand {
  const { worker } = thread;
  /** Who is told, for each hand that the thread serves. */
  const served = new Set<(message: FromCrew) => void>();
  thread.onFailure((failure) => {
    for (const handler of [...served]) lastWords(failure).forEach(handler);
  });
  const handAt = (port: Worker | MessagePort, leave: () => void): Hand => {
    const early: FromCrew[] = [];
    let handler: (message: FromCrew) => void = (message) => early.push(message);
    const told = (message: FromCrew) => handler(message);
    served.add(told);
    port.onmessage = ({ data }: MessageEvent<FromCrew>) => handler(data);
    return {
      post: (message, transferred = []) => port.postMessage(message, [...transferred]),
      onMessage(given) {
        handler = given;
        // whoever gives a thread a role must hear that it has failed before it had one
        if (thread.failure !== null) early.push(...lastWords(thread.failure));
        queueMicrotask(() => early.splice(0).forEach(given));
      },
      terminate() {
        leave();
        served.delete(told);
        if (served.size === 0) worker.terminate();
      },
    };
  };
  const at = (seat: Seat) => {
    const port = thread.at(seat);
    return handAt(port, () => port.close());
  };
  return { ...handAt(worker, () => {}), beside: () => at("beside"), another: () => at("another") };
}

/** Threads that are made before there is a role for them. */
export interface Ahead extends Disposable {
  /** Gives them out, and makes others when there are no more. */
  readonly spawn: Spawn;
  /** One more of them, made by the first if that can be. */
  another(): void;
}

/**
 * Makes a thread before there is a role for it, so that it loads while the database is opened.
 * Disposing of it ends those that nobody wanted.
 *
 * @param started the first of them, if it is there already
 * @param nested whether the first may make the others
 */
export function spawnAhead(
  spawn: (started?: Thread) => Hand,
  { started, nested = canNest() }: { readonly started?: Thread; readonly nested?: boolean } = {},
): Ahead {
  const first = spawn(started);
  const ahead = [first];
  return {
    spawn: () => ahead.shift() ?? spawn(),
    another: () => void ahead.push((nested ? first.another?.() : undefined) ?? spawn()),
    [Symbol.dispose]: () => ahead.splice(0).forEach((hand) => hand.terminate()),
  };
}

/**
 * Hands in the calling thread: where it is the only one that gets anything done at a time, and calls to
 * both sides do not hold it up; and for tests with backends of their own.
 */
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
    const until = endingWith(() => over);
    serve({
      post: (message) => later(() => toOwner(message)),
      onMessage: (handler) => toCrew = handler,
    }, async (root, names) => withAround(await open(root, names), until));
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

/** Calls of a role that is left behind are not made, and what became of those that hung is not told. */
function endingWith(over: () => boolean): Around {
  const check = () => {
    if (over()) throw new DOMException("left behind", "AbortError");
  };
  return {
    async call(_call, _path, make) {
      check();
      try {
        return await make();
      } finally {
        check();
      }
    },
    now(_call, _path, make) {
      check();
      return make();
    },
  };
}

/** A thread that has said nothing for so long, in ms, hangs in a call: it does so twice a second. */
const SILENCE = 3000;
/** A call is worth telling of when it has been under way for so long, in ms. */
const WORTH_TELLING = 5000;
/** How long a thread that hangs has to stop, in ms, and how often it is asked whether it does. */
const SHORT_GRACE = 1500, LOOK = 250;
/** A thread has at least so long, in ms, while none of its calls is older than that, in ms. */
const LONG_GRACE = 10_000, YOUNG = 1000;

/** What is known of a thread in a role. */
interface Life {
  /** When it said something last, in ms. */
  heard: number;
  /** Its oldest calls then. */
  pending: readonly Pending[];
  readonly calls: Int32Array;
}

/** What a {@link Crew} works with. */
export interface CrewOptions {
  readonly spawn: Spawn;
  readonly token: string;
  /** Milliseconds on the clock of the run. */
  readonly now: () => number;
  /** Calls `tick` every `ms` milliseconds until what it returns is called. Default: a timer. */
  readonly every?: (ms: number, tick: () => void) => () => void;
}

const everyInterval: NonNullable<CrewOptions["every"]> = (ms, tick) => {
  const timer = setInterval(tick, ms);
  return () => clearInterval(timer);
};

/** Gives threads their roles, one after the other, and ends them with the run. */
export class Crew implements Disposable {
  readonly #spawn: Spawn;
  readonly #every: NonNullable<CrewOptions["every"]>;
  readonly #unwatch: () => void;
  #watched: number;
  readonly #token: string;
  readonly #now: () => number;
  /** Threads that have ended a role and can take another. */
  readonly #idle: Hand[] = [];
  readonly #busy = new Map<Hand, Life>();
  #roles = 0;

  constructor(options: CrewOptions) {
    this.#spawn = options.spawn;
    this.#token = options.token;
    this.#now = options.now;
    this.#watched = this.#now();
    this.#every = options.every ?? everyInterval;
    this.#unwatch = this.#every(LOOK, () => this.#watch());
  }

  /** Whether a thread waits for a role. */
  get hasIdle(): boolean {
    return this.#idle.length > 0;
  }

  [Symbol.dispose](): void {
    this.#unwatch();
    for (const hand of [...this.#idle, ...this.#busy.keys()]) hand.terminate();
  }

  /** The calls of the threads that were not answered for a while, the oldest of each side. */
  unanswered(): Unanswered[] {
    const now = this.#now();
    const found: Unanswered[] = [];
    for (const { heard, pending, calls } of this.#busy.values()) {
      const silent = this.#isSilent(now, heard);
      // what hangs in a call of its own can only be seen to have some under way
      const sides = silent ? SIDES.filter((_, i) => Atomics.load(calls, i) > 0) : [];
      if (sides.length > 0) {
        found.push({ side: sides.length === 1 ? sides[0]! : null, path: null, ms: now - heard });
      }
      for (const { side, path, age } of silent ? [] : pending) {
        found.push({ side, path: path === "" ? null : path, ms: age + now - heard });
      }
    }
    return longest(found);
  }

  #isSilent(now: number, heard: number): boolean {
    return now - heard >= SILENCE && now - this.#watched < SILENCE;
  }

  /** When this thread itself was stopped for a while, silence says nothing about the others. */
  #watch(): void {
    const now = this.#now();
    if (now - this.#watched >= SILENCE / 2) {
      for (const life of this.#busy.values()) life.heard = now;
    }
    this.#watched = now;
  }

  /**
   * Puts a thread into a role. `onMessage` gets what it says; the promise resolves when it is done
   * and rejects when it says that the run must stop. `signal` tells it to stop at once; a thread
   * that does not answer within `grace` ms, or less if it hangs in a call, is left behind; one whose
   * calls are answered has time to settle what is done, whatever `grace` is. With
   * `beside`, the thread of that hand serves this role too, where it can.
   */
  start(
    role: Role,
    onMessage: (message: FromCrew) => void,
    { signal, grace, beside }: { signal: AbortSignal; grace: number; beside?: Hand },
  ): { hand: Hand; done: Promise<void> } {
    const shared = beside?.beside?.();
    const hand = shared ?? this.#idle.pop() ?? this.#spawn();
    const calls = new SharedArrayBuffer(8);
    const life: Life = { heard: this.#now(), pending: [], calls: new Int32Array(calls) };
    this.#busy.set(hand, life);
    this.#roles += 1;
    const done = new Promise<void>((resolve, reject) => {
      let unwait: (() => void) | null = null;
      let fatal: SyncError | null = null;
      const end = () => {
        unwait?.();
        signal.removeEventListener("abort", stop);
        this.#busy.delete(hand);
        if (fatal === null) resolve();
        else reject(fatal);
      };
      const stop = () => {
        hand.post({ type: "abort" });
        let waited = 0;
        unwait ??= this.#every(LOOK, () => {
          waited += LOOK;
          const now = this.#now();
          const hangs = this.#isSilent(now, life.heard);
          if (waited < (hangs ? Math.min(SHORT_GRACE, grace) : grace)) return;
          const answered = now - life.heard < YOUNG && life.pending.every(({ age }) => age < YOUNG);
          if (answered && waited < LONG_GRACE) return;
          hand.terminate();
          end();
        });
      };
      hand.onMessage((message) => {
        if (!this.#busy.has(hand)) return;
        life.heard = this.#now();
        if (message.type === "pulse") life.pending = message.pending;
        else if (message.type === "fatal") fatal ??= SyncError.fromData(message.error);
        else if (message.type === "done") {
          end();
          if (fatal === null && shared === undefined) this.#idle.push(hand);
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
    hand.post({ type: "start", role, thread: this.#roles, token: this.#token, now, calls });
    return { hand, done };
  }
}

/** Of calls that are worth telling of, the longest of each side. */
export function longest(calls: readonly Unanswered[]): Unanswered[] {
  const found = new Map<Side | null, Unanswered>();
  for (const call of calls) {
    if (call.ms >= WORTH_TELLING && call.ms > (found.get(call.side)?.ms ?? 0)) {
      found.set(call.side, call);
    }
  }
  return [...found.values()];
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
