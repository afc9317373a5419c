/**
 * How fast a lane carries small files: read, hashed, written, durable and named, without a scan, a
 * database or a log.
 *
 * Run it with `deno bench -A bench/lane_bench.ts`. An iteration carries 5,000 files of 4 KiB, 500 in
 * a directory, in a temporary directory (put that in memory with TMPDIR=/dev/shm): one by one, in
 * parcels, and in parcels into directories that are made with them.
 */
import type { Backend } from "../src/backend/backend.ts";
import { openBackend } from "../src/backend/open.ts";
import { temporaryNames } from "../src/backend/temporary.ts";
import type { Job, JobFile } from "../src/job.ts";
import { systemClock } from "../src/lib/clock.ts";
import { Gate, gateMemory } from "../src/lib/gate.ts";
import { bucketMemory, TokenBucket } from "../src/lib/token_bucket.ts";
import { stampOf } from "../src/stamp.ts";
import { Carrier } from "../src/transfer/carrier.ts";

const DIRECTORIES = 10, FILES_EACH = 500, FILES = DIRECTORIES * FILES_EACH, BYTES = 4096;
const NAME = "a file with a name of usual length";
/** Milliseconds after which a file of this disk cannot change without a new ctime. */
const OLD_ENOUGH = 200;
const temporaryName = temporaryNames("00000000-1-1", 0);

const SETS: Readonly<Record<string, { readonly alone: boolean; readonly whole: boolean }>> = {
  "one by one": { alone: true, whole: false },
  "in parcels": { alone: false, whole: false },
  "in parcels, into directories that are made with them": { alone: false, whole: true },
};

/** Writes the files below `root`. */
function makeTree(root: string): void {
  for (let d = 0; d < DIRECTORIES; d++) {
    Deno.mkdirSync(`${root}/directory ${d}`);
    for (let i = 0; i < FILES_EACH; i++) {
      Deno.writeFileSync(`${root}/directory ${d}/${NAME} ${i}`, new Uint8Array(BYTES).fill(i));
    }
  }
}

/** A job for each directory, as a scan gives it out. */
async function jobsOf(source: Backend): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let d = 0; d < DIRECTORIES; d++) {
    const path = `directory ${d}`, directory = d + 2, listed = Date.now();
    const files: JobFile[] = [];
    for await (const { entries } of source.list(path)) {
      for (const entry of entries) {
        const { name, kind, size } = entry;
        files.push({ name, kind, size, reason: "not at the destination", scanned: stampOf(entry) });
      }
    }
    const missing = [{ directory, path }];
    jobs.push({ directory, path, missing, listed, last: true, whole: null, files });
  }
  return jobs;
}

for (const [name, { alone, whole }] of Object.entries(SETS)) {
  Deno.bench(
    { name: `${FILES} files, ${name}`, group: "lane", n: 10, warmup: 2 },
    async (bench) => {
      const folder = await Deno.makeTempDir();
      try {
        for (const side of ["source", "destination"]) Deno.mkdirSync(`${folder}/${side}`);
        makeTree(`${folder}/source`);
        // a file that has just been changed is waited for, one by one
        await new Promise((resolve) => setTimeout(resolve, OLD_ENOUGH));
        const open = (side: string) => openBackend(`${folder}/${side}`, { temporaryName });
        await using source = await open("source");
        await using destination = await open("destination");
        const jobs = await jobsOf(source);
        const identities = {
          source: await source.identify(),
          destination: await destination.identify(),
        };
        const clock = systemClock();
        const unlimited = new TokenBucket(bucketMemory(), clock);
        let succeeded = 0;
        const carrier = new Carrier({
          source,
          destination,
          identities,
          lanes: 1,
          slots: 2,
          blockSize: 1_048_576,
          algorithm: "sha256",
          // with an attribute to keep, small files take the way of large ones
          preserve: alone ? ["mode"] : [],
          links: "kept",
          buckets: { read: unlimited, write: unlimited },
          gate: new Gate(gateMemory(), clock),
          clock,
          signal: new AbortController().signal,
          settled({ outcomes, parcels }) {
            const files = outcomes.filter(({ kind, status }) =>
              kind === "file" && status === "success"
            );
            succeeded += files.length;
            for (const { files } of parcels) succeeded += files;
          },
          hungry() {},
        });
        bench.start();
        carrier.add(whole ? jobs.map((job) => ({ ...job, whole: 1 })) : jobs);
        carrier.close();
        await carrier.run();
        bench.end();
        if (succeeded !== FILES) throw new Error(`${succeeded} files of ${FILES} were carried`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}
