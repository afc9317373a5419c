import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { FailedListing, ListedChunk } from "../../src/backlog/backlog.ts";
import { packListings, unpackListings } from "../../src/scan/packed_listings.ts";

const chunk = (id: number, changes: Partial<ListedChunk> = {}): ListedChunk => ({
  id,
  path: `d/e\udcff${id}`,
  index: 0,
  last: true,
  data: Uint8Array.of(id, id + 1, id + 2),
  fingerprints: { content: "c".repeat(32), complete: "d".repeat(32) },
  problems: [],
  temporaries: [],
  ...changes,
});
const failure = (id: number): FailedListing => ({
  id,
  path: `f${id}`,
  error: { code: "EIO", message: "broken", path: `f${id}`, retryable: false, scope: "entry" },
});

Deno.test("unpackListings gives back what packListings packed", () => {
  const problems = [{ name: "bad", code: "EIO", message: "broken" }];
  const cases: (ListedChunk | FailedListing)[][] = [
    [],
    [chunk(1)],
    [failure(1)],
    [failure(1), failure(2), chunk(3), failure(4)],
    [chunk(1), failure(2), chunk(3, { temporaries: [".sluice-x"] }), chunk(4, { problems })],
    [
      chunk(1, { last: false, fingerprints: null }),
      chunk(1, { index: 1, data: new Uint8Array(0), fingerprints: null }),
      chunk(2, { path: "", fingerprints: { content: null, complete: "d".repeat(32) } }),
      chunk(3, { fingerprints: { content: "c".repeat(32), complete: null } }),
    ],
  ];
  for (const listed of cases) {
    const packed = packListings(structuredClone(listed));
    assert.deepEqual(unpackListings(structuredClone(packed)), listed);
  }
});

Deno.test("a listing that is a part of a larger piece of memory is stored as that part", () => {
  using database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE listing (data BLOB)");
  const [, second] = unpackListings(packListings([chunk(1), chunk(7)])) as ListedChunk[];
  database.prepare("INSERT INTO listing VALUES (?)").run(second!.data);
  const row = database.prepare("SELECT data FROM listing").get()!;
  assert.deepEqual([...row.data as Uint8Array], [7, 8, 9]);
});
