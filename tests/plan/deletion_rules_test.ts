import assert from "node:assert/strict";
import { type DeletionFacts, limitOf, refusalOf } from "../../src/plan/deletion_rules.ts";
import { DEFAULTS, type DeletionLimit } from "../../src/options.ts";

const FINE: DeletionFacts = {
  extras: { files: 5, directories: 2 },
  due: { files: 5, directories: 2 },
  scanFinished: true,
  sourceErrors: 0,
  sourceFiles: 100,
  destinationFiles: 100,
  despiteErrors: false,
  maxDelete: DEFAULTS.maxDelete,
};

const NONE = { files: 0, directories: 0 };

/** What differs from a run that may delete, and what is said; null: it may. */
const TABLE: readonly [what: string, facts: Partial<DeletionFacts>, says: RegExp | null][] = [
  ["everything is well", {}, null],
  ["there are no extras, whatever else is wrong", {
    extras: NONE,
    due: NONE,
    sourceErrors: 3,
    scanFinished: false,
  }, null],
  ["the scan is not complete", { scanFinished: false }, /^nothing was deleted: the scan is not/],
  [
    "the source had an error",
    { sourceErrors: 1 },
    /the source had 1 error, so 7 extras stay; mend/,
  ],
  [
    "the source had errors and there is one extra",
    { sourceErrors: 2000, extras: { files: 1, directories: 0 } },
    /the source had 2,000 errors, so 1 extra stays;/,
  ],
  ["the source had errors and they are accepted", { sourceErrors: 2, despiteErrors: true }, null],
  [
    "errors are accepted and the scan is not complete",
    { scanFinished: false, despiteErrors: true },
    /the scan is not complete/,
  ],
  ["the source has only directories", { sourceFiles: 0 }, /has no files at all, only directories/],
  [
    "the source has only directories and nothing but directories would go",
    { sourceFiles: 0, due: { files: 0, directories: 9 } },
    null,
  ],
  ["as many files as the limit would go", { due: { files: 25, directories: 900 } }, null],
  [
    "one file more than the limit would go",
    { due: { files: 26, directories: 0 }, extras: { files: 26, directories: 0 } },
    /does not have 26 of the 100 files at the destination, more than the 25 that --max-delete allows \(25%, and 5 in any case\)/,
  ],
  [
    "errors are accepted and too many would go",
    { sourceErrors: 1, despiteErrors: true, due: { files: 99, directories: 0 } },
    /more than the 25/,
  ],
  [
    "most extras are held back",
    { extras: { files: 90, directories: 0 }, due: { files: 20, directories: 0 } },
    null,
  ],
  ["a tiny tree loses all but one file", {
    destinationFiles: 6,
    due: { files: 5, directories: 0 },
  }, null],
  ["a tiny tree would lose six files", {
    destinationFiles: 7,
    due: { files: 6, directories: 0 },
  }, /more than the 5 that/],
  ["a percentage was given for a tiny tree", {
    destinationFiles: 3,
    due: { files: 1, directories: 0 },
    maxDelete: { percent: 25 },
  }, /does not have 1 of the 3 files at the destination, more than the 0 that .* \(25%\)/],
  ["a number allows it", { due: { files: 99, directories: 0 }, maxDelete: { files: 99 } }, null],
  ["a number does not allow it", { maxDelete: { files: 4 } }, /more than the 4 that .* \(4\)/],
  [
    "nothing is allowed and only directories would go",
    { due: { files: 0, directories: 1 }, maxDelete: { files: 0 } },
    /does not have 1 directory and 0 of .* more than the 0 that/,
  ],
  [
    "nothing can be a share of no files and only directories would go",
    { due: { files: 0, directories: 1 }, destinationFiles: 0, maxDelete: { percent: 100 } },
    null,
  ],
];

for (const [what, facts, says] of TABLE) {
  Deno.test(`refusalOf ${says === null ? "lets pass" : "refuses"} when ${what}`, () => {
    const refusal = refusalOf({ ...FINE, ...facts });
    if (says === null) assert.equal(refusal, null);
    else assert.match(refusal ?? "", says);
    assert.ok(!refusal?.includes("\n"));
  });
}

Deno.test("limitOf rounds a percentage down and keeps what goes in any case", () => {
  const table: [DeletionLimit, number, number][] = [
    [{ percent: 25 }, 3, 0],
    [{ percent: 25 }, 4, 1],
    [{ percent: 25 }, 7, 1],
    [{ percent: 100 }, 7, 7],
    [{ percent: 0 }, 1_000_000, 0],
    [{ percent: 0.1 }, 1_000_000, 1000],
    [DEFAULTS.maxDelete, 0, 5],
    [DEFAULTS.maxDelete, 20, 5],
    [DEFAULTS.maxDelete, 24, 6],
    [{ files: 7 }, 3, 7],
  ];
  for (const [limit, files, expected] of table) assert.equal(limitOf(limit, files), expected);
});
