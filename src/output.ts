/** Output: standard output and standard error, and what it means when one of them cannot be written. */
import { SyncError } from "./errors.ts";
import { writeAll } from "./lib/write_all.ts";

/** What can be written to. */
export type Stream = Parameters<typeof writeAll>[0];

/**
 * Writes what was asked for to standard output. False when nobody reads any more (`| head`).
 *
 * @throws SyncError when it cannot be written: whoever asked would take a part for the whole
 */
export function print(data: string | Uint8Array, stream: Stream = Deno.stdout): boolean {
  try {
    return writeAll(stream, data);
  } catch (error) {
    throw new SyncError("EOUTPUT", unwritten(error), { scope: "run", cause: error });
  }
}

/**
 * A writer of what is only told along the way, and is in the log and the database too: the disk of a
 * redirected output may be full, and a terminal gone, but a run of weeks does not end for that.
 * `complain` hears of the first failure; each write is tried.
 */
export function teller(
  complain: (message: string) => void,
  stream: Stream = Deno.stdout,
): (data: string | Uint8Array) => boolean {
  let complained = false;
  return (data) => {
    try {
      return writeAll(stream, data);
    } catch (error) {
      if (!complained) complain(`${unwritten(error)}; the run goes on`);
      complained = true;
      return true;
    }
  };
}

/** Writes to standard error. Where that cannot be written, there is nobody left to tell. */
export function warn(data: string | Uint8Array, stream: Stream = Deno.stderr): boolean {
  return teller(() => {}, stream)(data);
}

/** Says a sentence on standard error. */
export function complain(message: string): void {
  warn(`sluice: ${message}\n`);
}

function unwritten(error: unknown): string {
  return `cannot write to standard output: ${error instanceof Error ? error.message : error}`;
}
