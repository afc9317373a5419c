import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatCount,
  formatDuration,
  formatMinute,
  formatSize,
  parseRate,
  parseSize,
  parseWait,
  parseWindow,
} from "../../src/lib/units.ts";

Deno.test("parseSize reads sizes in powers of 1024", () => {
  const table: [string, number][] = [
    ["1", 1],
    ["512", 512],
    ["64K", 65_536],
    ["64k", 65_536],
    ["64KB", 65_536],
    ["64KiB", 65_536],
    ["1.5G", 1_610_612_736],
    [".5M", 524_288],
    ["20 M", 20_971_520],
    [" 3T ", 3_298_534_883_328],
    ["7B", 7],
    ["0.001K", 1],
  ];
  for (const [text, bytes] of table) assert.equal(parseSize(text), bytes, text);
});

Deno.test("parseSize throws when the text is not a size", () => {
  const bad = [
    "",
    "K",
    "0",
    "0.1",
    "-1",
    "1e3",
    "1 000",
    "1,5M",
    "5P",
    "M5",
    "1..5",
    "NaN",
    "99999T",
  ];
  for (const text of bad) assert.throws(() => parseSize(text), RangeError, text);
});

Deno.test("parseRate reads rates, and off as no limit", () => {
  const table: [string, number | null][] = [
    ["20M", 20_971_520],
    ["20M/s", 20_971_520],
    ["1.5MB/s", 1_572_864],
    ["64KiB/s", 65_536],
    ["off", null],
    [" OFF ", null],
  ];
  for (const [text, rate] of table) assert.equal(parseRate(text), rate, text);
  for (const text of ["", "0", "/s", "20M/h", "on"]) {
    assert.throws(() => parseRate(text), RangeError, text);
  }
});

Deno.test("formatSize shows three digits", () => {
  const table: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "0.98 KiB"],
    [1024, "1.00 KiB"],
    [10_240, "10.0 KiB"],
    [102_400, "100 KiB"],
    [1_023_000, "999 KiB"],
    [1_048_576, "1.00 MiB"],
    [3_300_000_000, "3.07 GiB"],
    [200 * 2 ** 40, "200 TiB"],
    [5000 * 2 ** 50, "5000 PiB"],
  ];
  for (const [bytes, text] of table) assert.equal(formatSize(bytes), text);
});

Deno.test("formatSize and parseSize agree to within one percent", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 50 - 1 }), (bytes) => {
    const text = formatSize(bytes);
    if (text.endsWith("PiB")) return;
    assert.ok(Math.abs(parseSize(text) / bytes - 1) < 0.01, text);
  }));
});

Deno.test("formatCount groups by thousands", () => {
  assert.equal(formatCount(0), "0");
  for (let count = 1; count < Number.MAX_SAFE_INTEGER; count = count * 7 + 3) {
    assert.equal(formatCount(count), count.toLocaleString("en-US"));
    assert.equal(formatCount(-count), (-count).toLocaleString("en-US"));
  }
  assert.equal(formatCount(1204), "1,204");
  assert.equal(formatCount(100_000_000), "100,000,000");
});

Deno.test("formatDuration shows minutes, hours and days as they come", () => {
  const table: [number, string][] = [
    [0, "0:00"],
    [7.4, "0:07"],
    [59.6, "1:00"],
    [754, "12:34"],
    [3600, "1:00:00"],
    [11_229, "3:07:09"],
    [443_400, "5d 03:10"],
    [-5, "0:00"],
  ];
  for (const [seconds, text] of table) assert.equal(formatDuration(seconds), text);
});

Deno.test("formatMinute shows local time to the minute", () => {
  assert.equal(formatMinute(new Date(2026, 10, 20, 14, 2, 59).getTime()), "2026-11-20 14:02");
  assert.equal(formatMinute(new Date(1999, 0, 3, 4, 5).getTime()), "1999-01-03 04:05");
});

Deno.test("parseWindow reads differences of times in nanoseconds", () => {
  const table: [string, number | null][] = [
    ["auto", null],
    ["0", 0],
    ["100ns", 100],
    ["15us", 15_000],
    ["10ms", 1e7],
    [" 2S ", 2e9],
    ["1m", 6e10],
    ["24h", 8.64e13],
  ];
  for (const [text, window] of table) assert.equal(parseWindow(text), window, text);
});

Deno.test("parseWindow throws when the text is no difference of at most a day", () => {
  for (const text of ["", "2", "-1s", "1.5s", "2d", "25h", "ns", "1 s", "99999999999999999999s"]) {
    assert.throws(() => parseWindow(text), RangeError, text);
  }
});

Deno.test("parseWait reads a time to wait, or off", () => {
  for (const [text, ms] of [["30m", 1_800_000], ["0", 0], [" Off ", 0], ["366d", 31_622_400_000]]) {
    assert.equal(parseWait(String(text)), ms, String(text));
  }
});

Deno.test("parseWait throws when the text is no time, or longer than a year", () => {
  for (const text of ["", "10", "-1m", "forever", "367d"]) {
    assert.throws(() => parseWait(text), RangeError, text);
  }
});
