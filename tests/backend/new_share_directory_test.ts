import assert from "node:assert/strict";
import { join } from "node:path";
import { Directories } from "../../src/backend/posix/directories.ts";
import { AT, type Libc, loadLibc, O } from "../../src/backend/posix/libc.ts";
import { makeShareDirectory } from "../../src/backend/posix/new_share_directory.ts";
import type { ShareSmallFiles } from "../../src/backend/posix/small_shares.ts";
import { SyncError } from "../../src/errors.ts";
import { directoryMade } from "../../src/job.ts";
import { PROGRESS } from "../../src/parcel.ts";
import type { Settled } from "../../src/transfer/staged.ts";
import { SHARE } from "../testing/open_disk.ts";
import { ALL, groupAt, HIDDEN, NAMES, Place } from "./new_directories.ts";

const ignore = Deno.build.os !== "linux";

/** A new directory where a rename cannot be told to replace nothing, as on NFS and sshfs. */
async function makeReplacing(place: Place) {
  const libc = loadLibc(), root = new TextEncoder().encode(`${join(place.path, "to")}\0`);
  const fd = libc.now.openat(AT.FDCWD, root, O.PATH | O.DIRECTORY, 0) as number;
  const directories = new Directories(libc.pooled, libc.now, fd);
  const small = place.destination.small as ShareSmallFiles;
  const temporaryName = () => ".sluice-0-0-0-new.part";
  const options = { libc, directories, temporaryName, noReplace: false };
  return {
    made: await makeShareDirectory("d", small, options),
    [Symbol.dispose]() {
      directories.close();
      libc.now.close(fd);
      libc[Symbol.dispose]();
    },
  };
}

const MEANWHILE: Record<string, { make: (path: string) => void; left: string[] }> = {
  "nothing": { make() {}, left: ALL },
  "an empty directory": { make: (path) => Deno.mkdirSync(path), left: ALL },
  "a directory with a file": {
    make(path) {
      Deno.mkdirSync(path);
      Deno.writeTextFileSync(join(path, "other"), "somebody's");
    },
    left: [...ALL, "d/other"].sort(),
  },
};

for (const [what, { make, left }] of Object.entries(MEANWHILE)) {
  Deno.test({
    name: `a new directory that could replace another gets its name when there is ${what}`,
    ignore,
    async fn() {
      await using place = await Place.make(SHARE);
      using making = await makeReplacing(place);
      const { made } = making;
      {
        using held = made.hold();
        await held.write(place.parcel);
        make(join(place.path, "to", "d"));
        await made.name();
        assert.equal(made.named, true);
        await held.commit(place.parcel);
      }
      await made.discard();
      made[Symbol.dispose]();
      assert.deepEqual(place.names, left);
      for (const name of NAMES) assert.equal(place.content(name), `content of ${name}`);
    },
  });
}

Deno.test({
  name: "a new directory that could replace another leaves a file of its name alone",
  ignore,
  async fn() {
    await using place = await Place.make(SHARE);
    using making = await makeReplacing(place);
    const { made } = making;
    using held = made.hold();
    await held.write(place.parcel);
    Deno.writeTextFileSync(join(place.path, "to", "d"), "a file");
    await assert.rejects(made.name(), { code: "ENOTDIR" });
    await held.discard(place.parcel);
    await made.discard();
    made[Symbol.dispose]();
    assert.deepEqual(place.names, ["d"]);
  },
});

/** Something that happens to the program that writes files, before or after it ran. */
function aroundWriting(work: (run: () => Promise<void>, bytes: Uint8Array) => Promise<void>) {
  return (libc: Libc): Libc => ({
    ...libc,
    runProgramPooled: (bytes, count) => work(() => libc.runProgramPooled(bytes, count), bytes),
  });
}

Deno.test({
  name: "a new directory gets no name while a call in it has not returned, and keeps its handle",
  ignore,
  async fn() {
    const hanging = Promise.withResolvers<void>();
    const change = aroundWriting(async (run) => {
      await hanging.promise;
      await run();
    });
    await using place = await Place.make(SHARE, change);
    const { destination, parcel } = place;
    const settled: Settled[] = [];
    const group = groupAt(destination, (one) => settled.push(one));
    group.begin(place.job, NAMES.length + 1);
    const made = await destination.small!.make!("d");
    group.stageDirectory(place.job, made, directoryMade(2, "d"));
    const held = made.hold();
    const writing = held.write(parcel);
    // whoever waited has given up on the call, and the run ends
    held[Symbol.dispose]();
    await assert.rejects(group.drain(), (error: SyncError) => error.scope === "run");
    assert.deepEqual(place.names, ["?"]);
    assert.deepEqual(settled, []);
    hanging.resolve();
    await writing;
    assert.deepEqual(place.names, HIDDEN);
  },
});

/** The result of a call in the table of a program, and where that of the second file's write is. */
const RESULT = 14, WORDS = 16, SECOND_WRITE = 5 + 1, EIO = -5;

Deno.test({
  name: "only whole files leave a new directory when it is not known what is in it",
  ignore,
  async fn() {
    let failing = true;
    const spoil = aroundWriting(async (run, bytes) => {
      await run();
      if (!failing) return;
      new Int32Array(bytes.buffer)[SECOND_WRITE * WORDS + RESULT] = EIO;
    });
    const change = (libc: Libc): Libc => ({
      ...spoil(libc),
      // and what was written cannot be removed either
      pooled: {
        ...libc.pooled,
        unlinkat: (fd, name, flags) => failing ? EIO : libc.pooled.unlinkat(fd, name, flags),
      },
    });
    await using place = await Place.make(SHARE, change);
    const { destination, parcel } = place;
    const made = await destination.small!.make!("d");
    using held = made.hold();
    await held.write(parcel);
    failing = false;
    const { read, written, committed } = PROGRESS;
    assert.deepEqual([...parcel.progress], [written, read, written, written]);
    await made.name();
    await held.commit(parcel);
    assert.deepEqual([...parcel.progress], [committed, read, committed, committed]);
    await made.discard();
    made[Symbol.dispose]();
    // the doubtful file stays behind in a directory with a temporary name
    assert.deepEqual(place.names, ["?", `?/${NAMES[1]}`, ...ALL.filter((name) => name !== "d/b")]);
  },
});

Deno.test({
  name: "Group names a new directory when all of it is there, and tells then, without a flush",
  ignore,
  async fn() {
    await using place = await Place.make(SHARE);
    const { destination, parcel, job } = place;
    const told: string[] = [];
    const group = groupAt(destination, ({ outcomes, parcels }) => {
      for (const { kind, path } of outcomes) told.push(`${kind} ${path}`);
      for (const { files } of parcels) told.push(`${files} files`);
    });
    group.begin(job, NAMES.length + 1);
    const made = await destination.small!.make!("d");
    const staged = group.stageDirectory(job, made, directoryMade(2, "d"));
    const held = made.hold();
    await held.write(parcel);
    await group.stageParcel(parcel, held, staged);
    await group.flush();
    assert.deepEqual([told, place.names], [[], HIDDEN]);
    assert.equal(made.open, true);
    await group.complete(staged);
    assert.deepEqual(place.names, ALL);
    assert.equal(group.complete(staged), undefined);
    await group.drain();
    assert.deepEqual(told, ["directory d", `${NAMES.length} files`]);
  },
});

Deno.test({
  name: "Group gives what is in a new directory its names when a run ends before it is complete",
  ignore,
  async fn() {
    await using place = await Place.make(SHARE);
    const { destination, parcel, job } = place;
    const group = groupAt(destination, () => {});
    group.begin(job, NAMES.length + 2);
    const made = await destination.small!.make!("d");
    const staged = group.stageDirectory(job, made, directoryMade(2, "d"));
    const held = made.hold();
    await held.write(parcel);
    await group.stageParcel(parcel, held, staged);
    await group.drain();
    assert.deepEqual(place.names, ALL);
    assert.equal(made.open, false);
  },
});

Deno.test({
  name: "Group leaves nothing of a new directory when the root of a side is gone",
  ignore,
  async fn() {
    await using place = await Place.make(SHARE);
    const { destination, parcel, job } = place;
    const gone = new SyncError("EROOT", "the destination is gone", { scope: "run" });
    const group = groupAt(destination, () => {}, () => Promise.reject(gone));
    group.begin(job, NAMES.length + 1);
    const made = await destination.small!.make!("d");
    const staged = group.stageDirectory(job, made, directoryMade(2, "d"));
    const held = made.hold();
    await held.write(parcel);
    await group.stageParcel(parcel, held, staged);
    await assert.rejects(group.drain(), gone);
    assert.deepEqual(place.names, []);
  },
});
