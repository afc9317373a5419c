import assert from "node:assert/strict";
import type { Job } from "../src/job.ts";
import { packJob, unpackJob } from "../src/packed.ts";
import { jobOf } from "./transfer/parts.ts";

Deno.test("unpackJob gives back the job that packJob packed", () => {
  const jobs: Job[] = [
    jobOf("", ["a", "b"]),
    { ...jobOf("d/e\udcff/f", ["a"]), listed: 5, last: false, whole: 7 },
    {
      ...jobOf("d/e\udcff/f", []),
      missing: [{ directory: 9, path: "d/e\udcff" }, { directory: 4, path: "d/e\udcff/f" }],
    },
    { ...jobOf("d", ["x"]), missing: [{ directory: 2, path: "d" }] },
  ];
  for (const job of jobs) assert.deepEqual(unpackJob(structuredClone(packJob(job))), job);
});
