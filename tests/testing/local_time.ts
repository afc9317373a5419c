/** The clock on the wall of a time zone, whatever zone the machine is in. */
import type { Local } from "../../src/bandwidth.ts";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** @param zone such as "Europe/Berlin" */
export function localIn(zone: string): Local {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (ms) => {
    const parts = Object.fromEntries(
      format.formatToParts(ms).map(({ type, value }) => [type, value]),
    );
    return {
      weekday: DAYS.indexOf(parts.weekday!),
      minute: Number(parts.hour) * 60 + Number(parts.minute),
    };
  };
}
