/** Writing all of something to a stream that takes what it can. */
import { sleep } from "./sleep.ts";

const encoder = new TextEncoder();

/** How long a full pipe is given before it is tried again, in ms. */
const FULL = 5;

/**
 * Writes all of a text, or of bytes. A reader that has gone away (`| head`) is no error, but the
 * answer is false then. A pipe that another process has made non-blocking is waited for, as a
 * blocking one would be.
 */
export function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  data: string | Uint8Array,
  pause: (ms: number) => void = sleep,
): boolean {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  for (let done = 0; done < bytes.length;) {
    try {
      done += stream.writeSync(bytes.subarray(done));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return false;
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      pause(FULL);
    }
  }
  return true;
}
