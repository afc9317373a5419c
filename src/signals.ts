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

/** Calls `handler` for each of {@link SIGNALS} that this system has, until disposed of. */
export function onSignals(handler: (signal: EndingSignal) => void): Disposable {
  const windows = Deno.build.os === "windows";
  const names = windows ? ["SIGINT"] as const : ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const listeners = names.map((name) => [name, () => handler(name)] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
