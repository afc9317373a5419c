/** Holds up the calling thread for `ms` milliseconds: where nothing else may go on meanwhile. */
export function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
