import assert from "node:assert/strict";
import { withFolder, WorkbenchError } from "../../scripts/workbench.ts";

Deno.test("withFolder says where it can make no folder, and what to do", async () => {
  const nowhere = new URL("./nowhere", import.meta.url).pathname;
  const failed = withFolder(nowhere, () => Promise.reject(new Error("it must not get here")));
  await assert.rejects(failed, (error) => {
    assert.ok(error instanceof WorkbenchError);
    assert.ok(error.message.includes(nowhere));
    assert.match(error.message, /name another place with --dir$/);
    return true;
  });
});
