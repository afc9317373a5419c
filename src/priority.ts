/** The priority of this process: behind all others, for processor time and for the disks. */
import { loadLibcIfPossible } from "./backend/open.ts";

/** ioprio_set(2) and setpriority(2), of one thread. */
const IOPRIO_WHO_PROCESS = 1, PRIO_PROCESS = 0;
/** The class of what gets the disk when nobody else wants it, and the last of the ordinary ones. */
const IO_IDLE = 3 << 13, IO_LAST = (2 << 13) | 7;
const NICEST = 19;

/** Passes over the threads: one may be made by another that was not reached yet. */
const PASSES = 3;

/**
 * Puts all threads of this process, and those that they will make, behind everybody else's. Resolves
 * what could not be done into a sentence; null where all was.
 */
export function stepBack(): string | null {
  using libc = loadLibcIfPossible();
  if (libc === null) return "the priority of this process cannot be changed on this system";
  const { ioprio_set, setpriority } = libc.now;
  const reached = new Set<number>();
  let refused: string | null = null;
  for (let pass = 0; pass < PASSES; pass++) {
    for (const thread of threads()) {
      if (reached.has(thread)) continue;
      reached.add(thread);
      const idle = ioprio_set(IOPRIO_WHO_PROCESS, thread, IO_IDLE) as number;
      if (idle < 0 && (ioprio_set(IOPRIO_WHO_PROCESS, thread, IO_LAST) as number) < 0) {
        refused = "the system refuses another priority for the disks";
      }
      if ((setpriority(PRIO_PROCESS, thread, NICEST) as number) < 0) {
        refused = "the system refuses another priority for processor time";
      }
    }
  }
  return refused;
}

/** The threads of this process. */
function threads(): number[] {
  return [...Deno.readDirSync("/proc/self/task")].map(({ name }) => Number(name));
}
