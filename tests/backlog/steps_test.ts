import assert from "node:assert/strict";
import { inSteps } from "../../src/backlog/steps.ts";
import { EXACT } from "../../src/times.ts";
import { Fixture } from "./fixture.ts";

/** Directories on three levels, several in each. */
const TREE = Object.fromEntries(
  ["a", "b", "c"].flatMap((one) =>
    ["1", "2", "3", "4"].flatMap((two) => [[`${one}/${two}/x`, null], [`${one}/${two}/y`, null]])
  ),
);

/** All pages of a size, each after the last of the page before. */
function paged<T>(size: number, page: (after: T | undefined, limit: number) => T[]): T[] {
  const all: T[] = [];
  for (let rows = page(undefined, size); rows.length > 0; rows = page(all.at(-1), size)) {
    assert.ok(rows.length <= size);
    all.push(...rows);
  }
  return all;
}

Deno.test("inSteps asks no more steps than a page needs, and for no more than it lacks", () => {
  const asked: number[] = [];
  const step = (...values: string[]) => (left: number) => {
    asked.push(left);
    return values.slice(0, left);
  };
  assert.deepEqual(inSteps(3, [step("a"), step("b", "c", "d"), step("e")]), ["a", "b", "c"]);
  assert.deepEqual(asked, [3, 2]);
  assert.deepEqual(inSteps(3, [step(), step("f")]), ["f"]);
});

for (const size of [1, 2, 5, 100]) {
  Deno.test(`directories come once and in order in pages of ${size}`, async () => {
    using fixture = new Fixture({ ...TREE, file: "1" }, {});
    await fixture.scan();
    const { transfer, directories } = fixture.backlog;
    const missing = paged<{ id: number; path: string; depth: number }>(
      size,
      (after, limit) => directories.missing(after ?? { depth: -1, id: 0 }, limit),
    );
    assert.equal(missing.length, 39);
    assert.equal(new Set(missing.map(({ path }) => path)).size, 39);
    const order = missing.map(({ depth, id }) => depth * 1000 + id);
    assert.deepEqual(order, order.toSorted((a, b) => a - b));
    fixture.backlog.transaction(() => missing.forEach(({ id }) => transfer.made(id)));
    const untimed = paged<{ id: number; path: string; depth: number }>(
      size,
      (before, limit) =>
        directories.untimed(before ?? { depth: 1e9, id: 0 }, limit, { times: EXACT }),
    );
    assert.deepEqual(
      untimed.filter(({ path }) => path !== "").map(({ path }) => path),
      missing.map(({ path }) => path).reverse(),
    );
  });

  Deno.test(`extra directories come once, the deepest first, in pages of ${size}`, async () => {
    using fixture = new Fixture({}, TREE);
    await fixture.scan();
    const extras = paged<{ path: string; depth: number; directory: number; name: string }>(
      size,
      (before, limit) =>
        fixture.backlog.extras.directories(
          before ?? { depth: 1e9, directory: 0, name: "" },
          limit,
          "all",
        ),
    );
    const paths = extras.map(({ path }) => path);
    assert.equal(new Set(paths).size, paths.length);
    assert.deepEqual(paths, paths.toSorted((a, b) => b.split("/").length - a.split("/").length));
    assert.equal(paths.length, fixture.query("SELECT * FROM extra").length);
  });
}

Deno.test("a page of directories is looked up by depth and number, not by depth alone", async () => {
  using fixture = new Fixture(TREE);
  await fixture.scan();
  for (const [where, found] of [["> ?", "id>?"], ["< ?", "id<?"]]) {
    const [plan] = fixture.query(
      `EXPLAIN QUERY PLAN SELECT id, path FROM directory WHERE depth = ? AND id ${where}`,
    );
    assert.match(String(plan!.detail), new RegExp(`depth=\\? AND ${found!.replace("?", "\\?")}`));
  }
});
