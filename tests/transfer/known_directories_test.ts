import assert from "node:assert/strict";
import { KnownDirectories } from "../../src/transfer/known_directories.ts";

Deno.test("KnownDirectories knows the last thousands, and forgets those before", () => {
  const known = new KnownDirectories();
  assert.equal(known.has(1), false);
  for (let id = 1; id <= 20_000; id++) {
    known.add(id);
    assert.ok(known.has(id) && known.has(Math.max(1, id - 4095)));
  }
  assert.equal(known.has(1), false);
  assert.equal(known.has(20_000 - 2 * 4096), false);
});
