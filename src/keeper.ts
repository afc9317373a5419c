/**
 * The keeper: a small process that waits for the one that works on a share.
 *
 * A thread that waits for a dead server in the kernel cannot be ended by anybody, and a process is
 * not over before all of its threads are. So that Ctrl-C still gives the prompt back, the work is
 * done by a child. Its keeper passes signals on, and leaves when the child has said its last word,
 * even if some thread of it stays behind until the server answers.
 */
import type { OpenKeyboard } from "./keyboard.ts";
import { complain } from "./output.ts";
import { type Share, shareLookup } from "./share_paths.ts";
import { type EndingSignal, onSignals, onSuspend, SIGNALS } from "./signals.ts";

/** In the environment of the child: the process number of its keeper. */
const KEPT = "SLUICE_KEEPER";
/** In the environment of the child: its keeper passes keys on. */
export const KEYS = "SLUICE_KEYS";

/**
 * In the environment of the child: its threads share one heap of libc's. A heap for each grows by a
 * call to the kernel for each page, 180 for a thread that does nothing else than begin.
 */
const ONE_HEAP = { MALLOC_ARENA_MAX: "1" };

/** Milliseconds between two looks at the child. */
const LOOK = 100;

/** After a signal, a child whose main thread hangs for so many looks in one call cannot answer it. */
const MOST_HANGING = 15;

/** Without one, it cannot tell of it itself after so many. */
const TOLD_AFTER = 50;

/** What the kernel says of a process. */
export interface ProcessState {
  /** One letter: R, S, D (hangs in a call), Z (has ended), ... */
  readonly state: string;
  /** With which it has ended, if it has. */
  readonly exitCode: number;
}

/**
 * Whether a sync needs a keeper: where a call to one of its trees can keep it from ending, or its own
 * files are on a share, with which the main thread works.
 *
 * @param trees full paths of what may be the source and the destination
 * @param files full paths of what may be the database and the log
 */
export function needsKeeper(
  { trees, files }: { readonly trees: readonly string[]; readonly files: readonly string[] },
  share: (path: string) => Share | null = shareLookup(),
): boolean {
  return trees.some((path) => share(path) === "hanging") ||
    files.some((path) => share(path) !== null);
}

/** Whether this process has a keeper. */
export function isKept(): boolean {
  return Deno.env.get(KEPT) === String(Deno.ppid);
}

/**
 * Runs this same command in a child. Resolves with its exit code once it has ended, or as good as;
 * null where no child can be had, and the work is to be done here. The terminal is the keeper's, so
 * that it is put back whatever becomes of the child; keys go to the child's standard input.
 */
export async function keep(openKeyboard: OpenKeyboard): Promise<number | null> {
  let send: (keys: Uint8Array) => void = () => {};
  using keyboard = openKeyboard((keys) => send(keys));
  const self = Deno.build.standalone ? [] : ["run", "-A", "--quiet", Deno.mainModule];
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(Deno.execPath(), {
      args: [...self, ...Deno.args],
      env: { ...ONE_HEAP, [KEPT]: String(Deno.pid), ...keyboard !== null && { [KEYS]: "1" } },
      // it ends with the keeper, see `endWithKeeper`
      stdin: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
  using _suspending = onSuspend(() => keyboard?.release());
  const toChild = child.stdin.getWriter();
  // nobody is there to take them when it has ended
  send = (keys) => void toChild.write(keys.slice()).catch(() => {});
  let signalled: EndingSignal | null = null;
  using _signals = onSignals({
    first(signal) {
      signalled = signal;
      // on a terminal it has come to the child as well, which takes both for one
      signalTo(child, signal);
    },
    again(signal) {
      signalTo(child, "SIGKILL");
      Deno.exit(SIGNALS[signal]);
    },
  });
  let over = false;
  const ended = child.status.then(({ code }) => code);
  const left = (async () => {
    const watch = new Watch();
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      const end = watch.look(stateOf(child.pid), signalled);
      if (end === null) continue;
      if (end === "hangs") {
        complain("no answer from a file system; it goes on when there is one, and Ctrl-C ends it");
        continue;
      }
      signalTo(child, "SIGKILL");
      return end;
    }
    return 0;
  })();
  try {
    return await Promise.race([ended, left]);
  } finally {
    over = true;
  }
}

/** Tells from looks at a child whether it is as good as over. */
export class Watch {
  #ended = 0;
  #hanging = 0;
  /** Looks since it was asked to end in which it hung. */
  #asked = 0;

  /**
   * The exit code once the child has ended, or cannot; "hangs", once, when it seems to hang for good
   * and nobody has asked it to end; null otherwise.
   */
  look(state: ProcessState | null, signalled: EndingSignal | null): number | "hangs" | null {
    // the last word is said, and a thread hangs: one that has none is waited for elsewhere
    this.#ended = state?.state === "Z" ? this.#ended + 1 : 0;
    if (this.#ended > 1) return state!.exitCode;
    this.#hanging = state?.state === "D" ? this.#hanging + 1 : 0;
    if (signalled === null) return this.#hanging === TOLD_AFTER ? "hangs" : null;
    // it may have had to do with the disk at this very moment
    this.#asked = this.#hanging === 0 ? 0 : this.#asked + 1;
    return this.#asked >= MOST_HANGING ? SIGNALS[signalled] : null;
  }
}

/** What `/proc` says of a process; null when there is none. */
function stateOf(pid: number): ProcessState | null {
  try {
    return parseState(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Reads a line of `/proc/PID/stat`. */
export function parseState(line: string): ProcessState {
  // the name of the program, in brackets, may have anything in it
  const fields = line.slice(line.lastIndexOf(")") + 2).trim().split(" ");
  const status = Number(fields[49] ?? 0);
  // as wait(2) has it: the signal, or else the code above it
  const exitCode = (status & 0x7f) !== 0 ? 128 + (status & 0x7f) : status >> 8;
  return { state: fields[0] ?? "", exitCode };
}

function signalTo(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // it has ended meanwhile
    if (!(error instanceof Error)) throw error;
  }
}
