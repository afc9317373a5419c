import assert from "node:assert/strict";
import { Fixture } from "./fixture.ts";

Deno.test("RunStore counts over all runs", () => {
  using fixture = new Fixture();
  const { runs } = fixture.backlog;
  const start = { token: "t", pid: 1, host: "h", version: "0", resumed: false };
  for (const copiedFiles of [3, 4]) {
    const id = runs.begin({ ...start, token: `t${copiedFiles}` });
    runs.count(id, { copiedFiles, copiedBytes: 10, failed: 0, deleted: 0 });
    runs.end(id, 0);
  }
  assert.deepEqual(runs.copiedEver(), { files: 7, bytes: 20 });
  assert.deepEqual(runs.earlierTokens().sort(), ["t3", "t4"]);
});
