/**
 * Gives up waiting for a call that may never be answered, on a mount for example: the call itself goes
 * on, only nobody waits for it any longer. It is not begun when the signal has aborted already.
 *
 * @returns what `call` resolves to; rejects with `signal.reason` when the signal aborts first
 */
export async function abortable<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await call();
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([call(), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
