import assert from "node:assert/strict";
import type { FileWriter, HeldParcels } from "../../src/backend/backend.ts";
import { failure } from "../../src/backend/failures.ts";
import { SyncError } from "../../src/errors.ts";
import { Parcel, PROGRESS } from "../../src/parcel.ts";
import { Group } from "../../src/transfer/group.ts";
import type { Settled } from "../../src/transfer/staged.ts";
import { outcomeInParcel } from "../../src/transfer/parcel_writer.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { jobOf, memory } from "./parts.ts";

const job = jobOf("d", ["a", "b", "c"]);

/** A group where each file is durable by itself, and a parcel of three written files. */
function parts(options: { refused?: string; gone?: SyncError } = {}) {
  const log: string[] = [];
  const settled: Settled[] = [];
  const group = new Group({
    destination: memory({}, { durability: "file" }),
    clock: new FakeClock(),
    outcomeOf: outcomeInParcel,
    checkRoots: () => options.gone === undefined ? undefined : Promise.reject(options.gone),
    settled: (one) => settled.push(one),
  });
  const parcel = new Parcel(job, job.files, { data: new Uint8Array(64), release() {}, began: 0 });
  parcel.progress.fill(PROGRESS.written);
  parcel.hashes.push("1", "2", "3");
  const directory: HeldParcels = {
    read: () => undefined,
    write: () => undefined,
    // deno-lint-ignore require-await
    async commit({ files, progress }) {
      log.push("commit");
      files.forEach(({ name }, i) => {
        if (name !== options.refused) progress[i] = PROGRESS.committed;
      });
    },
    discard: () => Promise.resolve(void log.push("discard")),
    writer: (path) => ({
      path,
      commit: () => Promise.reject(failure("EISDIR", "rename", path)),
      abort: () => Promise.resolve(void log.push(`abort ${path}`)),
    } as unknown as FileWriter),
    [Symbol.dispose]: () => void log.push("let go"),
  };
  group.begin(job, job.files.length);
  return { group, parcel, directory, log, settled };
}

Deno.test("Group gives a parcel its names at once where each file is durable by itself", async () => {
  const { group, parcel, directory, log, settled } = parts();
  await group.stageParcel(parcel, directory);
  assert.deepEqual(log, ["commit", "let go"]);
  await group.drain();
  assert.deepEqual(settled.map(({ parcels, jobs }) => [parcels[0]!.files, jobs]), [[3, [job]]]);
});

Deno.test("Group fails the one file of a parcel that cannot be given its name, and no other", async () => {
  const { group, parcel, directory, log, settled } = parts({ refused: "b" });
  await group.stageParcel(parcel, directory);
  assert.deepEqual(log, ["commit", "abort d/b", "let go"]);
  await group.drain();
  const [{ parcels, outcomes }] = settled as [Settled];
  assert.equal(parcels[0]!.files, 2);
  assert.deepEqual(outcomes.map(({ path, status }) => [path, status]), [["d/b", "failure"]]);
});

Deno.test("Group gives a parcel no names when a root is gone, and leaves nothing of it", async () => {
  const gone = new SyncError("EROOT", "the destination is gone", { scope: "run" });
  const { group, parcel, directory, log } = parts({ gone });
  await assert.rejects(group.stageParcel(parcel, directory)!, gone);
  assert.deepEqual(log, ["discard", "let go"]);
});
