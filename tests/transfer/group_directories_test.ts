/** New directories that are made with their files, where one flush serves many files. */
import assert from "node:assert/strict";
import type { HeldParcels, NewDirectory } from "../../src/backend/backend.ts";
import { SyncError } from "../../src/errors.ts";
import { directoryMade, type Job } from "../../src/job.ts";
import { Parcel, PARCEL_FILES, PROGRESS } from "../../src/parcel.ts";
import { Group } from "../../src/transfer/group.ts";
import type { StagedDirectory } from "../../src/transfer/staged.ts";
import { outcomeInParcel } from "../../src/transfer/parcel_writer.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { jobOf, memory } from "./parts.ts";

/** Files and directories of a group, and its longest wait in ms: those of the group. */
const MOST_FILES = 1024, LONGEST_WAIT = 500;

class Made implements NewDirectory {
  open = true;
  named = false;
  readonly #log: string[];
  readonly #path: string;

  constructor(log: string[], path: string) {
    this.#log = log;
    this.#path = path;
  }

  hold(): HeldParcels {
    return {
      read: () => undefined,
      write: () => undefined,
      commit: ({ progress }) => void progress.fill(PROGRESS.committed),
      discard: () => undefined,
      writer: () => assert.fail("nothing is tried alone"),
      [Symbol.dispose]() {},
    };
  }

  seal(): void {
    this.open = false;
  }

  name(): Promise<void> {
    this.named = true;
    this.#log.push(`name ${this.#path}`);
    return Promise.resolve();
  }

  discard(): undefined {
    this.#log.push(`discard ${this.#path}`);
  }

  [Symbol.dispose](): void {}
}

/** A group, and how a directory of so many files begins, and files are put into it. */
function parts({ full }: { full?: SyncError } = {}) {
  const log: string[] = [], clock = new FakeClock();
  const destination = memory({}, { durability: "group" });
  destination.flush = () =>
    full === undefined ? Promise.resolve(void log.push("flush")) : Promise.reject(full);
  const group = new Group({
    destination,
    clock,
    outcomeOf: outcomeInParcel,
    checkRoots: () => undefined,
    settled: ({ parcels, jobs }) => {
      const files = parcels.reduce((sum, parcel) => sum + parcel.files, 0);
      log.push(`settled ${files}`, ...jobs.map(({ path }) => `${path} is over`));
    },
  });
  const begin = (path: string, files: number) => {
    const job = jobOf(path, Array.from({ length: files }, (_, i) => `f${i}`));
    group.begin(job, files + 1);
    const staged = group.stageDirectory(job, new Made(log, path), directoryMade(1, path));
    return { job, staged, left: files };
  };
  const put = (to: { job: Job; staged: StagedDirectory; left: number }, files: number) => {
    for (let left = files; left > 0; left -= PARCEL_FILES) {
      const some = to.job.files.slice(0, Math.min(left, PARCEL_FILES));
      const parcel = new Parcel(to.job, some, { data: new Uint8Array(), release() {}, began: 0 });
      parcel.progress.fill(PROGRESS.written);
      for (const _ of some) parcel.hashes.push("00");
      assert.equal(group.stageParcel(parcel, to.staged.directory.hold(), to.staged), undefined);
    }
    to.left -= files;
    if (to.left === 0) assert.equal(group.complete(to.staged), undefined);
  };
  return { log, clock, group, begin, put };
}

Deno.test("Group that is full names the directories that are complete, and no other", async () => {
  const { log, group, begin, put } = parts();
  const one = begin("one", 1000), two = begin("two", 1000);
  put(one, 1000);
  put(two, 900);
  assert.equal(
    group.pace(),
    undefined,
    "what is in a directory to which more comes does not count",
  );
  put(two, 100);
  const three = begin("three", 100);
  put(three, 50);
  await group.pace();
  assert.deepEqual(log, ["flush", "name one", "name two"]);
  assert.ok(three.staged.directory.open);
  put(three, 50);
  await group.drain();
  assert.deepEqual(log.slice(3), [
    "flush",
    "name three",
    "settled 2000",
    "one is over",
    "two is over",
    "flush",
    "settled 100",
    "three is over",
  ]);
});

Deno.test("Group names a directory that has waited long, and takes what comes to it after that", async () => {
  const { log, clock, group, begin, put } = parts();
  const one = begin("one", 100);
  put(one, 40);
  await clock.advance(LONGEST_WAIT - 1);
  assert.equal(group.pace(), undefined);
  await clock.advance(1);
  await group.pace();
  assert.deepEqual(log, ["flush", "name one"]);
  assert.equal(one.staged.directory.open, false);
  put(one, 60);
  await group.drain();
  assert.equal(log.at(-1), "one is over");
  assert.equal(log.filter((line) => line === "name one").length, 1);
});

Deno.test("Group that has many directories of a file each is full with half as many files", async () => {
  const { log, group, begin, put } = parts();
  for (let i = 1; i < MOST_FILES / 2; i++) put(begin(`d${i}`, 1), 1);
  assert.equal(group.pace(), undefined);
  put(begin("last", 1), 1);
  await group.pace();
  assert.equal(log.filter((line) => line.startsWith("name ")).length, MOST_FILES / 2);
});

Deno.test("Group does not forget a directory that waits when others are flushed", async () => {
  const { log, clock, group, begin, put } = parts();
  const one = begin("one", 100), two = begin("two", MOST_FILES);
  put(one, 40);
  put(two, MOST_FILES);
  await group.pace();
  assert.deepEqual(log, ["flush", "name two"]);
  await clock.advance(LONGEST_WAIT);
  await group.pace();
  assert.equal(log.filter((line) => line === "name one").length, 1);
});

Deno.test("Group whose flush fails discards all directories that have no name", async () => {
  const full = new SyncError("ENOSPC", "the destination is full", { scope: "run" });
  const { log, group, begin, put } = parts({ full });
  const one = begin("one", MOST_FILES), two = begin("two", 100);
  put(one, MOST_FILES);
  put(two, 10);
  await assert.rejects(group.pace()!, full);
  assert.deepEqual(log, ["discard one"]);
  await assert.rejects(group.drain(), full);
  assert.deepEqual(log, ["discard one", "discard two"]);
});
