import assert from "node:assert/strict";
import { turns } from "../testing/faulty_backend.ts";
import { essence, fill, MemoryWorld, THEN } from "../testing/world.ts";

const EXTRAS = {
  "keep/file": "same",
  "keep/old": "extra",
  "keep/link": { target: "nowhere" },
  "gone/deep/er/file": "extra",
  "gone/empty": null,
  "fifo": { kind: "special" as const },
};

Deno.test("sync removes what the source does not have, only when it is to mirror", async () => {
  using world = new MemoryWorld({ "keep/file": "same" }, EXTRAS);
  const before = essence(world.to);
  const copied = await world.run();
  assert.equal(copied.summary.exitCode, 0);
  assert.deepEqual(Object.keys(essence(world.to)), Object.keys(before));

  const { summary } = await world.run({ deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.deleted, 8);
  assert.deepEqual(essence(world.to), essence(world.from));
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "delete success fifo",
    "delete success gone",
    "delete success gone/deep",
    "delete success gone/deep/er",
    "delete success gone/deep/er/file",
    "delete success gone/empty",
    "delete success keep/link",
    "delete success keep/old",
  ]);
  for (const record of world.records().filter(({ action }) => action === "delete")) {
    assert.equal(record.reason, "not at the source");
  }
  // files first, then directories from the deepest up
  const order = world.records().filter(({ action }) => action === "delete")
    .map(({ kind }) => kind === "directory");
  assert.deepEqual(order, [...order].sort());
});

Deno.test("sync removes nothing that the source has by the time it looks", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", back: "old", "dir/back": "old" });
  const reappear = (path: string) => () => fill(world.from, { [path]: "back again" });
  const { summary, events } = await world.run({
    deleteExtras: true,
    faults: {
      source: [
        { call: "look", path: "back", act: reappear("back") },
        { call: "look", path: "dir/back", act: reappear("dir/back") },
      ],
    },
  });
  assert.equal(summary.exitCode, 1);
  assert.equal(summary.refused, 3);
  assert.equal(summary.deleted, 0);
  assert.equal(essence(world.to).back?.content, "old");
  assert.equal(essence(world.to)["dir/back"]?.content, "old");
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "refuse failure back",
    "refuse failure dir",
    "refuse failure dir/back",
  ]);
  const refusal = world.records().find(({ action }) => action === "refuse")!;
  assert.equal(refusal.reason, "not deleted: the source has it now");
  assert.equal(events.filter(({ type }) => type === "failure").length, 3);
  assert.equal(summary.failures.length, 3);
});

for (const errno of ["EIO", "EACCES", "ESTALE", "ENOTDIR"]) {
  Deno.test(`sync removes nothing when the source answers ${errno} instead of "not there"`, async () => {
    using world = new MemoryWorld({ file: "1" }, { file: "1", extra: "2" });
    const { summary } = await world.run({
      deleteExtras: true,
      faults: { source: [{ call: "look", path: "extra", errno }] },
    });
    assert.equal(summary.exitCode, 1);
    assert.equal(summary.refused, 1);
    assert.equal(essence(world.to).extra?.content, "2");
  });
}

Deno.test("sync removes nothing that changed at the destination since the scan", async () => {
  const extras = { "touched": "1", "grown": "1", "turned": "1", "left": "1" };
  using world = new MemoryWorld({ file: "1" }, { file: "1", ...extras });
  const { summary } = await world.run({
    deleteExtras: true,
    faults: {
      source: [{
        call: "look",
        path: "grown",
        act: () => {
          fill(world.to, { touched: { content: "1", mtime: THEN + 1n }, grown: "12" });
          fill(world.to, { turned: null });
        },
      }],
    },
  });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "delete success left",
    "refuse failure grown",
    "refuse failure touched",
    "refuse failure turned",
  ]);
});

Deno.test("sync removes nothing at all when the scan of the source had an error", async () => {
  using world = new MemoryWorld({ "a/file": "1", "b/file": "2" }, {
    "a/extra": "x",
    "b/file": "2",
    "b/extra": "x",
    "extra": "x",
  });
  const before = essence(world.to, { times: false });
  const faults = { source: [{ call: "list", path: "b", errno: "EACCES" }] } as const;
  const { summary } = await world.run({ deleteExtras: true, faults });
  assert.equal(summary.exitCode, 1);
  const after = essence(world.to, { times: false });
  assert.deepEqual(after, { ...before, "a/file": after["a/file"]! });
  assert.ok(
    world.records().some(({ action, reason }) =>
      action === "refuse" && /nothing was deleted/.test(String(reason))
    ),
  );
  const { planned } = await world.run({ deleteExtras: true, dryRun: true, faults });
  assert.deepEqual(planned.filter((line) => line.startsWith("delete")), []);
});

Deno.test("a dry run of a mirror plans what the run then does where kinds differ", async () => {
  using world = new MemoryWorld({ "down/file": "1", file: "22", link: { target: "nowhere" } }, {
    down: "x",
    "file/inside": "x",
    "link/d": null,
    old: "xyz",
  });
  const plan = async (deleteExtras: boolean) => {
    const { planned, events } = await world.run({ deleteExtras, dryRun: true });
    const notes = events.flatMap((event) => event.type === "note" ? [event.message] : []);
    return { planned: planned.filter((line) => !line.startsWith("times")), notes };
  };
  assert.deepEqual(await plan(false), {
    planned: ["copy down/file", "refuse down", "refuse file", "refuse link"],
    notes: [],
  });
  const { planned, notes } = await plan(true);
  assert.deepEqual(notes, ["would be deleted: files 3 (5 B), directories 3"]);
  const { summary } = await world.run({ deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  const done = world.operations().filter((line) => !line.startsWith("times"));
  assert.deepEqual(done.map((line) => line.replace(" success", "")).sort(), planned);
});

Deno.test("sync goes on with other extras when one cannot be removed", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", "d/stuck": "x", "d/e/loose": "x" });
  const { summary } = await world.run({
    deleteExtras: true,
    faults: { destination: [{ call: "removeFile", path: "d/stuck", errno: "EACCES" }] },
  });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "delete success d/e",
    "delete success d/e/loose",
    "refuse failure d",
    "refuse failure d/stuck",
  ]);
  assert.equal((await world.run({ deleteExtras: true })).summary.exitCode, 0);
  assert.deepEqual(essence(world.to), essence(world.from));
});

Deno.test("sync records each deletion once when it is aborted among them", async () => {
  const extras = Object.fromEntries(
    Array.from({ length: 600 }, (_, i) => [`extra${String(i).padStart(3, "0")}`, "x"]),
  );
  using world = new MemoryWorld({ file: "1" }, extras);
  const stop = new AbortController();
  const act = () => {
    stop.abort(new Error("enough"));
    return turns();
  };
  const maxDelete = { percent: 100 };
  const { summary } = await world.run({
    deleteExtras: true,
    maxDelete,
    signal: stop.signal,
    faults: { destination: [{ call: "removeFile", after: 300, act }] },
  });
  assert.equal(summary.exitCode, 130);
  const left = Object.keys(world.to.tree()).length - 1;
  assert.ok(left > 0 && left < 600, `${left} left`);
  assert.equal(summary.deleted, 600 - left);
  assert.equal((await world.run({ deleteExtras: true, maxDelete })).summary.exitCode, 0);
  const deleted = world.records().filter(({ action }) => action === "delete");
  assert.equal(deleted.length, 600);
  assert.equal(new Set(deleted.map(({ source }) => source)).size, 600);
});

Deno.test("sync records a deletion of which a killed run could not tell", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", extra: "x", other: "x" });
  await assert.rejects(world.run({
    deleteExtras: true,
    faults: {
      destination: [{
        call: "removeFile",
        path: "extra",
        act: () => {
          world.to.remove("extra");
          // as near to a kill as a test in one process comes
          throw new Error("killed");
        },
      }, { call: "removeFile", path: "other", act: () => Promise.reject(new Error("killed")) }],
    },
  }));
  assert.ok(!world.records().some(({ action }) => action === "delete"));
  const { summary } = await world.run({ deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "delete success extra",
    "delete success other",
  ]);
});

Deno.test("sync stops before it removes anything when a root is no longer the same", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", extra: "x" });
  for (const side of ["source", "destination"] as const) {
    const { summary } = await world.run({
      rescan: true,
      deleteExtras: true,
      faults: { [side]: [{ call: "identify", after: 1, errno: "ENOENT" }] },
    });
    assert.equal(summary.exitCode, 3, side);
    assert.match(summary.reason!, new RegExp(`the ${side} .* is gone`));
    assert.equal(essence(world.to).extra?.content, "x");
  }
});
