import assert from "node:assert/strict";
import { join } from "node:path";
import type { Backend } from "../../src/backend/backend.ts";
import { SyncError } from "../../src/errors.ts";
import { directoryMade, type Outcome } from "../../src/job.ts";
import { PROGRESS } from "../../src/parcel.ts";
import { joinTime } from "../../src/stamp.ts";
import { LOCAL, SHARE } from "../testing/open_disk.ts";
import { ALL, groupAt, HIDDEN, NAMES, Place } from "./new_directories.ts";

const ignore = Deno.build.os !== "linux";

const TIMES = { mtime: -3, mtimeNanos: 999_999_999, atime: 2 ** 33, atimeNanos: 7 };

for (const [kind, way] of Object.entries({ "a disk": LOCAL, "a share": SHARE })) {
  for (const other of ["file", "link"]) {
    Deno.test({
      name: `${kind}: a new directory says that a ${other} is where it must be`,
      ignore,
      async fn() {
        await using place = await Place.make(way);
        const made = await place.destination.small!.make!("d");
        const at = join(place.path, "to", "d");
        if (other === "file") Deno.writeTextFileSync(at, "");
        else Deno.symlinkSync("/", at);
        await assert.rejects(made.name(), {
          code: "ENOTDIR",
          message: "the destination has something else where this directory must be",
        });
        await made.discard();
        made[Symbol.dispose]();
        const left = [...Deno.readDirSync(join(place.path, "to"))].map(({ name }) => name);
        assert.deepEqual(left, ["d"]);
      },
    });
  }
  for (const meanwhile of [false, true]) {
    Deno.test({
      name: `${kind}: a new directory ${
        meanwhile ? "that somebody has made meanwhile does not get" : "gets"
      } its times with its name`,
      ignore,
      async fn() {
        await using place = await Place.make(way);
        const { destination, parcel } = place;
        const made = await destination.small!.make!("d");
        using held = made.hold();
        await held.write(parcel);
        const times = { ...parcel.stamp(0), ...TIMES };
        made.setTimes!(times);
        assert.equal(made.times, null);
        if (meanwhile) Deno.mkdirSync(join(place.path, "to", "d"));
        if (made.nameAtOnce !== undefined) assert.equal(made.nameAtOnce(), !meanwhile);
        if (!made.named) await made.name();
        await held.commit(parcel);
        held[Symbol.dispose]();
        await made.discard();
        made[Symbol.dispose]();
        assert.deepEqual(place.names, ALL);
        const { mtime, atime } = (await destination.look("d"))!;
        const isTimed = mtime === -2_000_000_001n && atime === 8_589_934_592_000_000_007n;
        assert.equal(isTimed, !meanwhile);
        assert.deepEqual(made.times, meanwhile ? null : times);
        // with its name it has those that it has
        made.setTimes!({ ...times, mtime: 0 });
        assert.deepEqual(made.times, meanwhile ? null : times);
      },
    });
  }

  Deno.test({
    name: `${kind}: a new directory whose times are refused has its name without them`,
    ignore,
    async fn() {
      await using place = await Place.make(way, (libc) => {
        const utimensat = () => -1;
        return {
          ...libc,
          now: { ...libc.now, utimensat },
          pooled: { ...libc.pooled, utimensat },
        };
      });
      const { destination, parcel } = place;
      const made = await destination.small!.make!("d");
      using held = made.hold();
      await held.write(parcel);
      made.setTimes!({ ...parcel.stamp(0), ...TIMES });
      await made.name();
      await held.commit(parcel);
      assert.deepEqual([made.named, made.times, place.names], [true, null, ALL]);
      made[Symbol.dispose]();
    },
  });

  Deno.test({
    name: `${kind}: a parcel of a directory that is made with it has that of the source's`,
    ignore,
    async fn() {
      await using place = await Place.make(way);
      const { mtime, mtimeNanos } = place.parcel.above!;
      const there = (await place.source.look("d"))!;
      assert.equal(joinTime(mtime, mtimeNanos), there.mtime);
    },
  });

  Deno.test({
    name:
      `${kind}: a new directory has its name only when its files are in it, and they theirs at once`,
    ignore,
    async fn() {
      await using place = await Place.make(way);
      const { destination, parcel } = place;
      const made = await destination.small!.make!("d");
      {
        using held = made.hold();
        await held.write(parcel);
        assert.ok(parcel.progress.every((progress) => progress === PROGRESS.written));
        assert.deepEqual(place.names, HIDDEN);
        assert.equal(made.named, false);
        await made.name();
        assert.equal(made.named, true);
        assert.deepEqual(place.names, ALL);
        await held.commit(parcel);
      }
      await made.discard();
      made[Symbol.dispose]();
      assert.ok(parcel.progress.every((progress) => progress === PROGRESS.committed));
      for (const name of NAMES) {
        assert.equal(place.content(name), `content of ${name}`);
        const [from, to] = await Promise.all(
          [place.source, destination].map((backend) => backend.look(`d/${name}`)),
        );
        assert.equal(to!.mtime, from!.mtime);
      }
      assert.deepEqual(place.names, ALL);
    },
  });

  Deno.test({
    name:
      `${kind}: the files of a new directory go into one that somebody has made meanwhile, and replace`,
    ignore,
    async fn() {
      await using place = await Place.make(way);
      const { destination, parcel } = place;
      const made = await destination.small!.make!("d");
      using held = made.hold();
      await held.write(parcel);
      Deno.mkdirSync(join(place.path, "to", "d"));
      Deno.writeTextFileSync(join(place.path, "to", "d", "a"), "somebody's, older");
      Deno.writeTextFileSync(join(place.path, "to", "d", "other"), "somebody's");
      await made.name();
      await held.commit(parcel);
      held[Symbol.dispose]();
      await made.discard();
      made[Symbol.dispose]();
      assert.deepEqual(place.names, [...ALL, "d/other"].sort());
      for (const name of NAMES) assert.equal(place.content(name), `content of ${name}`);
      assert.equal(place.content("other"), "somebody's");
    },
  });

  Deno.test({
    name: `${kind}: a new directory that is not wanted any more leaves nothing`,
    ignore,
    async fn() {
      await using place = await Place.make(way);
      const made = await place.destination.small!.make!("d");
      using held = made.hold();
      await held.write(place.parcel);
      await held.discard(place.parcel);
      await made.discard();
      made[Symbol.dispose]();
      held[Symbol.dispose]();
      assert.deepEqual(place.names, []);
    },
  });

  Deno.test({
    name: `${kind}: a new directory is refused where a file has its name, and its files with it`,
    ignore,
    async fn() {
      await using place = await Place.make(way);
      const { destination, parcel, job } = place;
      Deno.writeTextFileSync(join(place.path, "to", "d"), "a file");
      const settled: Outcome[] = [];
      const group = groupAt(destination, (one) => settled.push(...one.outcomes));
      group.begin(job, NAMES.length + 1);
      const made = await destination.small!.make!("d");
      const staged = group.stageDirectory(job, made, directoryMade(2, "d"));
      const held = made.hold();
      await held.write(parcel);
      await group.stageParcel(parcel, held, staged);
      await group.drain();
      assert.ok(staged.failed instanceof SyncError);
      assert.equal(settled.length, NAMES.length + 1);
      assert.ok(settled.every(({ status, error }) => status === "failure" && error !== null));
      assert.deepEqual(place.names, ["d"]);
      assert.equal(Deno.readTextFileSync(join(place.path, "to", "d")), "a file");
    },
  });
}

Deno.test({
  name:
    "Group flushes what is in a new directory before it gets its name, and tells after its name",
  ignore,
  async fn() {
    await using place = await Place.make();
    const { destination, parcel, job } = place;
    const log: string[] = [];
    const watched: Backend = Object.assign(Object.create(destination), {
      capabilities: destination.capabilities,
      flush: () => {
        log.push(`flush of ${place.names.includes("d") ? "the name" : "the content"}`);
        return Promise.resolve();
      },
    });
    const group = groupAt(watched, ({ outcomes, parcels }) => {
      for (const { path, kind } of outcomes) log.push(`told: ${kind} ${path}`);
      for (const { files } of parcels) log.push(`told: ${files} files`);
    });
    group.begin(job, NAMES.length + 1);
    const made = await destination.small!.make!("d");
    const staged = group.stageDirectory(job, made, directoryMade(2, "d"));
    const held = made.hold();
    held.write(parcel);
    group.stageParcel(parcel, held, staged);
    const flushing = group.flush();
    // what comes now is not part of that flush, so it must not get its name by it
    assert.equal(made.open, false);
    await flushing;
    assert.deepEqual(log, ["flush of the content"]);
    assert.deepEqual(place.names, ALL);
    await group.drain();
    assert.deepEqual(log, [
      "flush of the content",
      "flush of the name",
      "told: directory d",
      `told: ${NAMES.length} files`,
    ]);
  },
});
