import assert from "node:assert/strict";
import { Streams } from "../../src/transfer/streams.ts";

Deno.test("Streams gives a file alone what each may have, and several their part of all", () => {
  const streams = new Streams(), limits = { each: 4, all: 8 };
  assert.equal(streams.blocks(limits), 4);
  const files = [streams.begin()];
  assert.equal(streams.blocks(limits), 4);
  for (let i = 1; i < 4; i++) files.push(streams.begin());
  assert.equal(streams.blocks(limits), 2);
  for (let i = 4; i < 32; i++) files.push(streams.begin());
  assert.equal(streams.blocks(limits), 1);
  assert.equal(streams.blocks({ each: 2, all: Infinity }), 2);
  for (const file of files) file[Symbol.dispose]();
  assert.equal(streams.blocks(limits), 4);
});

Deno.test("Streams counts a file that is ended twice once", () => {
  const streams = new Streams();
  const file = streams.begin();
  using _other = streams.begin();
  file[Symbol.dispose]();
  file[Symbol.dispose]();
  assert.equal(streams.blocks({ each: 9, all: 4 }), 4);
});
