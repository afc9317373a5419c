import assert from "node:assert/strict";
import { join } from "node:path";
import type { Backend } from "../../src/backend/backend.ts";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import { SyncError } from "../../src/errors.ts";
import { directoryMade, type Job, type JobFile, type Outcome } from "../../src/job.ts";
import { Parcel, PARCEL_BYTES, PROGRESS } from "../../src/parcel.ts";
import { stampOf } from "../../src/stamp.ts";
import { Group, type Settled } from "../../src/transfer/group.ts";
import { outcomeInParcel } from "../../src/transfer/writer.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { scratchDirectory } from "../testing/scratch.ts";

const ignore = Deno.build.os !== "linux";
const NAMES = ["a", "b", "new\nline", "ü"];

/** A source with a directory of files, and an empty destination, on a disk of this machine. */
class Place implements AsyncDisposable {
  readonly job: Job;

  private constructor(
    readonly path: string,
    readonly source: Backend,
    readonly destination: Backend,
    readonly parcel: Parcel,
    readonly close: () => void,
  ) {
    this.job = parcel.job;
  }

  static async make(): Promise<Place> {
    const libc = loadLibc(), path = scratchDirectory();
    Deno.mkdirSync(join(path, "from", "d"), { recursive: true });
    Deno.mkdirSync(join(path, "to"));
    let made = 0;
    const open = (side: string) =>
      openPosix(join(path, side), libc, {
        temporaryName: () => `.sluice-0-0-0-${made++}.part`,
        latency: "immediate",
        durability: "group",
        now: () => Date.now() + 60_000,
      });
    const source = await open("from");
    const files: JobFile[] = [];
    for (const name of NAMES) {
      Deno.writeTextFileSync(join(path, "from", "d", name), `content of ${name}`);
      const entry = (await source.look(`d/${name}`))!;
      const { mtime, mtimeNanos, ctime, ctimeNanos } = stampOf(entry);
      const scanned = { mtime, mtimeNanos, ctime, ctimeNanos };
      files.push({
        name,
        kind: "file",
        size: entry.size,
        reason: "not at the destination",
        scanned,
      });
    }
    const missing = [{ directory: 2, path: "d" }];
    const job: Job = {
      directory: 2,
      path: "d",
      missing,
      files,
      listed: null,
      last: true,
      whole: 1,
    };
    const data = new Uint8Array(PARCEL_BYTES);
    const parcel = new Parcel(job, files, { data, release() {}, began: 0 });
    using from = await source.small!.hold("d");
    from.read(parcel);
    parcel.hashes.push(...NAMES.map(() => "00"));
    return new Place(path, source, await open("to"), parcel, () => libc[Symbol.dispose]());
  }

  /** The names at the destination, temporaries as "?". */
  get names(): string[] {
    const names = (path: string): string[] =>
      [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) => {
        const shown = name.startsWith(".sluice-") ? "?" : name;
        const inside = isDirectory ? names(join(path, name)) : [];
        return [shown, ...inside.map((name) => `${shown}/${name}`)];
      });
    return names(join(this.path, "to")).sort();
  }

  content(name: string): string {
    return Deno.readTextFileSync(join(this.path, "to", "d", name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    await this.destination[Symbol.asyncDispose]();
    this.close();
    Deno.removeSync(this.path, { recursive: true });
  }
}

const ALL = ["d", ...NAMES.map((name) => `d/${name}`)].sort();
const HIDDEN = ["?", ...NAMES.map((name) => `?/${name}`)].sort();

Deno.test({
  name: "a new directory has its name only when its files are in it, and they theirs at once",
  ignore,
  async fn() {
    await using place = await Place.make();
    const { destination, parcel } = place;
    const made = await destination.small!.make!("d");
    {
      using held = made.hold();
      held.write(parcel);
      assert.ok(parcel.progress.every((progress) => progress === PROGRESS.written));
      assert.deepEqual(place.names, HIDDEN);
      assert.equal(made.named, false);
      await made.name();
      assert.equal(made.named, true);
      assert.deepEqual(place.names, ALL);
      held.commit(parcel);
    }
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
  name: "the files of a new directory go into one that somebody has made meanwhile, and replace",
  ignore,
  async fn() {
    await using place = await Place.make();
    const { destination, parcel } = place;
    const made = await destination.small!.make!("d");
    using held = made.hold();
    held.write(parcel);
    Deno.mkdirSync(join(place.path, "to", "d"));
    Deno.writeTextFileSync(join(place.path, "to", "d", "a"), "somebody's, older");
    Deno.writeTextFileSync(join(place.path, "to", "d", "other"), "somebody's");
    await made.name();
    held.commit(parcel);
    held[Symbol.dispose]();
    made[Symbol.dispose]();
    assert.deepEqual(place.names, [...ALL, "d/other"].sort());
    for (const name of NAMES) assert.equal(place.content(name), `content of ${name}`);
    assert.equal(place.content("other"), "somebody's");
  },
});

Deno.test({
  name: "a new directory that is not wanted any more leaves nothing",
  ignore,
  async fn() {
    await using place = await Place.make();
    const made = await place.destination.small!.make!("d");
    using held = made.hold();
    held.write(place.parcel);
    held.discard(place.parcel);
    made[Symbol.dispose]();
    held[Symbol.dispose]();
    assert.deepEqual(place.names, []);
  },
});

Deno.test({
  name: "a new directory is refused where a file has its name, and its files with it",
  ignore,
  async fn() {
    await using place = await Place.make();
    const { destination, parcel, job } = place;
    Deno.writeTextFileSync(join(place.path, "to", "d"), "a file");
    const settled: Outcome[] = [];
    const group = groupAt(destination, (one) => settled.push(...one.outcomes));
    group.begin(job, NAMES.length + 1);
    const made = await destination.small!.make!("d");
    const staged = group.stageDirectory(job, made, directoryMade(2, "d"));
    const held = made.hold();
    held.write(parcel);
    group.stageParcel(parcel, held, staged);
    await group.drain();
    assert.ok(staged.failed instanceof SyncError);
    assert.equal(settled.length, NAMES.length + 1);
    assert.ok(settled.every(({ status, error }) => status === "failure" && error !== null));
    assert.deepEqual(place.names, ["d"]);
    assert.equal(Deno.readTextFileSync(join(place.path, "to", "d")), "a file");
  },
});

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

function groupAt(destination: Backend, settled: (settled: Settled) => void): Group {
  return new Group({
    checkRoots: () => undefined,
    destination,
    clock: new FakeClock(),
    outcomeOf: outcomeInParcel,
    settled,
  });
}
