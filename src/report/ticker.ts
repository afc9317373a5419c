/** The ticker: what makes a reporter look at the snapshot from time to time. */

import { setInterval } from "node:timers";

/** Calls `tick` every `ms` milliseconds until the returned function is called. */
export type Every = (ms: number, tick: () => void) => () => void;

/** The real ticker. Its timer never keeps the process alive. */
export const everyUnref: Every = (ms, tick) => {
  const timer = setInterval(tick, ms);
  timer.unref();
  return () => timer.close();
};
