/** Output: standard output and standard error, and what it means when one of them cannot be written. */
import { SyncError } from "./errors.ts";
import { showText } from "./name.ts";
import { writeAll } from "./lib/write_all.ts";
import type { PatientStream } from "./patient_stream.ts";

/** What can be written to. */
export type Stream = Parameters<typeof writeAll>[0];

/** A stream that may keep what its reader does not take. */
type Patient = Stream & Partial<Pick<PatientStream, "isBehind" | "finish" | "drain">>;

/** Standard output or standard error. */
export type StandardStream = Stream & { isTerminal(): boolean };

/** Makes a standard stream one that never waits for its reader, where that can be. */
export type MakePatient = (stream: StandardStream, fd: 1 | 2) => Stream;

/** The standard streams for what is told along the way, once they are wanted. */
const told: { stdout?: Patient; stderr?: Patient } = {};
let makePatient: MakePatient = (stream) => stream;

const stdout = () => told.stdout ??= makePatient(Deno.stdout, 1);
const stderr = () => told.stderr ??= makePatient(Deno.stderr, 2);

/** From now on nothing that is told along the way waits for its reader. */
export function tellBy(make: MakePatient): void {
  makePatient = make;
}

/** Whether the reader of standard output has not taken yet what it was told. */
export function isBehind(): boolean {
  return told.stdout?.isBehind === true;
}

/** Waits for the readers of what was told; until `isOver` says that nobody waits any longer. */
export async function drain(isOver: () => boolean): Promise<void> {
  for (const stream of Object.values(told)) await stream.drain?.(isOver);
}

/**
 * Writes what was asked for to standard output. False when nobody reads any more (`| head`). Waits for
 * the reader: there is nothing else to do.
 *
 * @throws SyncError when it cannot be written: whoever asked would take a part for the whole
 */
export function print(data: string | Uint8Array, stream: Stream = Deno.stdout): boolean {
  try {
    // in its order
    told.stdout?.finish?.();
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
  stream?: Stream,
): (data: string | Uint8Array) => boolean {
  let complained = false;
  return (data) => {
    try {
      return writeAll(stream ?? stdout(), data);
    } catch (error) {
      if (!complained) complain(`${unwritten(error)}; the run goes on`);
      complained = true;
      return true;
    }
  };
}

/** Writes to standard error. Where that cannot be written, there is nobody left to tell. */
export function warn(data: string | Uint8Array, stream: Stream = stderr()): boolean {
  return teller(() => {}, stream)(data);
}

/** Says a sentence on standard error; what it quotes may be any name, or what was typed. */
export function complain(message: string): void {
  warn(`sluice: ${showText(message)}\n`);
}

function unwritten(error: unknown): string {
  return `cannot write to standard output: ${error instanceof Error ? error.message : error}`;
}
