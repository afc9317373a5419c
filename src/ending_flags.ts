/** The options about an early end: their texts as checked values. */
import { minuteOf } from "./bandwidth.ts";
import { type Flags, value } from "./flags.ts";
import { parseSize, parseWait } from "./lib/units.ts";
import type { SyncOptions } from "./options.ts";
import { demandTimeOfDay } from "./time_zone.ts";

/**
 * Reads the options about an early end.
 *
 * @throws UsageError when one is wrong
 */
export function endingOptions(
  { stopAfter, stopAt, maxTransfer }: Flags,
): Pick<SyncOptions, "stopAfter" | "stopAt" | "maxTransfer"> {
  const read = <T>(flag: string, text: Flags[string], parse: (text: string) => T) =>
    text === undefined ? null : value(flag, String(text), parse);
  if (stopAt !== undefined) demandTimeOfDay("--stop-at");
  return {
    stopAfter: read("--stop-after", stopAfter, parseStopAfter),
    stopAt: read("--stop-at", stopAt, parseStopAt),
    maxTransfer: read("--max-transfer", maxTransfer, parseSize),
  };
}

function parseStopAfter(text: string): number {
  const time = parseWait(text);
  if (time > 0) return time;
  throw new RangeError(`Cannot stop after "${text}": write a time such as 8h or 90m`);
}

function parseStopAt(text: string): number {
  const minute = minuteOf(text.trim());
  if (minute !== null) return minute;
  throw new RangeError(`Cannot read "${text}" as a time of day: write one such as 06:00`);
}
