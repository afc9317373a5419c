import assert from "node:assert/strict";
import fc from "fast-check";
import { baseOf, join, parentOf } from "../src/entry.ts";

Deno.test("join gives the name alone when the directory is the root", () => {
  assert.equal(join("", "a"), "a");
  assert.equal(join("a", "b"), "a/b");
  assert.equal(join("a/b", "c d"), "a/b/c d");
});

Deno.test("parentOf and baseOf take a path apart", () => {
  const table: [string, string, string][] = [
    ["", "", ""],
    ["a", "", "a"],
    ["a/b", "a", "b"],
    ["a/b/c", "a/b", "c"],
    ["a\\b", "", "a\\b"],
  ];
  for (const [path, parent, base] of table) {
    assert.equal(parentOf(path), parent);
    assert.equal(baseOf(path), base);
  }
});

Deno.test("join undoes parentOf and baseOf for every path", () => {
  const name = fc.string({ minLength: 1 }).filter((text) => !text.includes("/"));
  fc.assert(fc.property(fc.array(name, { minLength: 1 }), (names) => {
    const path = names.join("/");
    assert.equal(join(parentOf(path), baseOf(path)), path);
  }));
});
