/** Parcels of which several are written at the same time. */
import assert from "node:assert/strict";
import type { HeldParcels, NewDirectory } from "../../src/backend/backend.ts";
import { SyncError } from "../../src/errors.ts";
import type { Item } from "../../src/block.ts";
import { Parcel, PROGRESS } from "../../src/parcel.ts";
import { stampOf } from "../../src/stamp.ts";
import { writeItems } from "../../src/transfer/writer.ts";
import { turns } from "../testing/faulty_backend.ts";
import { jobOf, memory, one, writerParts } from "./parts.ts";

/** A destination that is told when a write ends, and what is called there. */
function parts(width: number) {
  const log: string[] = [];
  const writes = new Map<string, { end: () => void; fail: (error: Error) => void }>();
  let most = 0;
  const holding = (name: string): HeldParcels => ({
    read: () => undefined,
    write: async (parcel) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const first = parcel.files[0]!.name;
      log.push(`write ${first}`);
      writes.set(first, { end: resolve, fail: reject });
      most = Math.max(most, writes.size);
      try {
        await promise;
        // files called "odd" or so are left behind
        for (let i = 0; i < parcel.files.length; i++) {
          if (!parcel.files[i]!.name.startsWith("odd")) parcel.progress[i] = PROGRESS.written;
        }
      } finally {
        writes.delete(first);
      }
    },
    commit: ({ progress }) => {
      for (let i = 0; i < progress.length; i++) {
        if (progress[i] === PROGRESS.written) progress[i] = PROGRESS.committed;
      }
    },
    discard: () => void log.push(`discard in ${name}`),
    writer: () => assert.fail("not given its name alone"),
    [Symbol.dispose]() {},
  });
  const to = memory();
  const made: NewDirectory & { open: boolean; named: boolean } = {
    open: true,
    named: false,
    hold: () => holding("new"),
    seal() {
      this.open = false;
    },
    name() {
      log.push(`name with ${writes.size} under way`);
      this.named = true;
      return Promise.resolve();
    },
    discard() {
      if (!this.named) log.push("discard new");
    },
    [Symbol.dispose]() {},
  };
  const small = {
    most: 64,
    hold: (path: string) => Promise.resolve(holding(path)),
    make: () => Promise.resolve(made),
  };
  const source = memory();
  const { options, group, settled, jobs } = writerParts(source, Object.assign(to, { small }));
  const busy: boolean[] = [];
  const running = (...items: Item[]) =>
    writeItems(one(...items), {
      ...options,
      destination: to,
      parcels: true,
      width: () => width,
      busy: (is) => void busy.push(is),
    });
  const endAll = async () => {
    for (; writes.size > 0; await turns(10)) [...writes.values()].forEach(({ end }) => end());
  };
  return { to, log, writes, running, endAll, group, settled, jobs, busy, most: () => most };
}

/** A job of `files`, and a parcel that was read for each. */
function jobWith(path: string, files: readonly string[], { whole = false } = {}) {
  const job = {
    ...jobOf(path, files),
    ...(whole && { whole: 1, missing: [{ directory: path.length + 1, path }] }),
  };
  const parcels = job.files.map((file) => {
    const parcel = new Parcel(job, [file], { data: new Uint8Array(1), release() {}, began: 0 });
    parcel.progress.fill(PROGRESS.read);
    parcel.hashes.push(`hash of ${file.name}`);
    return parcel;
  });
  return { job, items: [{ type: "begin", job }, ...parcels] as Item[] };
}

Deno.test("writeItems writes as many parcels of a job at the same time as it is wide", async () => {
  for (const width of [1, 3]) {
    const { running, writes, most, endAll } = parts(width);
    const { items } = jobWith("", ["a", "b", "c", "d", "e"]);
    const writing = running(...items);
    await turns(20);
    assert.equal(writes.size, width);
    await endAll();
    await writing;
    assert.equal(most(), width);
  }
});

Deno.test("writeItems begins with no job before all of the one before is written", async () => {
  const { running, writes, log, endAll, busy } = parts(4);
  const first = jobWith("", ["a", "b"]), second = jobWith("", ["c"]);
  const writing = running(...first.items, ...second.items);
  await turns(20);
  writes.get("b")!.end();
  await turns(20);
  assert.deepEqual(log, ["write a", "write b"]);
  writes.get("a")!.end();
  await turns(20);
  assert.deepEqual(log, ["write a", "write b", "write c"]);
  await endAll();
  await writing;
  assert.deepEqual(busy.slice(0, 4), [true, false, true, false]);
});

Deno.test("writeItems names a new directory when all of its parcels are written", async () => {
  const { running, writes, log, endAll, group, jobs } = parts(3);
  const { job, items } = jobWith("d", ["a", "b", "c"], { whole: true });
  const writing = running(...items);
  await turns(20);
  writes.get("c")!.end();
  writes.get("a")!.end();
  await turns(20);
  assert.deepEqual(log, ["write a", "write b", "write c"]);
  await endAll();
  await writing;
  await group.drain();
  assert.deepEqual(log.slice(3), ["name with 0 under way"]);
  assert.deepEqual(jobs, [job]);
});

Deno.test("a file that is tried alone waits until nothing is being written in its new directory", async () => {
  const { running, writes, log, endAll, group, settled, jobs } = parts(4);
  const { job, items } = jobWith("d", ["odd", "b", "c"], { whole: true });
  const writing = running(...items);
  await turns(20);
  writes.get("odd")!.end();
  await turns(20);
  assert.deepEqual(log, ["write odd", "write b", "write c"]);
  writes.get("b")!.end();
  await turns(20);
  assert.equal(log.length, 3);
  await endAll();
  await writing;
  await group.drain();
  assert.deepEqual(log.slice(3), ["name with 0 under way"]);
  // the directory is not really there
  const alone = settled.filter(({ kind }) => kind === "file");
  assert.deepEqual(alone.map(({ name, error }) => [name, error?.code]), [["odd", "ENOENT"]]);
  assert.deepEqual(jobs, [job]);
});

for (const whole of [false, true]) {
  const where = whole ? "a new directory" : "one that is there";
  Deno.test(`a file that is tried alone has its times when the rest of its parcel is recorded, in ${where}`, async () => {
    const { to, running, writes, endAll, group, settled } = parts(4);
    to.put("d", { kind: "directory" });
    const { job } = jobWith("d", ["a", "odd", "odd too"], { whole });
    const parcel = new Parcel(job, job.files, { data: new Uint8Array(3), release() {}, began: 0 });
    parcel.progress.fill(PROGRESS.read);
    parcel.hashes.push("of a", "of odd", "of odd too");
    for (const i of [0, 1, 2]) {
      parcel.setStamp(i, stampOf({ ...(await to.look("d"))!, mtime: BigInt(7 + i) }));
    }
    const create = to.create.bind(to);
    to.create = async (path, options) => {
      // as another lane may do meanwhile
      await group.flush();
      return await create(path, options);
    };
    const writing = running({ type: "begin", job } as Item, parcel);
    await turns(20);
    assert.equal(writes.size, 1);
    await endAll();
    await writing;
    await group.drain();
    const odd = settled.filter(({ kind }) => kind === "file");
    assert.deepEqual(odd.map(({ status, stamp }) => [status, stamp!.mtimeNanos]), [
      ["success", 8],
      ["success", 9],
    ]);
    assert.equal((await to.look("d/odd too"))!.mtime, 9n);
  });
}

Deno.test("writeItems waits for what is being written before it throws what stops the run", async () => {
  const { running, writes } = parts(4);
  const { items } = jobWith("", ["a", "b", "c"]);
  const full = new SyncError("ENOSPC", "the destination is full", { scope: "run" });
  let thrown: unknown = null;
  const writing = running(...items).catch((error) => thrown = error);
  await turns(20);
  writes.get("b")!.fail(full);
  await turns(20);
  assert.equal(thrown, null);
  writes.get("a")!.end();
  await turns(20);
  assert.equal(thrown, null);
  writes.get("c")!.end();
  await writing;
  assert.equal(thrown, full);
});
