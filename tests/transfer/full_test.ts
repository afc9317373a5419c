import assert from "node:assert/strict";
import { failure } from "../../src/backend/failures.ts";
import { memoryBackend } from "../../src/backend/memory.ts";
import { demandRoom } from "../../src/transfer/full.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";

const { signal } = new AbortController();
const MIB = 2 ** 20;

function demanding(code: string, rule: Partial<Rule>, size = 0): Promise<void> {
  const destination = withFaults(memoryBackend(), [{ ...rule, call: "space" }]);
  return demandRoom(destination, { path: "a", size, error: failure(code, "write", "a") }, signal);
}

Deno.test("demandRoom says that a place is full which says nothing of it", async () => {
  for (const code of ["EIO", "EPERM"]) {
    const full = { code: "ENOSPC", scope: "run", path: "a" };
    await assert.rejects(demanding(code, { space: { bytes: 0, files: null } }), full);
    await assert.rejects(demanding(code, { space: { bytes: 5 * MIB, files: 9 } }, 5 * MIB), full);
    await assert.rejects(demanding(code, { space: { bytes: 2 ** 40, files: 0 } }), full);
    await demanding(code, { space: { bytes: 6 * MIB, files: 9 } }, 5 * MIB);
  }
});

Deno.test("demandRoom leaves an error that says what it is", async () => {
  for (const code of ["EACCES", "ESTALE", "ENAMETOOLONG"]) {
    await demanding(code, { space: { bytes: 0, files: 0 } });
  }
});

Deno.test("demandRoom leaves the error when nobody knows how much room there is", async () => {
  await demanding("EIO", { errno: "EIO" });
  // of which the backend in memory cannot tell either
  await demanding("EIO", { call: "look" });
});
