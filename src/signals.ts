/** The signals that end a run or suspend it, and the exit codes for them. */

/** Exit codes by signal, as shells know them: 128 and the signal's number. */
export const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** One of {@link SIGNALS}. */
export type EndingSignal = keyof typeof SIGNALS;

/**
 * Calls `prepare` before this process is suspended from the terminal (Ctrl-Z), until disposed of.
 * What it does is undone by whoever goes on.
 */
export function onSuspend(prepare: () => void): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  const listener = () => {
    prepare();
    Deno.kill(Deno.pid, "SIGSTOP");
  };
  Deno.addSignalListener("SIGTSTP", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGTSTP", listener) };
}

/** What is done at a signal. */
export interface SignalHandlers {
  /** At the first one: the work is to end in order. */
  readonly first: (signal: EndingSignal) => void;
  /** At each one after it, but for a SIGHUP: somebody does not want to wait. */
  readonly again: (signal: EndingSignal) => void;
}

/**
 * Calls one of the handlers for each of {@link SIGNALS} that this system has, until disposed of. A
 * SIGHUP that this process was started to ignore stays ignored: that is what `nohup` is for.
 *
 * A SIGHUP is never the one that comes again. A terminal that is closed sends it twice, through the
 * shell and from the kernel, and there is no person at it who has become impatient.
 */
export function onSignals({ first, again }: SignalHandlers): Disposable {
  let signalled = false;
  const handler = (signal: EndingSignal) => {
    if (!signalled) {
      signalled = true;
      first(signal);
    } else if (signal !== "SIGHUP") again(signal);
  };
  const windows = Deno.build.os === "windows";
  const names = windows ? ["SIGINT"] as const : ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  // the runtime takes all of them as soon as it is asked for one, and ends by those without a listener
  const ignore = () => {};
  const listeners = names.map((name) => {
    const ignored = name === "SIGHUP" && HANGUP_IGNORED;
    return [name, ignored ? ignore : () => handler(name)] as const;
  });
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}

/** As this process began: it is not to be seen any more once the runtime has taken the signals. */
const HANGUP_IGNORED = ignoresHangup();

/** Whether SIGHUP, the signal with the number 1, is ignored; false where that cannot be known. */
function ignoresHangup(): boolean {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    return (BigInt(`0x${ignored}`) & 1n) === 1n;
  } catch (error) {
    // not Linux, or /proc is not there, or cannot be read just now
    if (error instanceof Error) return false;
    throw error;
  }
}
