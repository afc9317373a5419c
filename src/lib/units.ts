/** Units: sizes and durations as people write and read them. */

const FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/**
 * Bytes of a size such as `512`, `64K`, `1.5G` (powers of 1024; a trailing `iB` or `B` is allowed).
 *
 * @throws RangeError when the text is not a size of at least one byte that a number can hold.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  const bytes = match ? Math.round(Number(match[1]) * FACTORS[match[2]!.toUpperCase()]!) : NaN;
  if (!(bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`Cannot read "${text}" as a size: write a number above 0 such as 20M`);
  }
  return bytes;
}

/** Bytes per second of a rate such as `20M` or `1.5MB/s`; null for `off`. Errors as parseSize. */
export function parseRate(text: string): number | null {
  if (text.trim().toLowerCase() === "off") return null;
  return parseSize(text.trim().replace(/\/s$/, ""));
}

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** The longest window: a day. Longer ones would take files of different days for equal. */
const LONGEST_WINDOW = 24 * 3600e9;

/**
 * Nanoseconds of a difference between times such as `2s`, `100ns` or `0`; null for `auto`.
 *
 * @throws RangeError when the text is no such difference of at most a day.
 */
export function parseWindow(text: string): number | null {
  const word = text.trim().toLowerCase();
  if (word === "auto") return null;
  const match = /^(\d{1,18})(ns|us|ms|s|m|h)$/.exec(word === "0" ? "0s" : word);
  const window = match === null ? NaN : Number(match[1]) * NANOSECONDS[match[2]!]!;
  if (!(window <= LONGEST_WINDOW)) {
    throw new RangeError(
      `Cannot read "${text}" as a difference of times: write a whole number and ns, us, ms, s, m ` +
        "or h (2s, 100ns, at most 24h), 0, or auto",
    );
  }
  return window;
}

const DURATIONS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a duration such as `90s`, `30m`, `1.5h`, `7d`, or `0`.
 *
 * @throws RangeError when the text is not a duration
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([smhd])$/i.exec(text.trim());
  if (/^0+$/.test(text.trim())) return 0;
  const ms = match ? Math.round(Number(match[1]) * DURATIONS[match[2]!.toLowerCase()]!) : NaN;
  if (!(ms <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`Cannot read "${text}" as a duration: write a number and s, m, h or d`);
  }
  return ms;
}

/** The longest wait, in ms: a year. Whoever means longer means something else. */
const LONGEST_WAIT = 366 * 86_400_000;

/**
 * Milliseconds of a time to wait, as {@link parseDuration}; 0 for `off`.
 *
 * @throws RangeError when the text is not a duration of at most a year
 */
export function parseWait(text: string): number {
  const wait = text.trim().toLowerCase() === "off" ? 0 : parseDuration(text);
  if (wait <= LONGEST_WAIT) return wait;
  throw new RangeError(`Cannot wait as long as "${text}": write at most 366d`);
}

const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A number of bytes for people: three significant digits, `3.1 GiB`, `512 B`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${SIZE_UNITS[unit]}`;
}

/** A whole count for people: `1,204`. Not by Intl, which takes some 20 ms for the first. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}

/** A duration for people: `0:07`, `12:34`, `3:07:09`, `5d 03:10`. */
export function formatDuration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const s = total % 60, m = Math.floor(total / 60) % 60, h = Math.floor(total / 3600) % 24;
  const d = Math.floor(total / 86400);
  if (d > 0) return `${d}d ${two(h)}:${two(m)}`;
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Local date and time to the minute: `2026-11-20 14:02`. `ms` is since the epoch. */
export function formatMinute(ms: number): string {
  const d = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}`;
}
