/**
 * A promise that gives up waiting, for calls on a mount that may never answer: the call itself goes
 * on, only nobody waits for it any longer.
 *
 * @returns what `promise` resolves to; rejects with `signal.reason` when the signal aborts first
 */
export async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
