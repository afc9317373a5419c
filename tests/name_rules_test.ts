import assert from "node:assert/strict";
import { ALL_APART, describeRules, isExact, nameKeys, type NameRules } from "../src/name_rules.ts";

const all = (rules: Partial<NameRules>): NameRules => ({ ...ALL_APART, ...rules });
const NTFS = all({ letters: true, accents: true, dots: true, spaces: true });
const EXT4 = all({
  letters: true,
  accents: true,
  expanded: true,
  forms: true,
  invisible: true,
});

const table: readonly [string, NameRules, string, string, "one" | "two" | "unsure"][] = [
  ["exact", ALL_APART, "a", "A", "two"],
  ["exact", ALL_APART, "\u00e9", "e\u0301", "two"],
  ["ASCII", all({ letters: true }), "name", "NaMe", "one"],
  ["ASCII", all({ letters: true }), "é", "É", "two"],
  ["forms", all({ forms: true }), "\u00e9", "e\u0301", "one"],
  ["forms", all({ forms: true }), "a", "A", "two"],
  ["NTFS", NTFS, "É.TXT", "é.txt", "one"],
  ["NTFS", NTFS, "a. .", "A", "one"],
  ["NTFS", NTFS, ".. .", "", "two"],
  ["NTFS", NTFS, "ß", "ss", "two"],
  ["NTFS", NTFS, "ς", "Σ", "one"],
  ["NTFS", NTFS, "\u212a", "k", "unsure"],
  ["NTFS", NTFS, "ı", "I", "unsure"],
  ["NTFS", NTFS, "\u00e9", "e\u0301", "two"],
  ["NTFS", NTFS, "a\udcff", "A\udcff", "one"],
  ["NTFS", NTFS, "a\udcff", "a\udcfe", "two"],
  ["ext4", EXT4, "STRASSE", "straße", "one"],
  ["ext4", EXT4, "ΟΔΟΣ", "οδος", "one"],
  ["ext4", EXT4, "\u00c9", "e\u0301", "one"],
  ["ext4", EXT4, "a\u200db", "AB", "one"],
  ["ext4", EXT4, "a.", "a", "two"],
  ["xfs", all({ letters: true, latin1: true }), "\udce9", "\udcc9", "one"],
  ["xfs", all({ letters: true, latin1: true }), "é", "É", "two"],
  ["ZFS", all({ forms: true, lookalikes: true }), "①", "1", "one"],
];

for (const [place, rules, a, b, expected] of table) {
  Deno.test(`nameKeys takes ${JSON.stringify(a)} and ${JSON.stringify(b)} for ${expected} as ${place} does`, () => {
    const keys = nameKeys(rules);
    const x = keys(a), y = keys(b);
    const found = x.sure === y.sure ? "one" : x.maybe === y.maybe ? "unsure" : "two";
    assert.equal(found, expected);
    if (found === "one") assert.equal(x.maybe, y.maybe);
  });
}

Deno.test("describeRules names what a place does not keep apart", () => {
  assert.equal(describeRules(ALL_APART), "");
  assert.equal(isExact(ALL_APART), true);
  assert.equal(isExact(NTFS), false);
  assert.equal(
    describeRules(NTFS),
    "upper and lower case, dots at the end, spaces at the end",
  );
});
