import assert from "node:assert/strict";
import { DiskWorld, essence, MemoryWorld, readTree, THEN } from "../testing/world.ts";

const STAMP = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-run-\d+$/;

const EXTRAS = {
  "keep/file": "same",
  "keep/old": { content: "extra", mtime: THEN },
  "keep/odd\udcff": { content: "odd", mtime: THEN },
  "keep/link": { target: "nowhere", mtime: THEN },
  "gone/deep/file": { content: "deep", mtime: THEN },
  "gone/empty": null,
};

for (const inside of [false, true]) {
  const where = inside ? "inside the destination" : "beside it";
  Deno.test(`sync moves extras into a trash ${where}, under the name of the run`, async () => {
    using world = new MemoryWorld({ "keep/file": "same" }, EXTRAS);
    const before = essence(world.to);
    const trash = inside ? `${world.destination}/.sluice-trash` : `${world.top}/trash`;
    const { summary } = await world.run({ deleteExtras: true, trash });
    assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
    assert.equal(summary.deleted, 7);
    const records = world.records().filter(({ action }) => action === "trash");
    assert.equal(records.length, 7);
    const run = String(records[0]!.trash).split("/").find((name) => STAMP.test(name))!;
    assert.deepEqual(
      records.map((record) => record.trash).sort(),
      ["gone", "gone/deep", "gone/deep/file", "gone/empty", "keep/link", "keep/old"]
        .map((path) => `${trash}/${run}/${path}`)
        .concat(`$'${trash}/${run}/keep/odd\\xff'`).sort(),
    );
    const moved = inside
      ? Object.fromEntries(
        Object.entries(essence(world.to)).filter(([path]) => path.startsWith(".sluice-trash/"))
          .map(([path, node]) => [path.slice(".sluice-trash/".length), node]),
      )
      : essence(world.to.trashes.get(trash)!);
    for (const path of Object.keys(before)) {
      if (path !== "keep" && path !== "keep/file") {
        assert.deepEqual(moved[`${run}/${path}`], before[path], path);
      }
    }
    const rows = world.query("SELECT path, trash FROM deletion WHERE path = 'keep/old'");
    assert.deepEqual(rows, [{ path: "keep/old", trash: `${trash}/${run}/keep/old` }]);
    // the next runs list no trash, with the option and without it
    for (const options of [{ trash }, {}]) {
      const next = await world.run({ deleteExtras: true, ...options });
      assert.equal(next.summary.exitCode, 0);
      assert.equal(next.summary.deleted, 0);
    }
    const { planned } = await world.run({ deleteExtras: true, dryRun: true });
    assert.deepEqual(planned, []);
  });
}

Deno.test("sync says trash in a dry run and makes none", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", extra: "x", "d/e": "x" });
  const before = world.to.tree();
  const trash = `${world.top}/trash`;
  const { planned } = await world.run({ deleteExtras: true, trash, dryRun: true });
  assert.deepEqual(planned.filter((line) => !line.startsWith("times")), [
    "trash d",
    "trash d/e",
    "trash extra",
  ]);
  assert.deepEqual(world.to.tree(), before);
  assert.equal(world.to.trashes.size, 0);
});

Deno.test("sync keeps an extra that cannot be moved into the trash", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", "d/stuck": "x", loose: "x" });
  const { summary } = await world.run({
    deleteExtras: true,
    trash: `${world.top}/trash`,
    faults: { destination: [{ call: "take", path: "d/stuck", errno: "EXDEV" }] },
  });
  assert.equal(summary.exitCode, 1);
  assert.equal(essence(world.to)["d/stuck"]?.content, "x");
  assert.deepEqual(world.operations().filter((line) => !line.startsWith("times")), [
    "refuse failure d",
    "refuse failure d/stuck",
    "trash success loose",
  ]);
});

Deno.test("sync deletes nothing when the trash cannot be opened", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", a: "x", b: "x" });
  const { summary } = await world.run({
    deleteExtras: true,
    trash: `${world.top}/trash`,
    faults: { destination: [{ call: "openTrash", errno: "EACCES" }] },
  });
  assert.equal(summary.exitCode, 1);
  assert.equal(summary.refused, 2);
  assert.equal(essence(world.to).a?.content, "x");
});

Deno.test("sync finds in the trash what a killed run had moved there", async () => {
  using world = new MemoryWorld({ file: "1" }, { file: "1", a: "x", b: "x" });
  const trash = `${world.top}/trash`;
  const killed = () => Promise.reject(new Error("killed"));
  await assert.rejects(world.run({
    deleteExtras: true,
    trash,
    faults: {
      destination: [
        {
          call: "take",
          path: "a",
          act: async () => {
            const [{ path: run } = {}] = world.query("SELECT path FROM trash");
            await using real = await world.to.openTrash(trash);
            await real.take("a", `${String(run).slice(trash.length + 1)}/a`);
            await killed();
          },
        },
        { call: "take", path: "b", act: killed },
      ],
    },
  }));
  assert.deepEqual(world.query("SELECT * FROM deletion"), []);
  // without the option: what is in the trash was moved there all the same
  assert.equal((await world.run()).summary.exitCode, 0);
  assert.equal(essence(world.to).b?.content, "x");
  const [record, ...more] = world.records().filter(({ action }) => action === "trash");
  assert.deepEqual(more, []);
  assert.match(String(record!.trash), /\/trash\/2[^/]*Z-run-1\/a$/);
  assert.match(String(record!.reason), /removed by a run that was interrupted/);
  assert.deepEqual(world.query("SELECT trash FROM deletion"), [{ trash: record!.trash }]);
});

Deno.test("sync does not copy what is sluice's own trash at the source", async () => {
  using world = new MemoryWorld({ file: "1", ".sluice-trash/run/x": "x", "d/.sluice-trash": "y" });
  const { summary } = await world.run();
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.skipped, 1);
  assert.deepEqual(Object.keys(essence(world.to)), ["d", "d/.sluice-trash", "file"]);
});

Deno.test("sync fills a trash on disk from which mv restores", async () => {
  using world = new DiskWorld({ "keep/f": "1" }, {
    "keep/f": "1",
    "gone/deep/file": { content: "deep", mtime: THEN },
    "gone/line\nbreak": "odd",
    "way": { target: "/etc" },
  });
  const before = readTree(world.destination);
  const trash = `${world.destination}/.sluice-trash`;
  const { summary } = await world.run({ deleteExtras: true, trash });
  assert.equal(summary.exitCode, 0, JSON.stringify(summary.failures));
  assert.equal(Deno.lstatSync(trash).mode! & 0o777, 0o700);
  const [run] = [...Deno.readDirSync(trash)];
  for (const name of ["gone", "way"]) {
    Deno.renameSync(`${trash}/${run!.name}/${name}`, `${world.destination}/${name}`);
  }
  Deno.removeSync(trash, { recursive: true });
  const after = readTree(world.destination);
  const plain = (tree: Record<string, string>) =>
    Object.entries(tree).filter(([path]) => path !== "" && path !== "keep" && path !== "keep/f");
  assert.deepEqual(plain(after), plain(before));
});
