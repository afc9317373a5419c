import assert from "node:assert/strict";
import { type MemoryBackend, memoryBackend } from "../../src/backend/memory.ts";
import type { NameHabits } from "../../src/backend/name_map.ts";
import { ALL_APART } from "../../src/name_rules.ts";
import { listAll, put, text, TIME, TIMES } from "./actions.ts";
import { withFaults } from "../testing/faulty_backend.ts";
import { backendContract } from "./contract.ts";

const folding = { rules: { ...ALL_APART, letters: true, accents: true } };

// a wrapper that does nothing must keep the contract too
const unharmed = (backend: MemoryBackend) => withFaults(backend, []);
const KINDS: readonly (readonly [string, NameHabits?, ((b: MemoryBackend) => MemoryBackend)?])[] = [
  ["memoryBackend"],
  ["folding memoryBackend", folding],
  ["withFaults(memoryBackend)", undefined, unharmed],
];

for (const [name, names, wrap = (backend: MemoryBackend) => backend] of KINDS) {
  backendContract(name, () => {
    const backend = wrap(memoryBackend({ names }));
    return Promise.resolve({
      backend,
      dispose: async () => await backend[Symbol.asyncDispose](),
      makeSpecial: (path) => Promise.resolve(backend.put(path, { kind: "special" })),
      outside: "/outside",
      outsideNames: () => Promise.resolve(["precious"]),
      linkTimes: true,
      earlyTimes: true,
    });
  });
}

Deno.test("MemoryBackend.tree gives what put was given", async () => {
  const backend = memoryBackend({ now: () => 42n });
  backend.put("a/b", { content: "text", mtime: TIME });
  backend.put("a/link", { target: "b", mtime: TIME, atime: 7n });
  backend.put("empty", {});
  backend.put("fifo", { kind: "special", mode: 0o600 });
  const tree = backend.tree();
  assert.deepEqual(Object.keys(tree), ["a", "a/b", "a/link", "empty", "fifo"]);
  assert.deepEqual(tree["a/b"], {
    kind: "file",
    content: new TextEncoder().encode("text"),
    mtime: TIME,
    atime: 42n,
    mode: 0o644,
  });
  const copy = memoryBackend({ now: () => 43n });
  for (const [path, node] of Object.entries(tree)) copy.put(path, node);
  assert.deepEqual(copy.tree(), tree);
  assert.equal(await text(copy, "a/b"), "text");
});

Deno.test("MemoryBackend.remove removes with everything below", () => {
  const backend = memoryBackend();
  backend.put("a/b/c", { content: "" });
  backend.put("d", { content: "" });
  backend.remove("a");
  backend.remove("none/at/all");
  assert.deepEqual(Object.keys(backend.tree()), ["d"]);
});

Deno.test("memoryBackend takes times from its clock when it sets them itself", async () => {
  let now = 1000n;
  const backend = memoryBackend({ now: () => now });
  await put(backend, "file", "x", { mtime: 5n, atime: 6n });
  now = 2000n;
  await backend.setTimes("file", { mtime: 7n, atime: 8n });
  const entry = await backend.look("file");
  assert.deepEqual([entry?.mtime, entry?.atime, entry?.ctime], [7n, 8n, 2000n]);
  assert.equal((await backend.look(""))?.mtime, 1000n);
  await backend.removeFile("file");
  assert.equal((await backend.look(""))?.mtime, 2000n);
});

Deno.test("memoryBackend shows temporaries when it is built with some", async () => {
  const backend = memoryBackend();
  backend.put(".sluice-12345678-1-1-0z1.part", { content: "left over" });
  const { entries, temporaries } = await listAll(backend, "");
  assert.deepEqual(entries, []);
  assert.deepEqual(temporaries, [".sluice-12345678-1-1-0z1.part"]);
});

Deno.test("memoryBackend gives two backends different identities", async () => {
  const [one, two] = [memoryBackend(), memoryBackend()];
  assert.notDeepEqual(await one.identify(), await two.identify());
});

Deno.test("memoryBackend keeps a reader's bytes when the file was written in pieces", async () => {
  const backend = memoryBackend();
  const writer = await backend.create("sparse");
  await writer.write(Uint8Array.of(1), 9);
  await writer.write(Uint8Array.of(2), 4);
  await writer.finish(TIMES);
  await writer.commit();
  assert.deepEqual(backend.tree()["sparse"]?.content, Uint8Array.of(0, 0, 0, 0, 2, 0, 0, 0, 0, 1));
});
