import assert from "node:assert/strict";
import type { Rule } from "../testing/faulty_backend.ts";
import { essence, fill, MemoryWorld, THEN } from "../testing/world.ts";

Deno.test("sync counts nothing below an unreadable source directory as absent", async () => {
  using world = new MemoryWorld({ "a/file": "1", "b/deep/file": "2", "top": "3" });
  await world.run();
  const before = world.to.tree();
  const faults = { source: [{ call: "list", path: "b", errno: "EACCES" }] as const };
  const { summary } = await world.run({ deleteExtras: true, faults });
  assert.equal(summary.exitCode, 1);
  assert.equal(summary.deleted, 0);
  assert.equal(summary.source.errors, 1);
  assert.deepEqual(world.to.tree(), before);
  assert.deepEqual(world.statuses(), ["synced a/file", "synced b/deep/file", "synced top"]);
  assert.ok(world.operations().includes("list failure b"));
  const { planned } = await world.run({ deleteExtras: true, dryRun: true, faults });
  assert.deepEqual(planned, []);
});

Deno.test("sync counts nothing as absent when an entry of the source cannot be looked at", async () => {
  using world = new MemoryWorld({ "b/file": "1", "b/sub/file": "2" });
  await world.run();
  const before = world.to.tree();
  const faults = { source: [{ call: "list", path: "b", problem: "sub" }] as const };
  const { summary } = await world.run({ faults, deleteExtras: true });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.to.tree(), before);
  assert.deepEqual(world.statuses(), ["synced b/file", "synced b/sub/file"]);
  assert.ok(world.operations().includes("list failure b/sub"));
  const { planned } = await world.run({ faults, deleteExtras: true, dryRun: true });
  assert.deepEqual(planned, []);
});

Deno.test("sync counts nothing below an unreadable destination directory as absent", async () => {
  const tree = { "a/deep/file": "1", "a/file": "2", "top": "3" };
  using world = new MemoryWorld(tree, { "a/deep/file": "1", "a/file": "2" });
  const before = essence(world.to);
  const faults = { destination: [{ call: "list", path: "a", errno: "EACCES" }] as const };
  const { summary } = await world.run({ faults });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(summary.copied.files, 1, "only what is known to be missing is sent");
  assert.deepEqual(summary.pending, { files: 2, bytes: 2 });
  assert.deepEqual(essence(world.to), { ...before, top: essence(world.from).top! });
  // nothing that could be transferred is left, so the next run looks again
  const next = await world.run();
  assert.equal(next.summary.exitCode, 0);
  assert.equal(next.summary.copied.files, 0);
  assert.deepEqual(next.summary.pending, { files: 0, bytes: 0 });
});

Deno.test("sync stops, and names the side, when its root cannot be listed", async () => {
  for (const side of ["source", "destination"] as const) {
    using world = new MemoryWorld({ file: "1" });
    for (const errno of ["EACCES", "ENOSPC"]) {
      const rules: Rule[] = [{ call: "list", path: "", errno }];
      const { summary } = await world.run({ faults: { [side]: rules }, waitForSpace: 3_600_000 });
      assert.equal(summary.exitCode, 3, side);
      const place = `the ${side} ${world[side]}: cannot list`;
      assert.ok(summary.reason!.startsWith(place), summary.reason!);
      assert.match(summary.reason!, new RegExp(`\\(${errno}\\)$`));
      assert.deepEqual(world.to.tree(), {});
    }
  }
});

Deno.test("sync still says that it is not in sync when it resumes a scan that had errors", async () => {
  using world = new MemoryWorld({ "a/file": "1", "b/file": "2" });
  const first = await world.run({
    faults: {
      source: [
        { call: "list", path: "b", errno: "EACCES" },
        { call: "open", path: "a/file", errno: "EIO" },
      ],
    },
  });
  assert.equal(first.summary.exitCode, 1);
  const second = await world.run();
  assert.equal(second.summary.copied.files, 1);
  assert.equal(second.summary.exitCode, 1, "b was never seen");
  const third = await world.run();
  assert.equal(third.summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync skips special files with a record", async () => {
  using world = new MemoryWorld({
    "dir/fifo": { kind: "special" },
    "dir/file": "1",
    "socket": { kind: "special" },
  });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.skipped, 2);
  assert.deepEqual(Object.keys(world.to.tree()), ["dir", "dir/file"]);
  // each scan tells of them, also when nothing has changed
  assert.equal((await world.run()).summary.skipped, 2);
  assert.deepEqual(world.operations().filter((line) => line.startsWith("skip")), [
    "skip skipped dir/fifo",
    "skip skipped socket",
  ]);
});

Deno.test("sync keeps what the destination has where the source has a special file", async () => {
  using world = new MemoryWorld({ odd: { kind: "special" } }, { odd: "precious" });
  const { summary } = await world.run({ deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  assert.equal(essence(world.to).odd?.content, "precious");
});

Deno.test("sync never takes temporaries of the source for files", async () => {
  using world = new MemoryWorld({ ".sluice-12345678-1-1-0z1.part": "half", "file": "1" });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(Object.keys(world.to.tree()), ["file"]);
  assert.ok(world.operations().includes("skip skipped .sluice-12345678-1-1-0z1.part"));
});

Deno.test("sync sets the times of directories last, the deepest first, and of the root", async () => {
  using world = new MemoryWorld({
    "a": { kind: "directory", mtime: THEN + 1n },
    "a/b": { kind: "directory", mtime: THEN + 2n },
    "a/b/c": { kind: "directory", mtime: THEN + 3n },
  });
  fill(world.from, { "a/b/c/file": "1" });
  // what times the destination keeps is tried out by the first run, also with the root's
  await world.run();
  fill(world.from, { "a/b/c/file": "2 " });
  for (const path of ["", "a", "a/b", "a/b/c"]) {
    await world.to.setTimes(path, { mtime: 1n, atime: 1n });
  }
  const order: string[] = [];
  const { summary } = await world.run({
    faults: {
      destination: ["", "a", "a/b", "a/b/c"].map((path) => ({
        call: "setTimes",
        path,
        act: () => void order.push(path),
      })),
    },
  });
  assert.equal(summary.exitCode, 0);
  // the first is the root, which keeps its times when the destination's names are probed
  assert.deepEqual(order, ["", "a/b/c", "a/b", "a", ""]);
  assert.equal((await world.to.look(""))!.mtime, (await world.from.look(""))!.mtime);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync corrects the times of a directory that differ and nothing else", async () => {
  using world = new MemoryWorld({ "a": null, "a/b": "1" });
  await world.run();
  await world.to.setTimes("a", { mtime: 5n, atime: 5n });
  const { planned } = await world.run({ dryRun: true });
  assert.deepEqual(planned, ["times a"]);
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(world.operations(), ["times success a"]);
});

Deno.test("sync takes times for equal that a side cannot tell apart", async () => {
  using world = new MemoryWorld(
    { "d": { kind: "directory", mtime: THEN }, "d/file": "1" },
    { "d": { kind: "directory", mtime: THEN - 456_789n } },
    { timePrecision: 1_000_000n },
  );
  fill(world.to, { "d/file": { content: "1", mtime: THEN - 456_789n } });
  await world.to.setTimes("", (await world.from.look(""))!);
  const { planned } = await world.run({ dryRun: true });
  assert.deepEqual(planned, []);
});

Deno.test("sync plans and tells but touches nothing in a dry run", async () => {
  using world = new MemoryWorld(
    { "new/file": "1", "same": "2", "longer": "333", "link": { target: "b" }, "f": "x" },
    { "same": "2", "longer": "3", "link": { target: "a" }, "extra/file": "x", "f/g": "y" },
  );
  const before = world.to.tree();
  const { summary, planned, events } = await world.run({ dryRun: true, deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(planned.filter((line) => !line.startsWith("times")), [
    "copy new/file",
    "delete extra",
    "delete extra/file",
    "delete f",
    "delete f/g",
    "mkdir new",
    "overwrite f",
    "overwrite link",
    "overwrite longer",
  ]);
  const reasons = events.flatMap((event) => event.type === "operation" ? [event.reason] : []);
  for (const reason of ["not at the destination", "sizes differ", "link targets differ"]) {
    assert.ok(reasons.includes(reason), reason);
  }
  assert.deepEqual(summary.pending, { files: 4, bytes: 6 });
  assert.deepEqual(world.to.tree(), before);
  assert.deepEqual([...Deno.readDirSync(world.top)].map(({ name }) => name).sort(), [
    "destination",
    "source",
  ]);
});

Deno.test("sync knows a directory of many files again by its fingerprint, and finds what changed in it", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 9000 }, (_, i) => [`many/f${(i * 7919) % 9000}`, `${i}`]),
  );
  using world = new MemoryWorld(many);
  const rowsOf = (scan: number) =>
    world.query(`SELECT count(*) AS n FROM file WHERE scan = ${scan}`)[0]!.n;
  assert.equal((await world.run()).summary.copied.files, 9000);
  const again = (await world.run()).summary;
  assert.deepEqual([again.exitCode, again.copied.files], [0, 0]);
  assert.equal(rowsOf(2), 0, "no file was looked at");

  fill(world.from, { "many/f17": "changed", "many/new": "new" });
  await world.from.removeFile("many/f18");
  const { summary } = await world.run();
  assert.deepEqual([summary.exitCode, summary.copied.files], [0, 2]);
  assert.equal(rowsOf(3), 9000);
  fill(world.to, { "many/f19": "damaged" });
  assert.equal((await world.run()).summary.copied.files, 1);
  assert.deepEqual(world.query("SELECT name FROM extra").map(({ name }) => name), ["f18"]);
  assert.deepEqual((await world.run()).summary.copied.files, 0);
});
