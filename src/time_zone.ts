/**
 * The time zone of this process. The runtime knows the names of zones, and offsets of whole hours
 * (`EST5`); any other `TZ`, such as one with a rule for summer time, it takes for UTC without a word.
 */
import { UsageError } from "./errors.ts";

/** What the runtime makes of `TZ`. */
export interface RuntimeZone {
  /** Its name, if it has one. */
  readonly name: string | undefined;
  /** Minutes by which UTC is ahead of it in January and in July. */
  readonly offsets: readonly number[];
}

/** Texts of `TZ` that mean UTC: its names, and any name with an offset of 0. */
const UTC =
  /^((etc|posix|right)\/)*((utc|uct|gmt|zulu|universal|greenwich)|([a-z]{3,}|<[^>]+>)[+-]?0{1,2}(:00)*)$/i;

/**
 * Whether the runtime takes a `TZ` for UTC that says another zone, or none.
 *
 * @param tz empty where it is not set
 */
export function isTakenForUtc(tz: string, { name, offsets }: RuntimeZone): boolean {
  const text = tz.replace(/^:/, "");
  // a file may hold any zone, UTC too
  if (text === "" || text.startsWith("/") || UTC.test(text)) return false;
  return offsets.every((offset) => offset === 0) && (name === undefined || name === "UTC");
}

/**
 * Makes sure that the time of day can be told.
 *
 * @param flag the option that needs it
 * @throws UsageError when the runtime takes another time for that of `TZ`
 */
export function demandTimeOfDay(flag: string): void {
  const tz = Deno.env.get("TZ") ?? "";
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  const year = new Date().getFullYear();
  const offsets = [0, 6].map((month) => new Date(year, month, 15).getTimezoneOffset());
  if (!isTakenForUtc(tz, { name, offsets })) return;
  throw new UsageError(
    `${flag} is in local time, and TZ=${tz} is no time zone that sluice can read: it would be taken ` +
      "for UTC; set TZ to the name of a zone, such as TZ=Europe/Berlin",
  );
}
