import assert from "node:assert/strict";
import { join } from "node:path";
import type { Backend } from "../../src/backend/backend.ts";
import { type Libc, loadLibc, O } from "../../src/backend/posix/libc.ts";
import { openPosix, type PosixOptions } from "../../src/backend/posix/posix.ts";
import type { Entry } from "../../src/entry.ts";
import type { Job, JobFile } from "../../src/job.ts";
import { Parcel, PARCEL_BYTES, PARCEL_FILES, parcelFrom, PROGRESS } from "../../src/parcel.ts";
import { stampOf } from "../../src/stamp.ts";
import { scratchDirectory } from "../testing/scratch.ts";

const linux = Deno.build.os === "linux";
const { taken, read, written, committed } = PROGRESS;

interface Place extends AsyncDisposable {
  readonly path: string;
  readonly source: Backend;
  readonly destination: Backend;
}

/** How the two kinds of short ways are called: on a disk that answers at once, and on a share. */
const LOCAL = { latency: "immediate", durability: "group" } as const;
const SHARE = { latency: "waiting", durability: "file" } as const;
const WAYS = { PosixSmallFiles: LOCAL, ShareSmallFiles: SHARE };

/** Two directories on a disk of this machine. */
async function place(
  way: Pick<PosixOptions, "latency" | "durability" | "flush"> = LOCAL,
  age = 120_000,
  libc: Libc = loadLibc(),
): Promise<Place> {
  const path = scratchDirectory();
  for (const side of ["from", "to"]) Deno.mkdirSync(join(path, side));
  let made = 0;
  const open = (side: string) =>
    openPosix(join(path, side), libc, {
      temporaryName: () => `.sluice-0-0-0-${made++}.part`,
      ...way,
      // what was written a moment ago is old enough to be read at once
      now: () => Date.now() + age,
    });
  const [source, destination] = [await open("from"), await open("to")];
  return {
    path,
    source,
    destination,
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await destination[Symbol.asyncDispose]();
      libc[Symbol.dispose]();
      Deno.removeSync(path, { recursive: true });
    },
  };
}

/** A parcel of files in the root, as a scan of the source finds them now. */
async function parcelOf({ source }: Place, names: readonly string[]): Promise<Parcel> {
  const files: JobFile[] = [];
  for (const name of names) {
    const { kind, size, ...entry } = (await source.look(name))!;
    const { mtime, mtimeNanos, ctime, ctimeNanos } = stampOf({ kind, size, ...entry } as Entry);
    const scanned = { mtime, mtimeNanos, ctime, ctimeNanos };
    files.push({ name, kind, size, reason: "not at the destination", scanned });
  }
  const job: Job = {
    directory: 1,
    path: "",
    missing: [],
    files,
    listed: null,
    last: true,
    whole: null,
  };
  return new Parcel(job, files, {
    data: new Uint8Array(PARCEL_BYTES),
    release() {},
    began: 0,
  });
}

function put({ path }: Place, name: string, text: string): void {
  Deno.writeTextFileSync(join(path, "from", name), text);
}

const names = ["a", "empty", "new\nline", "ü", "x".repeat(255), "ß".repeat(127)];

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test({
    name: `${name} carries content and times to the nanosecond when nothing is odd`,
    ignore: !linux,
    async fn() {
      await using at = await place(way);
      for (const name of names) put(at, name, name === "empty" ? "" : `content of ${name}`);
      await at.source.setTimes("a", { mtime: 1_234_567_890_123_456_789n, atime: 987_654_321n });
      await at.source.setTimes("ü", { mtime: -1_500_000_001n, atime: -1n });
      const parcel = await parcelOf(at, names);
      using from = await at.source.small!.hold("");
      await from.read(parcel);
      assert.deepEqual([...parcel.progress], names.map(() => read));
      const looks = await Promise.all(names.map((name) => at.source.look(name)));
      assert.deepEqual(names.map((_, i) => parcel.stamp(i)), looks.map((look) => stampOf(look!)));
      using to = await at.destination.small!.hold("");
      await to.write(parcel);
      assert.deepEqual([...parcel.progress], names.map(() => written));
      const temporaries = [...Deno.readDirSync(join(at.path, "to"))].map(({ name }) => name);
      assert.equal(temporaries.length, names.length);
      assert.ok(temporaries.every((name) => name.startsWith(".sluice-")), String(temporaries));
      await to.commit(parcel);
      assert.deepEqual([...parcel.progress], names.map(() => committed));
      for (const name of names) {
        const [from, to] = [await at.source.look(name), await at.destination.look(name)];
        assert.deepEqual([to!.mtime, to!.atime, to!.size], [from!.mtime, from!.atime, from!.size]);
        const file = join(at.path, "to", name);
        assert.equal(
          Deno.readTextFileSync(file),
          Deno.readTextFileSync(join(at.path, "from", name)),
        );
      }
    },
  });
}

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test({
    name: `${name} leaves out a file that is not as it was scanned`,
    ignore: !linux,
    async fn() {
      await using at = await place(way);
      const all = [
        "good",
        "longer",
        "shorter",
        "gone",
        "replaced",
        "link",
        "fifo",
        "touched",
        "also",
      ];
      for (const name of all) put(at, name, "12345678");
      const parcel = await parcelOf(at, all);
      const from = (name: string) => join(at.path, "from", name);
      put(at, "longer", "123456789");
      put(at, "shorter", "1234567");
      Deno.removeSync(from("gone"));
      Deno.removeSync(from("replaced"));
      put(at, "replaced", "87654321");
      Deno.removeSync(from("link"));
      Deno.symlinkSync("good", from("link"));
      Deno.removeSync(from("fifo"));
      new Deno.Command("mkfifo", { args: [from("fifo")] }).outputSync();
      await at.source.setTimes("touched", { mtime: 5n, atime: 5n });
      using held = await at.source.small!.hold("");
      await held.read(parcel);
      const expected = all.map((name) => ["good", "also"].includes(name) ? read : taken);
      assert.deepEqual([...parcel.progress], expected);
    },
  });
}

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test({
    name: `${name} keeps the rest when a name cannot be taken at the destination`,
    ignore: !linux,
    async fn() {
      await using at = await place(way);
      const all = ["a", "directory", "b"];
      for (const name of all) put(at, name, name);
      Deno.mkdirSync(join(at.path, "to", "directory"));
      const parcel = await parcelOf(at, all);
      using from = await at.source.small!.hold("");
      using to = await at.destination.small!.hold("");
      await from.read(parcel);
      await to.write(parcel);
      await to.commit(parcel);
      assert.deepEqual([...parcel.progress], [committed, written, committed]);
      const writer = to.writer("directory", parcel.temporaries[1]!);
      await assert.rejects(writer.commit(), { code: "EISDIR" });
      await writer.abort();
      await to.discard(parcel);
      const left = [...Deno.readDirSync(join(at.path, "to"))].map(({ name }) => name).sort();
      assert.deepEqual(left, ["a", "b", "directory"]);
    },
  });
}

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test({
    name: `${name} writes nothing and leaves nothing when the directory is gone`,
    ignore: !linux,
    async fn() {
      await using at = await place(way);
      put(at, "a", "a");
      await at.destination.makeDirectory("d");
      const parcel = await parcelOf(at, ["a"]);
      using from = await at.source.small!.hold("");
      using to = await at.destination.small!.hold("d");
      await from.read(parcel);
      Deno.removeSync(join(at.path, "to", "d"));
      await to.write(parcel);
      assert.deepEqual([...parcel.progress], [read]);
    },
  });
}

Deno.test({
  name: "PosixSmallFiles uses a temporary name again once it is free",
  ignore: !linux,
  async fn() {
    await using at = await place();
    using from = await at.source.small!.hold("");
    using to = await at.destination.small!.hold("");
    const seen = new Set<number>();
    for (let round = 0; round < 5; round++) {
      const all = Array.from({ length: PARCEL_FILES }, (_, i) => `${round} ${i}`);
      for (const name of all) put(at, name, name);
      const parcel = await parcelOf(at, all);
      from.read(parcel);
      to.write(parcel);
      to.commit(parcel);
      assert.ok(parcel.progress.every((progress) => progress === committed));
      for (const temporary of parcel.temporaries) seen.add(temporary);
    }
    assert.equal(seen.size, PARCEL_FILES);
  },
});

Deno.test("parcelFrom takes small files of one reason up to what one holds", () => {
  const file = (name: string, changes: Partial<JobFile> = {}): JobFile => ({
    name,
    kind: "file",
    size: 1000,
    reason: "not at the destination",
    scanned: { mtime: 0, mtimeNanos: 0, ctime: 0, ctimeNanos: 0 },
    ...changes,
  });
  const many = Array.from({ length: 200 }, (_, i) => file(String(i)));
  assert.equal(parcelFrom(many, 0, PARCEL_BYTES).length, PARCEL_FILES);
  assert.equal(parcelFrom(many, 150, PARCEL_BYTES).length, 50);
  assert.equal(parcelFrom(many, 0, 2500).length, 2);
  assert.equal(parcelFrom(many, 0, 10).length, 1);
  const odd = [
    file("large", { size: 65537 }),
    file("link", { kind: "symlink" }),
    file("\udc80"),
    file("x".repeat(256)),
    file("changed", { reason: "sizes differ" }),
  ];
  for (const one of odd) {
    const files = [file("a"), one, file("b")];
    assert.deepEqual(parcelFrom(files, 0, PARCEL_BYTES).map(({ name }) => name), ["a"]);
  }
  for (const one of odd.slice(0, 4)) assert.deepEqual(parcelFrom([one], 0, PARCEL_BYTES), []);
});

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test({
    name: `${name} leaves a file behind that was changed within the tick of its ctime`,
    ignore: !linux,
  }, async () => {
    for (const [age, expected] of [[-120_000, taken], [120_000, read]] as const) {
      await using here = await place(way, age);
      Deno.writeTextFileSync(join(here.path, "from", "a"), "new");
      const parcel = await parcelOf(here, ["a"]);
      using directory = await here.source.small!.hold("");
      await directory.read(parcel);
      assert.equal(parcel.progress[0], expected);
    }
  });
}

/** 32-bit words of a call in a program, and which of them are which (see `program.ts`). */
const WORDS = 16, NUMBER = 0, FLAGS = 6, OFFSET = 8, RESULT = 14;
/** Of open(2), without O_DIRECTORY: EINVAL. */
const TMPFILE_ALONE = 0o20000000;

/** System calls that take direct writes of any length, as a share does, or refuse them. */
function direct(refuses: "open" | "write" | "never", asked: { direct: number }): Libc {
  const libc = loadLibc();
  const open = libc.numberOf("openat"), write = libc.numberOf("pwrite64");
  return {
    ...libc,
    async runProgramPooled(program, count) {
      const words = new Uint32Array(program.buffer, program.byteOffset);
      const changed: [at: number, was: number][] = [];
      const change = (at: number, word: number) => {
        changed.push([at, words[at]!]);
        words[at] = word;
      };
      for (let i = 0; i < count; i++) {
        const at = i * WORDS;
        if (words[at + NUMBER] === open && (words[at + FLAGS]! & O.DIRECT) !== 0) {
          asked.direct += 1;
          change(at + FLAGS, words[at + FLAGS]! & ~O.DIRECT);
          if (refuses !== "open") continue;
          // the file is made all the same
          await libc.runProgramPooled(program.subarray(at * 4), 1);
          libc.now.close(new Int32Array(words.buffer)[at + RESULT]!);
          change(at + FLAGS, TMPFILE_ALONE);
        }
        if (words[at + NUMBER] === write && asked.direct > 0 && refuses === "write") {
          for (const half of [0, 1]) change(at + OFFSET + half, 0xffff_ffff);
        }
      }
      const result = await libc.runProgramPooled(program, count);
      for (const [at, was] of changed.reverse()) words[at] = was;
      return result;
    },
  };
}

for (const refuses of ["never", "open", "write"] as const) {
  Deno.test({
    name: refuses === "never"
      ? "ShareSmallFiles writes past the page cache where blocks leave so"
      : `ShareSmallFiles leaves nothing and asks no more when a place refuses at ${refuses}`,
    ignore: !linux,
    async fn() {
      const asked = { direct: 0 };
      await using at = await place(
        { ...SHARE, flush: "direct" },
        undefined,
        direct(refuses, asked),
      );
      const names = ["a", "b", "c"];
      for (const name of names) put(at, name, `content of ${name}`);
      using from = await at.source.small!.hold("");
      using to = await at.destination.small!.hold("");
      const write = async () => {
        asked.direct = 0;
        const parcel = await parcelOf(at, names);
        await from.read(parcel);
        await to.write(parcel);
        return parcel;
      };
      const parcel = await write();
      assert.equal(asked.direct, 3);
      if (refuses !== "never") {
        // for the ordinary way
        assert.deepEqual([...parcel.progress], [read, read, read]);
        assert.deepEqual([...Deno.readDirSync(join(at.path, "to"))], []);
      }
      const last = refuses === "never" ? parcel : await write();
      if (refuses !== "never") assert.equal(asked.direct, 0);
      assert.deepEqual([...last.progress], [written, written, written]);
      await to.commit(last);
      for (const name of names) {
        assert.equal(Deno.readTextFileSync(join(at.path, "to", name)), `content of ${name}`);
      }
    },
  });
}
