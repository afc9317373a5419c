/** Turns: long work in one thread lets signals and timers have theirs. */

/** Resolves after whatever is due has had its turn; rejects with the reason of the signal. */
export function turn(signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(() => signal?.aborted ? reject(signal.reason) : resolve(), 0);
  });
}
