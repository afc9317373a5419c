import assert from "node:assert/strict";
import { memoryBackend } from "../../src/backend/memory.ts";
import { keepAttributes } from "../../src/transfer/attributes.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";

const { signal } = new AbortController();

async function kept(links: "lost" | "followed", uid: number, rules: readonly Rule[] = []) {
  const source = memoryBackend(), inner = memoryBackend();
  inner.put("link", { target: "file" });
  const destination = withFaults(inner, rules);
  const link = { kind: "symlink", uid, gid: 0, mode: 0o777 } as const;
  const options = { preserve: ["owner"], links, signal } as const;
  const refusals = await keepAttributes(source, destination, "link", link, options);
  return { refusals, asked: destination.calls.get("setAttributes") ?? 0 };
}

Deno.test("keepAttributes gives a link no owner when its target would get it", async () => {
  const { refusals: [refusal, ...more], asked } = await kept("followed", 7);
  assert.deepEqual([refusal!.what, refusal!.code, more, asked], ["owner", "EOPNOTSUPP", [], 0]);
});

Deno.test("keepAttributes refuses nothing of a link that has the owner already", async () => {
  assert.deepEqual(await kept("followed", 0), { refusals: [], asked: 0 });
});

Deno.test("keepAttributes fails no link of which it cannot be told whose it is", async () => {
  const { refusals, asked } = await kept("followed", 0, [{ call: "look", errno: "EPERM" }]);
  assert.deepEqual([refusals.length, asked], [1, 0]);
});

Deno.test("keepAttributes gives a link its owner where only its times are lost", async () => {
  assert.equal((await kept("lost", 7)).asked, 1);
});
