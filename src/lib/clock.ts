/** The clock: passed in, so that tests inject time and never sleep for it. */

/** A monotonic clock with timers. */
export interface Clock {
  /** Milliseconds since an arbitrary fixed moment; never goes backwards. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with `signal.reason` when the signal aborts first. */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
}

/** The real clock. `offset` (ms) is added to now(), to align the clocks of several threads. */
export function systemClock(offset = 0): Clock {
  return {
    now: () => performance.now() + offset,
    sleep(ms, { signal } = {}) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          clearTimeout(timer);
          reject(signal!.reason);
        };
        const timer = setTimeout(() => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        }, ms);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
