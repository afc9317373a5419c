/** Golden files: what an output must be, to the letter. SLUICE_UPDATE_GOLDEN=1 writes them anew. */

import assert from "node:assert/strict";

/** Compares a text with the golden file of that name. */
export function assertGolden(name: string, actual: string): void {
  const url = new URL(`./golden/${name}`, import.meta.url);
  if (Deno.env.get("SLUICE_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(url, actual);
  assert.equal(actual, Deno.readTextFileSync(url), `differs from golden/${name}`);
}
