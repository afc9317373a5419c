import assert from "node:assert/strict";
import type { ListedChunk } from "../../src/backlog/backlog.ts";
import { HeldListings } from "../../src/scan/held_listings.ts";

const chunk = (id: number, more: Partial<ListedChunk> = {}): ListedChunk => ({
  id,
  path: `d${id}`,
  index: 0,
  last: true,
  data: new Uint8Array(0),
  fingerprints: null,
  problems: [],
  temporaries: [],
  ...more,
});

function fixture(...awaited: number[]) {
  const open = new Set(awaited);
  const held = new HeldListings((id) => open.has(id));
  const taken = () => [...held.take()].map((message) => message.map(({ id }) => id));
  return { open, held, taken };
}

Deno.test("HeldListings keeps a message until the other walker has told of all directories in it", () => {
  const { open, held, taken } = fixture(1, 2);
  held.push([chunk(1), chunk(2), chunk(3)]);
  assert.deepEqual(taken(), []);
  open.delete(1);
  assert.deepEqual(taken(), []);
  open.delete(2);
  assert.deepEqual(taken(), [[1, 2, 3]]);
  assert.deepEqual(taken(), []);
});

Deno.test("HeldListings keeps the order: what need not wait does not pass what waits", () => {
  const { open, held, taken } = fixture(1);
  held.push([chunk(1)]);
  held.push([chunk(2)]);
  assert.deepEqual(taken(), []);
  open.clear();
  assert.deepEqual(taken(), [[1], [2]]);
});

Deno.test("HeldListings keeps few messages when the other walker is slower", () => {
  const { held, taken } = fixture(1, 2, 3, 4);
  for (const id of [1, 2]) held.push([chunk(id)]);
  assert.deepEqual(taken(), []);
  held.push([chunk(3)]);
  assert.deepEqual(taken(), [[1]]);
  held.push([chunk(4)]);
  assert.deepEqual(taken(), [[2]]);
});

Deno.test("HeldListings keeps nothing of directories in several chunks, failures, and what is known", () => {
  const { held, taken } = fixture(1);
  held.push([chunk(1, { last: false })]);
  held.push([chunk(1, { index: 1 })]);
  const error = { code: "EIO", message: "", path: "", scope: "entry", retryable: false } as const;
  held.push([{ id: 1, path: "d1", error }]);
  held.push([chunk(2)]);
  assert.deepEqual(taken(), [[1], [1], [1], [2]]);
});
