import assert from "node:assert/strict";
import { type MemoryBackend, memoryBackend } from "../../src/backend/memory.ts";
import { ALL_APART, type NameRules } from "../../src/name_rules.ts";
import { Spellings } from "../../src/plan/spelling.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { fill } from "../testing/world.ts";

const { signal } = new AbortController();
const IGNORES_CASE: NameRules = { ...ALL_APART, letters: true };

function place(tree: Parameters<typeof fill>[1], rules: NameRules): MemoryBackend {
  const backend = memoryBackend({ root: "/m", temporaryName: () => ".sluice-a", names: { rules } });
  fill(backend, tree);
  return backend;
}

async function spelled(source: MemoryBackend, path: string, faults: Rule[] = []) {
  return await new Spellings(withFaults(source, faults), { signal }).otherwise(path);
}

Deno.test("Spellings finds under which name a source lists what it has", async () => {
  const source = place({ "a/reports/Über/x": "1" }, IGNORES_CASE);
  assert.equal(await spelled(source, "a/Reports"), "a/reports");
  assert.equal(await spelled(source, "a/Reports/Über/x"), "a/reports/Über/x");
  const everywhere = place({ "Über/Отчёт": "1" }, { ...IGNORES_CASE, accents: true });
  assert.equal(await spelled(everywhere, "über/Отчёт"), "Über/Отчёт");
  assert.equal(
    await spelled(place({ отчёт: "1" }, { ...IGNORES_CASE, accents: true }), "ОТЧЁТ"),
    "отчёт",
  );
  assert.equal(await spelled(source, "a/reports/Über/x"), null);
  assert.equal(await spelled(source, "a/reports/gone"), null);
});

Deno.test("Spellings is not taken in by a listing that leaves a name out", async () => {
  const source = place({ "d/file": "1", "d/other": "1" }, IGNORES_CASE);
  assert.equal(
    await spelled(source, "d/file", [{ call: "list", path: "d", omits: /^file$/ }]),
    null,
  );
  const failing: Rule = { call: "list", path: "d", errno: "EIO" };
  assert.equal(await spelled(source, "d/FILE", [failing]), null);
});

Deno.test("Spellings takes names apart that the source keeps apart", async () => {
  const source = place({ "d/file": "1", "d/FILE": "1" }, ALL_APART);
  assert.equal(await spelled(source, "d/file"), null);
  assert.equal(
    await spelled(source, "d/file", [{ call: "list", path: "d", omits: /^file$/ }]),
    null,
  );
});
