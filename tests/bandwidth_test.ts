import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Allowance,
  bandwidthRecord,
  changeAt,
  formatRates,
  parseBandwidth,
  parseRates,
  type Timetable,
} from "../src/bandwidth.ts";
import { localIn } from "./testing/local_time.ts";

const MiB = 2 ** 20;
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

function timetable(text: string): Timetable {
  const parsed = parseBandwidth(text);
  assert.ok(parsed !== null && typeof parsed === "object" && "changes" in parsed, text);
  return parsed;
}

/** What a timetable allows at "Mon 08:00": in MiB/s, "off", "pause", or both rates. */
function at(text: string, moment: string): string {
  const [day, time] = moment.split(" ");
  const [hours, minutes] = time!.split(":").map(Number);
  const table = timetable(text);
  const local = { weekday: DAYS.indexOf(day!), minute: hours! * 60 + minutes! };
  return shown(table.changes[changeAt(table, local)]!.allowance);
}

function shown(allowance: Allowance): string {
  if (allowance === "pause") return allowance;
  const one = (rate: number | null) => rate === null ? "off" : String(rate / MiB);
  const { read, write } = allowance;
  return read === write ? one(read) : `${one(read)}:${one(write)}`;
}

Deno.test("parseBandwidth reads one limit, two limits, and none", () => {
  assert.equal(parseBandwidth("20M"), 20 * MiB);
  assert.equal(parseBandwidth(" 1.5 M "), 1.5 * MiB);
  assert.equal(parseBandwidth("off"), null);
  assert.deepEqual(parseBandwidth("20M:5M"), { read: 20 * MiB, write: 5 * MiB });
  assert.deepEqual(parseBandwidth("off:5M"), { read: null, write: 5 * MiB });
  assert.deepEqual(parseRates("20M"), { read: 20 * MiB, write: 20 * MiB });
  assert.deepEqual(parseRates("2M:off"), { read: 2 * MiB, write: null });
});

/** Timetables, a moment, and what holds then. */
const HOLDS: readonly [text: string, ...[moment: string, allowed: string][]][] = [
  [
    "08:00,20M 18:00,80M Sat-Sun,off",
    ["Mon 08:00", "20"],
    ["Mon 07:59", "80"],
    ["Mon 00:00", "80"],
    ["Wed 17:59", "20"],
    ["Wed 18:00", "80"],
    ["Fri 23:59", "80"],
    ["Sat 00:00", "off"],
    ["Sat 12:00", "off"],
    ["Sun 23:59", "off"],
  ],
  [
    // the last change of a week holds into the next
    "Mon-Fri 08:00,20M 18:00,off",
    ["Mon 07:59", "off"],
    ["Mon 08:00", "20"],
    ["Fri 18:00", "off"],
    ["Sat 08:00", "off"],
    ["Sun 23:59", "off"],
  ],
  ["20M Sat-Sun,off", ["Mon 00:00", "20"], ["Fri 23:59", "20"], ["Sat 00:00", "off"]],
  ["20M Sat-Sun off", ["Sun 23:59", "off"], ["Mon 00:00", "20"]],
  ["Fri-Mon,off 1M", ["Fri 00:00", "off"], ["Mon 23:59", "off"], ["Tue 00:00", "1"]],
  ["Mon,Wed,2M 1M", ["Mon 12:00", "2"], ["Tue 12:00", "1"], ["Wed 23:00", "2"], ["Thu 0:00", "1"]],
  ["Mon,Wed 09:00,2M 10:00,1M", ["Wed 09:30", "2"], ["Thu 09:30", "1"], ["Mon 08:00", "1"]],
  // what is said of a day goes before what is said of all
  ["08:00,20M 18:00,off Fri 08:00,5M", ["Thu 09:00", "20"], ["Fri 09:00", "5"], [
    "Fri 18:00",
    "off",
  ]],
  ["Fri 08:00,5M Sun,08:00,20M", ["Sat 09:00", "5"], ["Sun 09:00", "20"], ["Mon 00:00", "20"]],
  ["08:00,pause 18:00,20M:5M", ["Tue 09:00", "pause"], ["Tue 19:00", "20:5"], ["Wed 1:00", "20:5"]],
  ["monday-FRIDAY,1M saturday,2M sun,off", ["Fri 1:00", "1"], ["Sat 1:00", "2"], [
    "Sun 1:00",
    "off",
  ]],
  ["Mon-Sun,5M", ["Mon 00:00", "5"], ["Sun 23:59", "5"]],
  ["0:00,5M", ["Mon 00:00", "5"], ["Sun 23:59", "5"]],
];

for (const [text, ...moments] of HOLDS) {
  Deno.test(`changeAt finds what holds by "${text}"`, () => {
    for (const [moment, allowed] of moments) assert.equal(at(text, moment), allowed, moment);
  });
}

Deno.test("parseBandwidth makes no change of a midnight at which nothing changes", () => {
  const minutes = timetable("20M Sat-Sun,off").changes.map(({ minute }) => minute / 1440);
  assert.deepEqual(minutes, [0, 5]);
  assert.equal(timetable("Mon-Sun,5M").changes.length, 1);
  // a time that is written down is a change, also where the rate stays the same
  assert.equal(timetable("08:00,20M").changes.length, 7);
});

/** What is refused, and why. */
const REFUSED: readonly [text: string, says: RegExp][] = [
  ["", /^Cannot read "" as a size/],
  ["fast", /^Cannot read "fast" as a size/],
  ["0", /^Cannot read "0"/],
  ["1M:2M:3M", /^Cannot read "1M:2M:3M" as two rates/],
  [":", /^Cannot read "" as a size/],
  ["20M 30M", /^Cannot read "20M 30M" as a size/],
  ["pause", /^Cannot begin with "pause"/],
  ["08:00", /^Cannot read "08:00" in the timetable: write a time and a rate/],
  ["08:00,", /^Cannot tell which rate "08:00," means/],
  ["08:00,fast", /^Cannot read "fast" as a size/],
  ["08:00,20M,30M", /^Cannot read "08:00,20M,30M" in the timetable/],
  ["24:00,20M", /^Cannot read "24:00" as a time of day: write 00:00 to 23:59/],
  ["12:60,20M", /^Cannot read "12:60" as a time of day/],
  ["Mon-Fri", /^Cannot tell what holds on Mon-Fri: no time and rate follow it/],
  ["Mon-Fri Sat 08:00,1M", /^Cannot tell what holds on Mon-Fri/],
  ["Mon-Wed-Fri,1M", /^Cannot read "Mon-Wed-Fri,1M" in the timetable/],
  ["Noday,1M", /^Cannot read "Noday,1M" in the timetable/],
  ["Sat-Sun,off", /^Cannot tell what holds on Mon, Tue, Wed, Thu, Fri: add a rate/],
  ["08:00,1M 8:00,2M", /^Cannot take "8:00,2M": the timetable says twice/],
  ["1M 00:00,2M", /^Cannot take "00:00,2M"/],
  ["08:00,pause", /^Cannot take "08:00,pause": nothing would ever be read or written/],
  ["08:00,pause Mon-Sun,pause", /^Cannot take .*: nothing would ever be read or written/],
  ["1M Sat-Sun,off Sun,2M", /^Cannot take "Sun,2M"/],
];

Deno.test("parseRates refuses a timetable by that word, not by a piece of it", () => {
  assert.throws(() => parseRates("08:00,20M"), /Cannot take the timetable "08:00,20M" here/);
});

for (const [text, says] of REFUSED) {
  Deno.test(`parseBandwidth refuses "${text}"`, () => {
    assert.throws(() => parseBandwidth(text), (error) => {
      assert.ok(error instanceof RangeError, String(error));
      assert.match(error.message, says);
      return true;
    });
  });
}

Deno.test("parseBandwidth throws nothing but RangeErrors, whatever it is given", () => {
  const words = fc.constantFrom(
    ...[
      "Mon",
      "sat-sun",
      "Fri-Mon,",
      "08:00",
      ",",
      "20M",
      "off",
      "pause",
      "23:59,1M",
      ":",
      "-",
      "x",
    ],
  );
  fc.assert(fc.property(fc.array(fc.tuple(words, fc.constantFrom("", " ", ","))), (parts) => {
    const text = parts.flat().join("");
    try {
      const parsed = parseBandwidth(text);
      if (parsed === null || typeof parsed !== "object" || !("changes" in parsed)) return;
      // every minute of the week has an answer, and the changes are in order
      assert.ok(parsed.changes.length > 0);
      const minutes = parsed.changes.map(({ minute }) => minute);
      assert.deepEqual(minutes, [...new Set(minutes)].sort((a, b) => a - b));
    } catch (error) {
      assert.ok(error instanceof RangeError, `${text}: ${error}`);
    }
  }));
});

Deno.test("changeAt follows the clock on the wall when it is put forward and back", () => {
  const table = timetable("02:30,1M 03:30,2M 12:00,off");
  const local = localIn("Europe/Berlin");
  const rateAt = (utc: string) =>
    shown(table.changes[changeAt(table, local(Date.parse(utc)))]!.allowance);
  // 2026-03-29: 01:59:59 is followed by 03:00:00
  assert.equal(rateAt("2026-03-29T00:59:59Z"), "off");
  assert.equal(rateAt("2026-03-29T01:00:00Z"), "1", "02:30 never came, 03:00 is past it");
  assert.equal(rateAt("2026-03-29T01:29:59Z"), "1");
  assert.equal(rateAt("2026-03-29T01:30:00Z"), "2");
  // 2026-10-25: 02:59:59 is followed by 02:00:00
  assert.equal(rateAt("2026-10-25T00:29:59Z"), "off");
  assert.equal(rateAt("2026-10-25T00:30:00Z"), "1");
  assert.equal(rateAt("2026-10-25T01:00:00Z"), "off", "it is 02:00 again");
  assert.equal(rateAt("2026-10-25T01:30:00Z"), "1");
  assert.equal(rateAt("2026-10-25T02:30:00Z"), "2");
});

Deno.test("changeAt follows the zone over midnight and the end of the week", () => {
  const table = timetable("Mon 00:00,1M Sun 23:30,2M Tue 00:00,3M");
  const local = localIn("Asia/Kolkata");
  const rateAt = (utc: string) =>
    shown(table.changes[changeAt(table, local(Date.parse(utc)))]!.allowance);
  // Sunday, 2026-11-22 ends at 18:30 UTC there
  assert.equal(rateAt("2026-11-22T17:59:59Z"), "3");
  assert.equal(rateAt("2026-11-22T18:00:00Z"), "2");
  assert.equal(rateAt("2026-11-22T18:29:59Z"), "2");
  assert.equal(rateAt("2026-11-22T18:30:00Z"), "1");
});

Deno.test("formatRates and bandwidthRecord say what holds", () => {
  assert.equal(formatRates({ read: null, write: null }), "no limit");
  assert.equal(formatRates({ read: MiB, write: MiB }), "1.00 MiB/s");
  assert.equal(formatRates({ read: null, write: MiB }), "no limit read, 1.00 MiB/s write");
  assert.equal(bandwidthRecord(5), 5);
  assert.equal(bandwidthRecord(null), null);
  assert.deepEqual(bandwidthRecord({ read: 1, write: 2 }), { read: 1, write: 2 });
  assert.equal(bandwidthRecord(timetable("1M Sat,off")), "1M Sat,off");
});
