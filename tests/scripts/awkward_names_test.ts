import assert from "node:assert/strict";
import { awkwardNames } from "../../scripts/awkward_names.ts";

const bytesOf = (name: string) => new TextEncoder().encode(name).length;

Deno.test("awkwardNames are legal, well-formed and different", () => {
  const names = awkwardNames();
  assert.equal(new Set(names).size, names.length);
  for (const name of names) {
    assert.ok(name.isWellFormed() && !/[/\0]/.test(name), JSON.stringify(name));
    assert.ok(bytesOf(name) >= 1 && bytesOf(name) <= 255, JSON.stringify(name));
    assert.ok(name !== "." && name !== "..");
  }
});

Deno.test("awkwardNames have line ends, quotes, dashes, emoji, 255 bytes and twins", () => {
  const names = new Set(awkwardNames());
  for (const name of ["\n", "'", '"', "\\", "-rf", "\u{1f600}", "a".repeat(255)]) {
    assert.ok(names.has(name), JSON.stringify(name));
  }
  assert.ok([...names].some((name) => bytesOf(name) === 255 && name.length < 90));
  const twins = [...names].filter((name) =>
    name !== name.normalize("NFD") && names.has(name.normalize("NFD"))
  );
  assert.ok(twins.length >= 2);
});
