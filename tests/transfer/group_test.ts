import assert from "node:assert/strict";
import type { FileWriter } from "../../src/backend/backend.ts";
import { failure } from "../../src/backend/failures.ts";
import type { Job, Outcome } from "../../src/job.ts";
import { Group } from "../../src/transfer/group.ts";
import { outcomeInParcel } from "../../src/transfer/parcel_writer.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { withFaults } from "../testing/faulty_backend.ts";
import { jobOf, memory } from "./parts.ts";

const MOST_FILES = 1024, LONGEST_WAIT = 500;

/** A group at a destination that writes down in which order things happen. */
function parts(durability: "file" | "group", failing: Record<string, string> = {}) {
  const log: string[] = [];
  const clock = new FakeClock();
  let flushes = 0;
  const destination = withFaults(memory({}, { durability }), [{
    call: "flush",
    act() {
      flushes += 1;
      if (failing[`flush ${flushes}`]) throw failure(failing[`flush ${flushes}`]!, "flush", "");
      log.push("flush");
    },
  }]);
  const group = new Group({
    checkRoots: () => undefined,
    destination,
    clock,
    outcomeOf: outcomeInParcel,
    settled: ({ outcomes, jobs }) => {
      for (const { path, status } of outcomes) log.push(`settled ${path} ${status}`);
      for (const { path } of jobs) log.push(`job ${path} over`);
    },
  });
  const writer = (path: string): FileWriter => ({
    path,
    temporary: `${path}.part`,
    extend: async () => {},
    write: () => Promise.resolve(),
    finish: () => Promise.resolve(),
    commit: async () => {
      await Promise.resolve();
      if (failing[path]) throw failure(failing[path]!, "rename", path);
      log.push(`commit ${path}`);
    },
    abort: () => Promise.resolve(void log.push(`abort ${path}`)),
  });
  const stage = (job: Job, path: string) => group.stage(job, writer(path), outcome(path));
  return { log, clock, group, stage };
}

function outcome(path: string, changes: Partial<Outcome> = {}): Outcome {
  return {
    directory: 1,
    name: path,
    path,
    kind: "file",
    action: "copy",
    reason: "not at the destination",
    status: "success",
    size: 1,
    hash: "h",
    stamp: null,
    expected: 1,
    duration: 0,
    error: null,
    ...changes,
  };
}

const two = jobOf("two", ["a", "b"]);

Deno.test("Group names a file when its content is durable, and tells when its name is", async () => {
  const { log, group, stage } = parts("group");
  group.begin(two, 2);
  stage(two, "a");
  stage(two, "b");
  assert.deepEqual(log, []);
  await group.flush();
  assert.deepEqual(log, ["flush", "commit a", "commit b"]);
  await group.flush();
  assert.deepEqual(log.slice(3), [
    "flush",
    "settled a success",
    "settled b success",
    "job two over",
  ]);
});

Deno.test("Group names a file at once where each is durable by itself", async () => {
  const { log, group, stage } = parts("file");
  group.begin(two, 2);
  await stage(two, "a");
  assert.deepEqual(log, ["commit a"]);
  await stage(two, "b");
  await group.drain();
  assert.deepEqual(log, [
    "commit a",
    "commit b",
    "settled a success",
    "settled b success",
    "job two over",
  ]);
});

Deno.test("Group flushes when it is full or its first file has waited long", async () => {
  const { log, clock, group, stage } = parts("group");
  const job = jobOf("many", []);
  group.begin(job, 10_000);
  assert.equal(group.pace(), undefined);
  for (let i = 0; i < MOST_FILES - 1; i++) stage(job, `f${i}`);
  assert.equal(group.pace(), undefined);
  stage(job, "last");
  await group.pace();
  assert.equal(log.filter((line) => line === "flush").length, 1);
  assert.equal(log.filter((line) => line.startsWith("commit")).length, MOST_FILES);
  // what has its name already does not count
  stage(job, "one more");
  assert.equal(group.pace(), undefined);
  await group.drain();

  stage(job, "lonely");
  await clock.advance(LONGEST_WAIT - 1);
  assert.equal(group.pace(), undefined);
  await clock.advance(1);
  await group.pace();
  assert.equal(log.at(-1), "commit lonely");
});

Deno.test("Group.drain lets everything go", async () => {
  const { log, group, stage } = parts("group");
  group.begin(two, 2);
  stage(two, "a");
  group.failed(two, outcome("b", { status: "failure" }));
  await group.drain();
  assert.deepEqual(log, [
    "flush",
    "commit a",
    "settled b failure",
    "flush",
    "settled a success",
    "job two over",
  ]);
});

Deno.test("Group ends a job that has no outcomes", async () => {
  const { log, group } = parts("group");
  group.begin(jobOf("none", []), 0);
  await group.drain();
  assert.deepEqual(log, ["job none over"]);
});

Deno.test("Group fails a file that cannot be given its name, and no other", async () => {
  const { log, group, stage } = parts("group", { a: "EACCES" });
  group.begin(two, 2);
  stage(two, "a");
  stage(two, "b");
  await group.drain();
  assert.deepEqual(log, [
    "flush",
    "abort a",
    "commit b",
    "settled a failure",
    "flush",
    "settled b success",
    "job two over",
  ]);
});

Deno.test("Group leaves no temporary when a flush or a name stops the run", async () => {
  for (const what of ["flush 1", "a"]) {
    const failing = { [what]: "ENOSPC" };
    const { log, group, stage } = parts("group", failing);
    group.begin(two, 2);
    stage(two, "a");
    stage(two, "b");
    await assert.rejects(group.drain(), { code: "ENOSPC" });
    assert.ok(log.includes("abort a") && log.includes("abort b"), log.join());
    assert.ok(!log.some((line) => line.startsWith("settled") || line.startsWith("commit")));
  }
});

Deno.test("Group tells nothing of a name that a failed flush may not have made durable", async () => {
  const { log, group, stage } = parts("group", { "flush 2": "EIO" });
  group.begin(two, 2);
  stage(two, "a");
  await group.flush();
  await assert.rejects(group.flush(), { code: "EIO" });
  await group.drain();
  assert.deepEqual(log, ["flush", "commit a"]);
});

Deno.test("Group makes whoever flushes meanwhile wait for the same flush", async () => {
  const { log, group, stage } = parts("group");
  group.begin(two, 2);
  stage(two, "a");
  const first = group.flush();
  stage(two, "b");
  await Promise.all([first, group.flush()]);
  assert.deepEqual(log, ["flush", "commit a"]);
});
