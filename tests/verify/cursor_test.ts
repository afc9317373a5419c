import assert from "node:assert/strict";
import type { Position, VerifyFile } from "../../src/backlog/verify_store.ts";
import { SyncError } from "../../src/errors.ts";
import { type Flight, VerifyCursor } from "../../src/verify/cursor.ts";
import { isInSample, WHOLE } from "../../src/verify/sample.ts";

const START: Position = { directory: 0, name: "" };

function fileOf(directory: number): VerifyFile {
  const common = { name: "f", size: 1, mtime: 0n, hash: null, algorithm: null, done: false };
  return { directory, path: `${directory}/f`, ...common };
}

/** A record of `files` files, one in each directory, that is given out in pages of `page`. */
function record(files: number, page: number) {
  const all = Array.from({ length: files }, (_, i) => fileOf(i + 1));
  return (after: Position) =>
    all.filter(({ directory }) => directory > after.directory).slice(0, page);
}

function cursorOf(
  files: number,
  { millionths = WHOLE, after = START, ahead }: {
    millionths?: number;
    after?: Position;
    ahead?: number;
  } = {},
): VerifyCursor {
  return new VerifyCursor({
    sample: { millionths, seed: 1 },
    after,
    next: record(files, 3),
    ahead: ahead ?? files - after.directory,
    database: "/db",
  });
}

/** Takes until there are no more. */
function takeAll(cursor: VerifyCursor): Flight[] {
  const taken: Flight[] = [];
  for (let flight; (flight = cursor.take()) !== undefined;) if (flight !== null) taken.push(flight);
  return taken;
}

Deno.test("VerifyCursor gives out each file of the record once, in order", () => {
  const cursor = cursorOf(8);
  assert.equal(cursor.exhausted, false);
  const directories = takeAll(cursor).map(({ file }) => file.directory);
  assert.deepEqual(directories, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(cursor.exhausted, true);
});

Deno.test("VerifyCursor goes on after the file that it is given", () => {
  const cursor = cursorOf(5, { after: { directory: 3, name: "f" } });
  assert.deepEqual(takeAll(cursor).map(({ file }) => file.directory), [4, 5]);
});

Deno.test("VerifyCursor goes on before the oldest file in flight, whatever is done after it", () => {
  const cursor = cursorOf(4);
  const [first, second, third] = [cursor.take()!, cursor.take()!, cursor.take()!];
  assert.deepEqual(cursor.after, START);
  cursor.done(second);
  assert.deepEqual(cursor.after, START);
  cursor.done(first);
  assert.deepEqual(cursor.after, { directory: 2, name: "f" });
  cursor.done(third);
  assert.deepEqual(cursor.after, { directory: 3, name: "f" });
});

Deno.test("VerifyCursor passes over what is not in the sample, a page at a time", () => {
  const sample = { millionths: WHOLE / 10, seed: 1 };
  const expected = Array.from({ length: 300 }, (_, i) => fileOf(i + 1))
    .filter(({ path }) => isInSample(path, sample)).map(({ directory }) => directory);
  const cursor = cursorOf(300, sample);
  let empty = 0;
  const taken: number[] = [];
  for (let flight; (flight = cursor.take()) !== undefined;) {
    if (flight === null) empty += 1;
    else {
      taken.push(flight.file.directory);
      cursor.done(flight);
    }
  }
  assert.deepEqual(taken, expected);
  assert.ok(empty > 0);
  assert.deepEqual(cursor.after, { directory: 300, name: "f" });
});

Deno.test("VerifyCursor throws when the record gives more or fewer files than were counted", () => {
  for (const ahead of [7, 9, 0]) {
    assert.throws(() => takeAll(cursorOf(8, { ahead })), (error) => {
      assert.ok(error instanceof SyncError && error.scope === "run");
      assert.match(
        error.message,
        new RegExp(`/db is damaged: it counts ${ahead} files, and \\d of`),
      );
      return true;
    });
  }
});

Deno.test("VerifyCursor passes over what is done, and counts it", () => {
  const next = record(5, 2);
  const cursor = new VerifyCursor({
    sample: { millionths: WHOLE, seed: 1 },
    after: START,
    next: (after) => next(after).map((file) => ({ ...file, done: file.directory % 2 === 0 })),
    ahead: 5,
    database: "/db",
  });
  assert.deepEqual(takeAll(cursor).map(({ file }) => file.directory), [1, 3, 5]);
});
