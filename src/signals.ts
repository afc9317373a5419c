/** The signals that end a run, and the exit codes for them. */

/** Exit codes by signal, as shells know them: 128 and the signal's number. */
export const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** One of {@link SIGNALS}. */
export type EndingSignal = keyof typeof SIGNALS;

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
