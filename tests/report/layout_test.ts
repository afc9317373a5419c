import assert from "node:assert/strict";
import {
  bar,
  firstThatFits,
  formatFileRate,
  formatLeft,
  formatRate,
  percent,
  table,
} from "../../src/report/layout.ts";

Deno.test("percent says 100% only when nothing is left", () => {
  assert.deepEqual(
    [percent(0, 10), percent(999_999_999, 1e9), percent(1e9, 1e9), percent(0, 0)],
    ["0.0%", "99.9%", "100%", "100%"],
  );
});

Deno.test("bar is full only when nothing is left", () => {
  assert.equal(bar(0.999, 5), "━━━━─");
  assert.equal(bar(1, 5), "━━━━━");
  assert.equal(bar(7, 5), "━━━━━");
});

Deno.test("formatLeft says what it does not know", () => {
  assert.equal(formatLeft(null), "time unknown");
  assert.equal(formatLeft(61), "1:01 left");
  assert.equal(formatLeft(61, true), "1:01+ left");
});

Deno.test("formatRate and formatFileRate keep small rates apart from none", () => {
  assert.equal(formatRate(20 * 2 ** 20), "20.0 MiB/s");
  assert.equal(formatFileRate(0.42), "0.4 files/s");
  assert.equal(formatFileRate(1234.4), "1,234 files/s");
  assert.equal(formatFileRate(0), "0 files/s");
});

Deno.test("firstThatFits cuts the last text when none fits", () => {
  assert.equal(firstThatFits(6, "too long", "fits"), "fits");
  assert.equal(firstThatFits(3, "too long", "fits"), "fi…");
});

Deno.test("table drops the least important columns when they do not fit", () => {
  const columns = [
    { cells: ["", "source"], align: "left", keep: 9 },
    { cells: ["directories", "1"], align: "right", keep: 1 },
    { cells: ["files", "写真"], align: "right", keep: 8 },
  ] as const;
  assert.deepEqual(table(columns, 40), [
    "        directories  files",
    "source            1   写真",
  ]);
  assert.deepEqual(table(columns, 20), ["        files", "source   写真"]);
  assert.deepEqual(table(columns, 5), ["", "sour…"]);
});
