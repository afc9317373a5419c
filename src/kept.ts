/** What the process that works on a share owes to its keeper: to end with it, and to let go of its streams. */
import { loadLibcIfPossible } from "./backend/open.ts";
import { KEYS } from "./keeper.ts";
import type { OpenKeyboard } from "./keyboard.ts";
import { SIGNALS } from "./signals.ts";

/**
 * Ends this process, which has a keeper, as soon as the keeper is gone: its signals came to nobody.
 * What it gives back opens the keyboard of the keeper.
 */
export function endWithKeeper(): OpenKeyboard {
  let pressed: (keys: Uint8Array) => void = () => {};
  const reading = async () => {
    const keys = new Uint8Array(256);
    for (let length; (length = await Deno.stdin.read(keys)) !== null;) {
      pressed(keys.subarray(0, length));
    }
    Deno.exit(SIGNALS.SIGHUP);
  };
  reading();
  return (told) => {
    if (Deno.env.get(KEYS) === undefined) return null;
    pressed = told;
    return { release() {}, [Symbol.dispose]: () => void (pressed = () => {}) };
  };
}

/**
 * Lets go of the standard streams: a thread that stays behind would hold them, and who reads them
 * would wait for it.
 */
export function letGo(): void {
  const libc = loadLibcIfPossible();
  if (libc === null) return;
  const streams = ["0", "1", "2"].map(leadsTo).filter((stream) => stream !== null);
  // the runtime has copies of them under other numbers
  for (const fd of descriptors()) {
    if (streams.includes(leadsTo(fd) ?? "")) void libc.now.close(Number(fd));
  }
}

/** All descriptors of this process; none where they cannot be told: what it has done stays done. */
function descriptors(): string[] {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error) return [];
    throw error;
  }
}

/** What a descriptor of this process is; null when it is closed, or that cannot be told. */
function leadsTo(fd: string): string | null {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
