import assert from "node:assert/strict";
import { directoryMade, type Job } from "../src/job.ts";
import {
  type PackedFiles,
  packJobs,
  packOutcomes,
  unpackJobs,
  unpackOutcomes,
} from "../src/packed.ts";
import { jobOf } from "./transfer/parts.ts";

Deno.test("unpackJobs gives back the jobs that packJobs packed", () => {
  const jobs: Job[] = [
    jobOf("", ["a", "b"]),
    { ...jobOf("d/e\udcff/f", ["a"]), listed: 5, last: false, whole: 7 },
    {
      ...jobOf("d/e\udcff/f", []),
      missing: [{ directory: 9, path: "d/e\udcff" }, { directory: 4, path: "d/e\udcff/f" }],
    },
    { ...jobOf("d", ["x"]), missing: [{ directory: 2, path: "d" }] },
  ];
  assert.deepEqual(unpackJobs(structuredClone(packJobs(jobs))), jobs);
  assert.deepEqual(unpackJobs(packJobs([])), []);
});

Deno.test("unpackOutcomes gives back what packOutcomes packed, directories that were made first", () => {
  const made = [directoryMade(3, "d"), directoryMade(4, "d/e\udcff")];
  const failed = { ...directoryMade(5, "x"), status: "failure", detail: "full" } as const;
  const removed = { ...directoryMade(6, "d/f"), name: "f", action: "delete" } as const;
  const parcels = [1, 2].map((files): PackedFiles => ({
    directory: files,
    action: "overwrite",
    files,
    bytes: 2 ** 40 + files,
    names: "n\0".repeat(files),
    hashes: "ab".repeat(files),
    records: new TextEncoder().encode('"a":"\u00e9"\n'.repeat(files)),
  }));
  const outcomes = [failed, made[0]!, removed, made[1]!];
  const packed = packOutcomes(structuredClone({ parcels, outcomes }));
  assert.deepEqual(unpackOutcomes(structuredClone(packed)), {
    parcels,
    outcomes: [...made, failed, removed],
  });
});
