import assert from "node:assert/strict";
import { writeAll } from "../../src/lib/write_all.ts";

/** A stream that takes at most `most` bytes at a time and fails where it is told to. */
function stream(most: number, failures: Readonly<Record<number, Error>> = {}) {
  const taken: number[] = [];
  let calls = 0;
  return {
    text: () => new TextDecoder().decode(Uint8Array.from(taken)),
    calls: () => calls,
    writeSync(bytes: Uint8Array): number {
      const failure = failures[calls++];
      if (failure !== undefined) throw failure;
      const part = bytes.subarray(0, most);
      taken.push(...part);
      return part.length;
    },
  };
}

Deno.test("writeAll goes on until everything is written", () => {
  const out = stream(3);
  writeAll(out, "é, a text of some length\n");
  assert.equal(out.text(), "é, a text of some length\n");
});

Deno.test("writeAll waits for a pipe that is full", () => {
  const full = new Deno.errors.WouldBlock("full");
  const out = stream(4, { 1: full, 2: full });
  const pauses: number[] = [];
  writeAll(out, "12345678", (ms) => void pauses.push(ms));
  assert.equal(out.text(), "12345678");
  assert.equal(pauses.length, 2);
});

Deno.test("writeAll gives up in silence when nobody reads any more, but not on other errors", () => {
  const out = stream(4, { 1: new Deno.errors.BrokenPipe("gone") });
  writeAll(out, "12345678");
  assert.equal(out.calls(), 2);
  const broken = stream(4, { 0: new Error("broken") });
  assert.throws(() => writeAll(broken, "x"), /broken/);
});

Deno.test("writeAll pauses without turning the thread", () => {
  const out = stream(4, { 0: new Deno.errors.WouldBlock("full") });
  writeAll(out, "1");
  assert.equal(out.text(), "1");
});
