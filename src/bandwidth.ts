/** Bandwidth: how many bytes per second the operator allows, and when. */
import { formatSize, parseRate } from "./lib/units.ts";

/** Bytes per second; null for no limit. */
export interface Rates {
  readonly read: number | null;
  readonly write: number | null;
}

/** What holds at one time: rates, or that nothing is done at all. */
export type Allowance = Rates | "pause";

/** One change of a timetable. */
export interface Change {
  /** When: minutes of local time since Monday, 0:00. */
  readonly minute: number;
  readonly allowance: Allowance;
}

/** Allowances by the day and the time of a week: each holds until the next, the last one wraps. */
export interface Timetable {
  /** As it was written. */
  readonly text: string;
  /** At least one, in the order of the week. */
  readonly changes: readonly Change[];
}

/** One limit for reading and for writing each (null for none), two of them, or a timetable. */
export type Bandwidth = number | null | Rates | Timetable;

/** No limit. */
export const UNLIMITED: Rates = { read: null, write: null };

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const DAY = 24 * 60, WEEK = 7 * DAY;
const TIME = /^(\d{1,2}):(\d{2})$/;

/**
 * Reads `20M`, `off`, `20M:5M` (reading, writing), or a timetable such as
 * `08:00,20M 18:00,80M Sat-Sun,off`.
 *
 * @throws RangeError when it is none of them
 */
export function parseBandwidth(text: string): Bandwidth {
  const trimmed = text.trim();
  const isTimetable = trimmed.includes(",") || TIME.test(trimmed) ||
    trimmed.split(/\s+/).some((word) => daysOf(word) !== null);
  if (isTimetable) return parseTimetable(trimmed);
  if (trimmed.toLowerCase() === "pause") {
    throw new RangeError('Cannot begin with "pause": it is for a timetable such as 08:00,pause');
  }
  return trimmed.includes(":") ? parsePair(trimmed) : parseRate(trimmed);
}

/**
 * Reads a limit without times: `20M`, `off`, `20M:5M`.
 *
 * @throws RangeError when it is none
 */
export function parseRates(text: string): Rates {
  if (text.includes(",")) {
    throw new RangeError(`Cannot take the timetable "${text}" here: write a rate such as 20M`);
  }
  return text.includes(":") ? parsePair(text) : both(parseRate(text));
}

function parsePair(text: string): Rates {
  const [read, write, ...rest] = text.split(":");
  if (rest.length > 0) {
    throw new RangeError(`Cannot read "${text}" as two rates: write READ:WRITE such as 20M:5M`);
  }
  return { read: parseRate(read!), write: parseRate(write!) };
}

function both(rate: number | null): Rates {
  return { read: rate, write: rate };
}

/** The rates of a bandwidth that is no timetable; null for a timetable. */
export function fixedRates(bandwidth: Bandwidth): Rates | null {
  if (bandwidth === null || typeof bandwidth === "number") return both(bandwidth);
  return "changes" in bandwidth ? null : bandwidth;
}

interface Timed {
  readonly allowance: Allowance;
  /** Days were named: it goes before what holds for every day. */
  readonly named: boolean;
  /** No time was named: midnight changes nothing where it held before. */
  readonly always: boolean;
}

function parseTimetable(text: string): Timetable {
  const timed = new Map<number, Timed>();
  const whole: (Allowance | undefined)[] = Array.from({ length: 7 });
  /** Days that stand before the entries which they are for, and whether such an entry came. */
  let before: { readonly word: string; readonly days: readonly number[]; used: boolean } | null =
    null;
  const unread = (word: string) =>
    new RangeError(
      `Cannot read "${word}" in the timetable: write a time and a rate (08:00,20M), days and a ` +
        "rate (Sat-Sun,off), or days before times (Mon-Fri 08:00,20M)",
    );
  const demandUsed = () => {
    if (before === null || before.used) return;
    throw new RangeError(`Cannot tell what holds on ${before.word}: no time and rate follow it`);
  };
  for (const word of text.split(/\s+/)) {
    const parts = word.split(",");
    const named: number[] = [];
    for (let days; parts.length > 0 && (days = daysOf(parts[0]!)) !== null; parts.shift()) {
      named.push(...days);
    }
    const minute = minuteOf(parts[0] ?? "");
    if (minute !== null) parts.shift();
    if (parts.length === 0 && minute === null) {
      demandUsed();
      before = { word, days: named, used: false };
      continue;
    }
    if (parts.length !== 1) throw unread(word);
    const allowance = allowanceOf(parts[0]!, word);
    const days: readonly number[] | null = named.length > 0 ? named : before?.days ?? null;
    if (named.length === 0 && before !== null) before.used = true;
    if (minute === null && days !== null) {
      for (const day of days) {
        if (whole[day] !== undefined) throw twice(word);
        whole[day] = allowance;
      }
      continue;
    }
    for (const day of days ?? DAYS.keys()) {
      const at = day * DAY + (minute ?? 0);
      const other = timed.get(at);
      if (other?.named === (days !== null)) throw twice(word);
      if (other?.named === true) continue;
      timed.set(at, { allowance, named: days !== null, always: minute === null });
    }
  }
  demandUsed();
  const changes = changesOf(timed, whole);
  if (changes.every(({ allowance }) => allowance === "pause")) {
    throw new RangeError(`Cannot take "${text}": nothing would ever be read or written`);
  }
  return { text, changes };
}

function twice(word: string): RangeError {
  return new RangeError(`Cannot take "${word}": the timetable says twice what holds then`);
}

/** All changes of a week: whole days take the place of what is timed. */
function changesOf(
  timed: ReadonlyMap<number, Timed>,
  whole: readonly (Allowance | undefined)[],
): Change[] {
  const ordinary = [...timed].map(([minute, { allowance, always }]) => ({
    minute,
    allowance,
    always,
  })).sort((a, b) => a.minute - b.minute);
  const missing = [...DAYS.keys()].filter((day) => whole[day] === undefined);
  if (ordinary.length === 0 && missing.length > 0) {
    const names = missing.map((day) => nameOf(day)).join(", ");
    throw new RangeError(
      `Cannot tell what holds on ${names}: add a rate for all other times, such as 20M`,
    );
  }
  const changes: (Change & { always?: boolean })[] = ordinary.filter(({ minute }) =>
    whole[Math.floor(minute / DAY)] === undefined
  );
  for (const [day, allowance] of whole.entries()) {
    if (allowance === undefined) continue;
    // one entry for several days in a row is one change
    if (whole[(day + 6) % 7] !== allowance) changes.push({ minute: day * DAY, allowance });
    const next = (day + 1) * DAY % WEEK;
    if (whole[(day + 1) % 7] !== undefined || timed.has(next)) continue;
    changes.push({ minute: next, allowance: ordinary[lastUpTo(ordinary, next)]!.allowance });
  }
  changes.sort((a, b) => a.minute - b.minute);
  const real = changes.filter(({ always, allowance }, i) =>
    always !== true || changes.at(i - 1)!.allowance !== allowance
  );
  if (real.length === 0) real.push(changes[0] ?? { minute: 0, allowance: whole[0]! });
  return real.map(({ minute, allowance }) => ({ minute, allowance }));
}

function lastUpTo(changes: readonly Change[], minute: number): number {
  const index = changes.findLastIndex((change) => change.minute <= minute);
  return index < 0 ? changes.length - 1 : index;
}

/** Days of a word such as `Mon`, `Sat-Sun`, `fri-mon`; null when it names none. */
function daysOf(word: string): number[] | null {
  const [first, last, ...rest] = word.split("-");
  const from = dayOf(first!), to = last === undefined ? from : dayOf(last);
  if (from < 0 || to < 0 || rest.length > 0) return null;
  return Array.from({ length: (to - from + 7) % 7 + 1 }, (_, i) => (from + i) % 7);
}

function dayOf(word: string): number {
  const name = word.toLowerCase();
  return name.length < 3 ? -1 : DAYS.findIndex((day) => day.startsWith(name));
}

function nameOf(day: number): string {
  const name = DAYS[day]!;
  return name[0]!.toUpperCase() + name.slice(1, 3);
}

/**
 * Minutes since midnight of `8:00` or `23:59`; null for another text.
 *
 * @throws RangeError for a time that no clock shows
 */
export function minuteOf(text: string): number | null {
  const match = TIME.exec(text);
  if (match === null) return null;
  const hours = Number(match[1]), minutes = Number(match[2]);
  if (hours > 23 || minutes > 59) {
    throw new RangeError(`Cannot read "${text}" as a time of day: write 00:00 to 23:59`);
  }
  return hours * 60 + minutes;
}

function allowanceOf(text: string, word: string): Allowance {
  if (text === "") throw new RangeError(`Cannot tell which rate "${word}" means: write 08:00,20M`);
  return text.toLowerCase() === "pause" ? "pause" : parseRates(text);
}

/** A moment as the clock on the wall shows it. */
export interface LocalTime {
  /** 0 is Monday. */
  readonly weekday: number;
  /** Since midnight. */
  readonly minute: number;
}

/** What the clock on the wall shows at a moment, given in ms since the epoch. */
export type Local = (ms: number) => LocalTime;

/** By the time zone of this system. */
export const systemLocal: Local = (ms) => {
  const date = new Date(ms);
  return {
    weekday: (date.getDay() + 6) % 7,
    minute: date.getHours() * 60 + date.getMinutes(),
  };
};

/** The index of the change that holds. */
export function changeAt({ changes }: Timetable, { weekday, minute }: LocalTime): number {
  return lastUpTo(changes, weekday * DAY + minute);
}

/** `20.0 MiB/s`, `no limit`, `20.0 MiB/s read, 5.00 MiB/s write`. */
export function formatRates({ read, write }: Rates): string {
  const one = (rate: number | null) => rate === null ? "no limit" : `${formatSize(rate)}/s`;
  return read === write ? one(read) : `${one(read)} read, ${one(write)} write`;
}

/** How a start record tells it: a number, null, two rates, or the text of the timetable. */
export function bandwidthRecord(bandwidth: Bandwidth): number | null | Rates | string {
  if (bandwidth === null || typeof bandwidth === "number") return bandwidth;
  return "changes" in bandwidth ? bandwidth.text : bandwidth;
}
