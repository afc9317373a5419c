/** Golden files: what an output must be, to the letter. SLUICE_UPDATE_GOLDEN=1 writes them anew. */
import assert from "node:assert/strict";

/** Compares a text with a golden file, e.g. `new URL("./golden/help.txt", import.meta.url)`. */
export function assertGoldenFile(url: URL, actual: string): void {
  if (Deno.env.get("SLUICE_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(url, actual);
  assert.equal(actual, Deno.readTextFileSync(url), `differs from ${url.pathname}`);
}
