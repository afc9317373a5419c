import assert from "node:assert/strict";
import { turns } from "../testing/faulty_backend.ts";
import { essence, fill, MemoryWorld, THEN } from "../testing/world.ts";

/** Enough files in enough directories that an abort finds some done and some not. */
const MANY = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`d${i % 7}/f${i}`, `content ${i}`]),
);

/** A run that is aborted when `nth` blocks have been written at the destination. */
async function abortedAt(world: MemoryWorld, nth: number) {
  const stop = new AbortController();
  return await world.run({
    overlap: false,
    signal: stop.signal,
    faults: { destination: [{ call: "write", after: nth, act: () => aborting(stop) }] },
  });
}

/** Aborts, and waits until all threads have heard of it. */
function aborting(stop: AbortController): Promise<void> {
  stop.abort(new Error("enough"));
  return turns();
}

for (const durability of ["file", "group"] as const) {
  Deno.test(`sync settles what is done and resumes when it is aborted (${durability})`, async () => {
    using world = new MemoryWorld(MANY, {}, { durability });
    const { summary } = await abortedAt(world, 20);
    assert.equal(summary.outcome, "interrupted");
    assert.equal(summary.exitCode, 130);
    const synced = world.statuses().filter((line) => line.startsWith("synced"));
    assert.ok(synced.length > 0 && synced.length < 60, `${synced.length} synced`);
    assert.equal(summary.pending.files, 60 - synced.length);
    const to = essence(world.to), from = essence(world.from);
    for (const line of synced) assert.deepEqual(to[line.slice(7)], from[line.slice(7)]);
    for (const path of Object.keys(to)) assert.ok(path in from, `${path} was left behind`);
    assert.equal(world.records().at(-1)!.outcome, "interrupted");

    const next = await world.run();
    assert.equal(next.summary.exitCode, 0);
    const start = next.events[0]!;
    assert.ok(start.type === "start" && start.resumed !== null);
    assert.equal(start.resumed.files, 60 - synced.length);
    assert.deepEqual(next.summary.copied.files, 60 - synced.length);
    assert.deepEqual(next.summary.copiedEver.files, 60);
    assert.deepEqual(essence(world.to), from);
    const copies = world.records().filter((one) => one.action === "copy").map((one) => one.source);
    assert.equal(copies.length, 60);
    assert.equal(new Set(copies).size, 60);
  });
}

Deno.test("sync leaves no temporary when it is aborted in the middle of a file", async () => {
  using world = new MemoryWorld({ big: "x".repeat(100_000), small: "x" });
  const stop = new AbortController();
  const { summary } = await world.run({
    blockSize: 10_000,
    signal: stop.signal,
    interruptedCode: () => 143,
    faults: {
      destination: [{ call: "write", path: "big", after: 3, act: () => aborting(stop) }],
    },
  });
  assert.equal(summary.exitCode, 143);
  assert.ok(!Object.keys(world.to.tree()).some((path) => path !== "small"));
  const next = await world.run();
  assert.equal(next.summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync does nothing at the destination when its signal has aborted before", async () => {
  using world = new MemoryWorld(MANY);
  const { summary } = await world.run({ signal: AbortSignal.abort(new Error("never mind")) });
  assert.equal(summary.exitCode, 130);
  assert.deepEqual(world.to.tree(), {});
  assert.deepEqual(world.records().map(({ type }) => type), ["start", "end"]);
});

Deno.test("sync completes an interrupted scan before it trusts it", async () => {
  using world = new MemoryWorld({ ...MANY, "d3/deep/er": "below" });
  const stop = new AbortController();
  const first = await world.run({
    signal: stop.signal,
    faults: { source: [{ call: "list", path: "d3", act: () => aborting(stop) }] },
  });
  assert.equal(first.summary.exitCode, 130);
  assert.deepEqual(world.to.tree(), {}, "nothing is copied before the scan is complete");
  const unlisted = world.query("SELECT path FROM directory WHERE source_state = 1")
    .map(({ path }) => path);
  assert.ok(unlisted.includes("d3"));

  const listed: string[] = [];
  const { summary, events } = await world.run({
    faults: {
      source: ["", "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d3/deep"].map((path) => ({
        call: "list",
        path,
        act: () => void listed.push(path),
      })),
    },
  });
  assert.deepEqual(listed.sort(), [...unlisted, "d3/deep"].sort());
  assert.ok(events.some((event) => event.type === "note" && /interrupted/.test(event.message)));
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.copied.files, 61);
  assert.deepEqual(essence(world.to), essence(world.from));
  const { source_files: files, source_directories: directories } = world.query(
    "SELECT * FROM scan",
  )[0]!;
  assert.deepEqual({ files, directories }, { files: 61, directories: 9 });
});

Deno.test("sync scans again although files are pending when it is told to", async () => {
  using world = new MemoryWorld({ good: "1", bad: "2" });
  const faults = { source: [{ call: "open", path: "bad", errno: "EACCES" }] } as const;
  assert.equal((await world.run({ faults })).summary.exitCode, 1);
  fill(world.from, { late: "3" });
  assert.equal((await world.run({ faults })).summary.exitCode, 1);
  assert.equal(essence(world.to).late, undefined, "a backlog is transferred without a scan");
  const { summary } = await world.run({ rescan: true, faults });
  assert.equal(summary.exitCode, 1);
  assert.equal(essence(world.to).late?.content, "3");
  assert.deepEqual(world.query("SELECT attempts, error FROM files WHERE status = 'pending'"), [
    {
      attempts: 3,
      error: "cannot open (injected): permission denied; check the owner and mode, " +
        "and the share's rights (EACCES)",
    },
  ]);
});

Deno.test("sync copies what the source has now when it changed while it was pending", async () => {
  using world = new MemoryWorld({ file: "scanned" });
  await world.run({ faults: { source: [{ call: "open", errno: "EIO" }] } });
  fill(world.from, { file: { content: "changed since", mtime: THEN + 5n } });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(summary.pending, { files: 0, bytes: 0 });
  assert.deepEqual(essence(world.to), essence(world.from));
  assert.deepEqual(
    world.query("SELECT size, modified_at FROM files"),
    [
      { size: 13, modified_at: THEN + 5n },
    ],
  );
});

Deno.test("sync drops from the backlog what is no longer at the source", async () => {
  using world = new MemoryWorld({ gone: "1", stays: "2" });
  await world.run({ faults: { source: [{ call: "open", errno: "EIO" }] } });
  world.from.remove("gone");
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(world.operations(), [
    "copy success stays",
    "skip skipped gone",
    "times success ",
  ]);
  assert.deepEqual(world.statuses(), ["synced stays"]);
});

Deno.test("sync drops from the backlog what has become something else at the source", async () => {
  const tree = { "d/a": "1", "d/sub/b": "2", e: "3", f: "4", l: { target: "f" }, stays: "5" };
  using world = new MemoryWorld(tree);
  const links = { call: "look", path: "l", errno: "EIO" } as const;
  await world.run({ faults: { source: [{ call: "open", errno: "EIO" }, links] } });
  for (const path of ["d/sub/b", "d/sub", "d/a", "d", "e", "f", "l"]) world.from.remove(path);
  fill(world.from, { d: "a file now", "e/in": "in a directory", f: { target: "d" }, l: "a file" });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(world.statuses(), ["synced stays"]);
  const next = await world.run({ deleteExtras: true });
  assert.equal(next.summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync finds a file again that was not at the source for a moment", async () => {
  using world = new MemoryWorld({ "d/file": "1" });
  const first = await world.run({
    faults: {
      source: [
        { call: "open", errno: "ENOENT" },
        { call: "look", path: "d/file", absent: true },
      ],
    },
  });
  assert.equal(first.summary.skipped, 1);
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync removes temporaries of its killed runs and no others", async () => {
  using world = new MemoryWorld(MANY);
  await abortedAt(world, 10);
  const [{ token }] = world.query("SELECT token FROM run") as [{ token: string }];
  const stranger = ".sluice-ffffffff-1-1-0z1.part";
  const mine = `.sluice-${token.replace(/^(.*)-.*$/, "$1")}-1-0z1.part`;
  // as a killed run would have left it: the run's own token, and a process that is gone
  fill(world.to, { [`d1/${mine}`]: "half", [`d1/${stranger}`]: "half" });
  const { summary, events } = await world.run({ rescan: true, deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  const left = Object.keys(world.to.tree()).filter((path) => path.includes(".sluice-"));
  assert.deepEqual(left, [`d1/${stranger}`]);
  assert.ok(events.some((event) => event.type === "note" && /temporar/.test(event.message)));
  assert.equal(summary.deleted, 0);
  assert.deepEqual(essence(world.to), { ...essence(world.from), ...only(world, left[0]!) });
});

function only(world: MemoryWorld, path: string) {
  return { [path]: essence(world.to)[path]! };
}

Deno.test("sync refuses a source that is not the directory it has scanned, also in a dry run", async () => {
  using world = new MemoryWorld(MANY);
  await world.run();
  const before = world.to.tree();
  using bare = new MemoryWorld();
  const unmounted = { open: other(world, bare), deleteExtras: true };
  bare.from.put("shift", {});
  const dry = await world.run({ ...unmounted, dryRun: true });
  const { summary } = await world.run(unmounted);
  assert.equal(summary.exitCode, 3);
  assert.match(summary.reason!, /is it mounted/);
  assert.deepEqual([dry.summary.exitCode, dry.summary.reason], [3, summary.reason]);
  assert.deepEqual(dry.planned, []);
  assert.deepEqual(world.to.tree(), before);
  assert.equal(world.statuses().length, 60);
});

/** Opens the source of another world: what is below an unmounted mount point. */
function other(world: MemoryWorld, bare: MemoryWorld) {
  return (root: string) =>
    Promise.resolve(
      root === world.source
        ? Object.assign(Object.create(bare.from), {
          identity: { device: 1n, inode: 4711n },
          identify: () => Promise.resolve({ device: 1n, inode: 4711n }),
        })
        : world.to,
    );
}
