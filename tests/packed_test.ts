import assert from "node:assert/strict";
import type { Entry } from "../src/entry.ts";
import { directoryMade, type Job } from "../src/job.ts";
import { packJobs, packOutcomes, unpackJobs, unpackOutcomes } from "../src/packed.ts";
import { Parcel, PROGRESS } from "../src/parcel.ts";
import { CopiedRecords } from "../src/report/copied_records.ts";
import { stampOf } from "../src/stamp.ts";
import { jobOf } from "./transfer/parts.ts";

const ENTRY: Entry = {
  name: "d",
  kind: "directory",
  size: 0,
  mtime: 0n,
  ctime: 0n,
  atime: 0n,
  birthtime: null,
  device: 1n,
  inode: 1n,
  links: 2,
  uid: 0,
  gid: 0,
  mode: 0o755,
  target: "",
};

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
  const parcels = [1, 2].map((files) => {
    const job = jobOf("d", ["n", "m\u00e9"].slice(0, files));
    const data = new Uint8Array(0), sized = job.files.map((file) => ({ ...file, size: 2 ** 40 }));
    const parcel = new Parcel(job, sized, { data, release() {}, began: 0 });
    parcel.progress.fill(PROGRESS.committed);
    for (const _ of sized) parcel.hashes.push("ab");
    return { parcel, files, bytes: 2 ** 40 * files };
  });
  const stamp = stampOf({ ...ENTRY, mtime: -1n });
  const timed = [7, 8].map((id) => ({ ...directoryMade(id, `t${id}`), stamp }));
  const outcomes = [failed, made[0]!, timed[0]!, removed, made[1]!, timed[1]!];
  const context = { source: "/from", destination: "/to", algorithm: "sha256" };
  const records = new CopiedRecords(context), expected = new CopiedRecords(context);
  timed.forEach((outcome) => expected.add(outcome));
  parcels.forEach(({ parcel }) => expected.addParcel(parcel));
  const packed = packOutcomes({ parcels, outcomes }, records);
  const { mtime, mtimeNanos } = stamp;
  assert.deepEqual(unpackOutcomes(structuredClone(packed)), {
    timed: [7, 8].map((directory) => ({ directory, mtime, mtimeNanos })),
    parcels: [1, 2].map((files) => ({
      directory: parcels[files - 1]!.parcel.job.directory,
      action: "copy",
      files,
      bytes: 2 ** 40 * files,
      names: "n\0m\u00e9\0".slice(0, 2 * files + files - 1),
      hashes: "ab".repeat(files),
    })),
    records: expected.take(),
    outcomes: [...made, failed, removed],
  });
});
