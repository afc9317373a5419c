import assert from "node:assert/strict";
import fc from "fast-check";
import { directoryMade } from "../../src/job.ts";
import { REASONS } from "../../src/operation.ts";
import { Parcel, PARCEL_FILES, PROGRESS } from "../../src/parcel.ts";
import { CopiedRecords } from "../../src/report/copied_records.ts";
import { operationRecords } from "../../src/report/operation_record.ts";
import { outcomeInParcel } from "../../src/transfer/parcel_writer.ts";
import { numRuns } from "../testing/trees.ts";
import { jobOf } from "../transfer/parts.ts";

const decoder = new TextDecoder();

/** Seconds around the epoch, today, and around the first and the last year of four digits. */
const seconds = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer({ min: 1_795_000_000, max: 1_795_000_003 }),
  fc.constantFrom(-62_167_219_201, -62_167_219_200, 253_402_300_799, 253_402_300_800, 2 ** 52),
);
const nanos = fc.oneof(fc.constantFrom(0, 999_999_999), fc.nat({ max: 999_999_999 }));
const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    '"',
    "\\",
    "\n",
    "\x7f",
    "a".repeat(255),
    "\x01".repeat(255),
    "\u20ac".repeat(85),
  ),
).filter((name) => name.isWellFormed());
const file = fc.record({
  name,
  size: fc.nat({ max: 65_536 }),
  done: fc.boolean(),
  hash: fc.constantFrom("0f".repeat(32), "a9".repeat(16), "12".repeat(32)),
  stamp: fc.record({
    mtime: seconds,
    mtimeNanos: nanos,
    ctime: seconds,
    ctimeNanos: nanos,
    atime: seconds,
    atimeNanos: nanos,
    birthtime: fc.constant(null),
    birthtimeNanos: fc.constant(0),
    mode: fc.constantFrom(0, 0o644, 0o7777),
    uid: fc.constantFrom(0, 2 ** 32 - 1),
    gid: fc.constantFrom(0, 100),
  }),
});
const parcel = fc.record({
  path: fc.constantFrom("", "d", 'd/"e"/\u00e9\n'),
  reason: fc.constantFrom(...REASONS),
  files: fc.array(file, { minLength: 1, maxLength: PARCEL_FILES }),
  duration: fc.double({ min: 0, max: 1e6, noNaN: true }),
});

Deno.test("CopiedRecords makes for a directory and for each committed file what operationRecords makes of its outcome", () => {
  const roots = fc.constantFrom("/", "/a", '/with "quotes"/\u00fc');
  fc.assert(
    fc.property(roots, roots, fc.array(parcel, { maxLength: 4 }), (source, destination, told) => {
      const context = { source, destination, algorithm: "sha256" };
      const records = new CopiedRecords(context), record = operationRecords(context);
      for (const { path, reason, files, duration } of told) {
        const job = jobOf(path, files.map(({ name }) => name));
        const parcel = new Parcel(
          job,
          job.files.map((one, i) => ({ ...one, size: files[i]!.size, reason })),
          { data: new Uint8Array(0), release() {}, began: 0 },
        );
        parcel.duration = duration;
        const expected = files.flatMap(({ done, hash, stamp }, i) => {
          parcel.progress[i] = done ? PROGRESS.committed : PROGRESS.alone;
          parcel.hashes.push(hash);
          parcel.setStamp(i, stamp);
          return done ? [`${record(outcomeInParcel(parcel, i))}\n`] : [];
        });
        // what is gathered comes in the order in which it was added
        const made = { ...directoryMade(1, path), duration, stamp: files[0]!.stamp };
        records.add(made);
        records.addParcel(parcel);
        const lines = `${record(made)}\n${expected.join("")}`;
        assert.equal(decoder.decode(records.take()), lines);
      }
    }),
    numRuns(300),
  );
});
