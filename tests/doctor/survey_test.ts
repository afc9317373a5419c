import assert from "node:assert/strict";
import { memoryBackend } from "../../src/backend/memory.ts";
import { RecordedTree } from "../../src/backlog/recorded_tree.ts";
import type { Problem } from "../../src/doctor/fit.ts";
import { type Place, tryPlace } from "../../src/doctor/place.ts";
import { surveySource } from "../../src/doctor/survey.ts";
import { UsageError } from "../../src/errors.ts";
import { ALL_APART } from "../../src/name_rules.ts";
import { withFaults } from "../testing/faulty_backend.ts";
import { fill, MemoryWorld, type Tree } from "../testing/world.ts";

const TREE: Tree = {
  "README": "1",
  "Readme": "22",
  "sub/deep/a": "333",
  "sub/deep/A": "",
  "sub/deep/B": null,
  "sub/deep/b/c": "4",
  "link": { target: "x" },
  "fifo": { kind: "special" },
};

async function folding(): Promise<Place> {
  const backend = memoryBackend({ names: { rules: { ...ALL_APART, letters: true } } });
  await backend.makeDirectory("probe");
  return await tryPlace(backend, "probe");
}

const MERGED = ["Readme as README", "sub/deep/a as A", "sub/deep/b as B"];
const merged = (problems: readonly Problem[]) =>
  problems.map(({ path, why }) => `${path} as ${why.replace("taken for ", "")}`).sort();

Deno.test("surveySource counts the source and finds the names that would be merged", async () => {
  const source = memoryBackend();
  fill(source, TREE);
  const problems: Problem[] = [];
  const counts = await surveySource(source, await folding(), {
    problem: (one) => problems.push(one),
  });
  assert.deepEqual(counts, { directories: 5, files: 6, bytes: 7, specials: 1 });
  assert.deepEqual(merged(problems), MERGED);
});

Deno.test("surveySource finds the same in a database with a complete scan", async () => {
  using world = new MemoryWorld(TREE);
  await world.run();
  using tree = RecordedTree.open(world.db, world);
  const problems: Problem[] = [];
  const counts = await surveySource(tree, await folding(), {
    problem: (one) => problems.push(one),
  });
  assert.deepEqual(counts, { directories: 5, files: 6, bytes: 7, specials: 1 });
  assert.deepEqual(merged(problems), MERGED);
  assert.deepEqual(tree.pending(), { files: 0, bytes: 0 });
});

Deno.test("surveySource tells what it cannot read and goes on", async () => {
  const inner = memoryBackend();
  fill(inner, TREE);
  const source = withFaults(inner, [
    { call: "list", path: "sub/deep", errno: "EACCES" },
    { call: "list", path: "", problem: "link" },
  ]);
  const problems: Problem[] = [];
  await surveySource(source, await folding(), { problem: (one) => problems.push(one) });
  assert.deepEqual(
    problems.filter(({ kind }) => kind === "unreadable").map(({ path }) => path).sort(),
    ["link", "sub/deep"],
  );
});

Deno.test("surveySource rejects when the root cannot be listed or the signal aborts", async () => {
  const inner = memoryBackend();
  fill(inner, TREE);
  const place = await folding();
  const handlers = { problem: () => {} };
  const broken = withFaults(inner, [{ call: "list", path: "", errno: "EIO" }]);
  await assert.rejects(surveySource(broken, place, handlers), /input\/output error/);
  const signal = AbortSignal.abort(new Error("interrupted"));
  await assert.rejects(surveySource(inner, place, { ...handlers, signal }), /interrupted/);
});

Deno.test("RecordedTree.open refuses what has no complete scan of this pair", async () => {
  using world = new MemoryWorld(TREE);
  assert.throws(() => RecordedTree.open(world.db, world), UsageError);
  await world.run({ faults: { source: [{ call: "list", path: "", errno: "EIO" }] } });
  assert.throws(() => RecordedTree.open(world.db, world), /no complete scan/);
  await world.run();
  assert.throws(
    () => RecordedTree.open(world.db, { source: "/other", destination: world.destination }),
    /belongs to/,
  );
});
