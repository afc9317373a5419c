import assert from "node:assert/strict";
import { displayWidth, padEnd, padStart, shortenPath, truncate } from "../../src/report/width.ts";

const WIDTHS: readonly (readonly [string, number])[] = [
  ["", 0],
  ["plain/path.txt", 14],
  ["Größe", 5],
  ["写真", 4],
  ["ｆｕｌｌ", 8],
  ["한국", 4],
  ["\u1112\u1161\u11ab", 2], // the same kind of syllable, decomposed
  ["e\u0301", 1],
  ["a\u200db", 2],
  ["📷", 2],
  ["❤\ufe0f", 2],
  ["✓ ━ ─ …", 7],
];

for (const [text, width] of WIDTHS) {
  Deno.test(`displayWidth is ${width} when the text is "${text}"`, () => {
    assert.equal(displayWidth(text), width);
  });
}

Deno.test("padStart and padEnd count columns when characters are wide", () => {
  assert.equal(padEnd("写真", 6), "写真  ");
  assert.equal(padStart("写真", 6), "  写真");
  assert.equal(padEnd("too long", 3), "too long");
});

Deno.test("truncate ends with an ellipsis when the text is too wide", () => {
  assert.equal(truncate("abcdef", 6), "abcdef");
  assert.equal(truncate("abcdef", 4), "abc…");
  assert.equal(truncate("写真写真", 4), "写…");
  assert.equal(truncate("abc", 0), "");
});

Deno.test("shortenPath keeps the name whole when there is room for it", () => {
  const path = "projects/2019/client/deliverables/final/report_v12.pdf";
  assert.equal(shortenPath(path, 80), path);
  assert.equal(shortenPath(path, 30), "projects/2019/…/report_v12.pdf");
  assert.equal(shortenPath(path, 20), "proj…/report_v12.pdf");
});

Deno.test("shortenPath never parts a letter from its accent nor exceeds the width", () => {
  const path = "mu\u0308/".repeat(20) + "写真".repeat(10) + "/e\u0301".repeat(5);
  for (let width = 0; width < 100; width++) {
    const short = shortenPath(path, width);
    assert.ok(displayWidth(short) <= width, `${displayWidth(short)} > ${width}`);
    assert.doesNotMatch(short, /…[\u0300-\u036f]/);
  }
});
