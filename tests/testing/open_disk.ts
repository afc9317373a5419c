/** Opens a disk of this machine as a local one or as a share, for whole runs. */
import type { Backend, Capabilities } from "../../src/backend/backend.ts";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";

/** How a place is called: a disk that answers at once, and a share. */
export const LOCAL = { latency: "immediate", durability: "group" } as const;
export const SHARE = { latency: "waiting", durability: "file" } as const;

/** A backend with a libc of its own. What was written a moment ago is old enough to be read at once. */
export function openDisk(
  root: string,
  temporaryName: () => string,
  way: Pick<Capabilities, "latency" | "durability">,
): Promise<Backend> {
  return openPosix(root, loadLibc(), {
    temporaryName,
    ...way,
    now: () => Date.now() + 120_000,
    ownsLibc: true,
  });
}
