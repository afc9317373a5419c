import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import type { NameHabits } from "../../src/backend/name_map.ts";
import { ALL_APART, nameKeys } from "../../src/name_rules.ts";
import { summaryLines } from "../../src/report/summary.ts";
import { numRuns } from "../testing/trees.ts";
import { essence, MemoryWorld, THEN, type Tree } from "../testing/world.ts";

/** As a share of Windows or ext4 with casefold: case and forms are merged, the first name stays. */
const FOLDING: NameHabits = {
  rules: { ...ALL_APART, letters: true, accents: true, forms: true },
};
/** As HFS+: it also stores every name decomposed. */
const DECOMPOSING: NameHabits = { ...FOLDING, form: "NFD" };

function world(source: Tree, destination: Tree = {}, habits = FOLDING): MemoryWorld {
  return new MemoryWorld(source, destination, undefined, undefined, habits);
}

const paths = (world: MemoryWorld) => Object.keys(world.to.tree());
const content = (world: MemoryWorld, path: string) =>
  new TextDecoder().decode(world.to.tree()[path]!.content as Uint8Array);

Deno.test("sync refuses the second of two files that the destination would merge", async () => {
  using here = world({ "d/README": "upper", "d/Readme": "mixed", "d/other": "other" });
  const { summary } = await here.run();
  assert.equal(summary.exitCode, 1);
  assert.equal(summary.failed, 1);
  assert.deepEqual(paths(here), ["d", "d/README", "d/other"]);
  assert.equal(content(here, "d/README"), "upper");
  assert.deepEqual(summary.failures.map(({ path }) => path), ["d/Readme"]);
  assert.match(summary.failures[0]!.message, /does not tell this name from README/);
  const records = here.records().filter(({ status }) => status === "failure");
  assert.equal(records.length, 1);
  assert.match(String(records[0]!.error), /does not tell this name from README/);
  assert.deepEqual(here.statuses(), ["pending d/Readme", "synced d/README", "synced d/other"]);
  const [row] = here.query("SELECT error FROM files WHERE status = 'pending'");
  assert.match(String(row!.error), /README/);
  assert.deepEqual(summary.pending, { files: 1, bytes: 5 });
});

Deno.test("sync counts what it refuses as pending, as the view does, and scans all the same", async () => {
  using here = world({
    ...{ "README": "upper", "Readme": "mixed", "Docs/a": "1", "docs/a": "12", "docs/sub/b": "123" },
    ...{ "docs/sub/deep/c": "1234", "docs/sub/deep/C": "12345", "other": "other" },
  });
  for (let run = 0; run < 2; run++) {
    const { summary, events } = await here.run();
    assert.ok(!events.some((event) => event.type === "start" && event.resumed !== null));
    const [view] = here.query(
      "SELECT count(*) AS files, sum(size) AS bytes FROM files WHERE status = 'pending'",
    );
    assert.deepEqual(summary.pending, { ...view });
    assert.deepEqual(summary.pending, { files: 5, bytes: 19 });
    assert.match(summaryLines(summary).join("\n"), /^ {2}pending +5 files, 19 B$/m);
  }
  for (const name of ["Readme", "docs"]) here.from.remove(name);
  const { summary } = await here.run();
  assert.equal(summary.outcome, "in sync");
  assert.deepEqual(summary.pending, { files: 0, bytes: 0 });
});

Deno.test("sync still refuses it in the next run, and copies it once the other is gone", async () => {
  using here = world({ "README": "upper", "Readme": "mixed" });
  assert.equal((await here.run()).summary.exitCode, 1);
  const again = await here.run();
  assert.equal(again.summary.exitCode, 1);
  assert.equal(again.summary.copied.files, 0);
  assert.equal(content(here, "README"), "upper");
  here.from.remove("README");
  const third = await here.run();
  assert.equal(third.summary.exitCode, 0);
  assert.equal(third.summary.copied.files, 1);
  assert.equal(content(here, "README"), "mixed");
  assert.equal((await here.run()).summary.copied.files, 0);
});

Deno.test("sync tells of a refused name in a run that resumes", async () => {
  using here = world({ "README": "upper", "Readme": "mixed", "z": "z" });
  const faults = { source: [{ call: "read" as const, path: "z", errno: "EIO" }] };
  assert.equal((await here.run({ faults })).summary.failed, 2);
  const { summary, events } = await here.run();
  assert.ok(events.some((event) => event.type === "start" && event.resumed !== null));
  assert.deepEqual(summary.failures.map(({ path }) => path), ["Readme"]);
  assert.equal(summary.exitCode, 1);
});

Deno.test("sync lets the name go on that is at the destination, not the first by bytes", async () => {
  using here = world({ "b": "old" });
  await here.run();
  here.from.put("B", { content: "new", mtime: THEN });
  const { summary } = await here.run();
  assert.deepEqual(summary.failures.map(({ path }) => path), ["B"]);
  assert.equal(content(here, "b"), "old");
});

Deno.test("sync refuses the second of two directories with all that is in it", async () => {
  using here = world({
    "Docs/a": "from Docs",
    "Docs/sub/x": "x",
    "docs/a": "from docs",
    "docs/b": "b",
    "docs/sub/y": "y",
    "docs/empty": null,
  });
  for (let run = 0; run < 2; run++) {
    const { summary } = await here.run({ deleteExtras: run === 1 });
    assert.equal(summary.exitCode, 1);
    assert.deepEqual(summary.failures.map(({ path }) => path), ["docs"]);
    assert.match(summary.failures[0]!.message, /from Docs.*nothing in it was copied/);
    assert.deepEqual(paths(here), ["Docs", "Docs/a", "Docs/sub", "Docs/sub/x"]);
    assert.equal(content(here, "Docs/a"), "from Docs");
    assert.equal(here.to.tree().Docs!.mtime, here.from.tree().Docs!.mtime);
  }
  here.from.remove("Docs");
  const { summary } = await here.run({ deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(paths(here), [
    "Docs",
    "Docs/a",
    "Docs/b",
    "Docs/empty",
    "Docs/sub",
    "Docs/sub/y",
  ]);
  assert.equal(content(here, "Docs/a"), "from docs");
});

Deno.test("sync refuses a file that the destination would take for a directory", async () => {
  using here = world({ "A/x": "x", "a": "file" });
  const { summary } = await here.run();
  assert.deepEqual(summary.failures.map(({ path }) => path), ["a"]);
  assert.deepEqual(paths(here), ["A", "A/x"]);
});

Deno.test("sync does not delete in a mirror what it wrote under another spelling", async () => {
  using here = world({ "Readme": "same size" }, { "README": "SAME SIZE" });
  const first = await here.run({ deleteExtras: true });
  // equal size and time: taken for equal, as with equal spelling
  assert.equal(first.summary.exitCode, 0);
  assert.equal(first.summary.deleted, 0);
  assert.deepEqual(paths(here), ["README"]);
  assert.ok(
    first.events.some((event) =>
      event.type === "note" && /1 name is spelled otherwise.*Readme is README/.test(event.message)
    ),
  );
  here.from.put("Readme", { content: "now longer", mtime: THEN });
  const second = await here.run({ deleteExtras: true });
  assert.equal(second.summary.exitCode, 0);
  assert.equal(second.summary.copied.files, 1);
  assert.equal(content(here, "README"), "now longer");
});

Deno.test("sync compares a directory with the one that is spelled otherwise at the destination", async () => {
  using here = world(
    { "Docs/Sub/a": "same", "Docs/b": "new" },
    { "DOCS/sub/A": "same", "DOCS/extra": "extra", "DOCS/gone/x": "x" },
  );
  const { summary } = await here.run({ deleteExtras: true });
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(paths(here), ["DOCS", "DOCS/b", "DOCS/sub", "DOCS/sub/A"]);
  assert.equal(summary.copied.files, 1);
  assert.deepEqual(here.operations().filter((one) => one.startsWith("delete")), [
    "delete success Docs/extra",
    "delete success Docs/gone",
    "delete success Docs/gone/x",
  ]);
  const again = await here.run({ deleteExtras: true });
  assert.equal(again.summary.exitCode, 0);
  assert.equal(again.summary.copied.files + again.summary.deleted, 0);
});

Deno.test("sync replaces what is of another kind under another spelling in a mirror", async () => {
  using here = world(
    { "Dir/a": "a", "file": "f" },
    { "DIR": "was a file", "FILE/x": "was a directory" },
  );
  let exitCode = 1;
  for (let run = 0; run < 2 && exitCode !== 0; run++) {
    exitCode = (await here.run({ deleteExtras: true })).summary.exitCode;
  }
  assert.equal(exitCode, 0);
  assert.equal(content(here, paths(here).find((path) => path.toLowerCase() === "file")!), "f");
  assert.equal(content(here, paths(here).find((path) => path.toLowerCase() === "dir/a")!), "a");
});

Deno.test("sync finds nothing to do on a destination that stores names decomposed", async () => {
  using here = world({ "\u00e9t\u00e9/caf\u00e9": "1", "na\u00efve": "2" }, {}, DECOMPOSING);
  assert.equal((await here.run({ deleteExtras: true })).summary.exitCode, 0);
  assert.deepEqual(paths(here), ["e\u0301te\u0301", "e\u0301te\u0301/cafe\u0301", "nai\u0308ve"]);
  const again = await here.run({ deleteExtras: true });
  assert.equal(again.summary.exitCode, 0);
  assert.equal(again.summary.copied.files + again.summary.deleted, 0);
  assert.ok(!again.events.some((event) => /spelled/.test(JSON.stringify(event))));
});

Deno.test("sync keeps what may be a name of the source and may be another", async () => {
  // the dotless i: some places take it for an i, some do not
  using here = world({ "\u0131": "dotless" }, { "i": "precious" });
  const { summary } = await here.run({ deleteExtras: true });
  assert.equal(summary.deleted, 0);
  assert.equal(content(here, "i"), "precious");
});

Deno.test("sync carries all names where the destination keeps them apart", async () => {
  using here = new MemoryWorld({ "a": "1", "A": "2", "\u00e9": "3", "e\u0301": "4", "x.": "5" });
  const { summary } = await here.run();
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(essence(here.to), essence(here.from));
  assert.deepEqual(here.query("SELECT rules FROM name_rules"), [{ rules: "{}" }]);
});

Deno.test("sync scans again when the destination has come to take names for one", async () => {
  using here = new MemoryWorld({ "a": "1", "A": "2", "z": "3" }, {}, undefined, undefined, FOLDING);
  const faults = { source: [{ call: "read" as const, path: "z", errno: "EIO" }] };
  await here.run({ faults });
  const { DatabaseSync } = await import("node:sqlite");
  {
    using database = new DatabaseSync(here.db);
    database.exec("UPDATE name_rules SET rules = '{}'");
  }
  const { events, summary } = await here.run();
  assert.ok(events.some((event) => event.type === "note" && /differ only in/.test(event.message)));
  assert.deepEqual(summary.failures.map(({ path }) => path), ["a"]);
});

Deno.test("sync goes on when it cannot probe the destination, and says so", async () => {
  using here = world({ "d/a": "1" }, { "d": null });
  const faults = {
    destination: [{ call: "makeDirectory" as const, path: /sluice/, errno: "EACCES" }],
  };
  const { summary, events } = await here.run({ faults });
  assert.equal(summary.exitCode, 0);
  assert.ok(events.some((event) => event.type === "note" && /not known/.test(event.message)));
});

Deno.test("sync removes what a killed probe left", async () => {
  using here = world({ "a": "1" });
  await here.run();
  const token = String(here.query("SELECT token FROM run")[0]!.token);
  // as of a process of this host that is gone
  const [host] = token.split("-");
  here.to.put(`.sluice-${host}-999999999-1-0z1.part/sub/name.`, { content: "x" });
  here.from.put("b", { content: "2", mtime: THEN });
  assert.equal((await here.run()).summary.exitCode, 0);
  assert.deepEqual(paths(here), ["a", "b"]);
});

Deno.test("sync has on record what a probe leaves when it is killed, also in a run that resumes", async () => {
  using here = world({ "a": "1", "z": "z" });
  const unread = [{ call: "read" as const, path: "z", errno: "EIO" }];
  assert.equal((await here.run({ faults: { source: unread } })).summary.exitCode, 1);
  const onRecord = () => here.query("SELECT remains FROM name_rules")[0]!.remains;
  assert.equal(onRecord(), null);
  let during: unknown;
  const destination = [{
    call: "makeDirectory" as const,
    path: /^\.sluice-[^/]*$/,
    act: () => void (during ??= onRecord()),
  }];
  await here.run({ faults: { source: unread, destination } });
  assert.match(String(during), /^\.sluice-.*\.part$/);
  assert.equal(onRecord(), null);
  // as if the process had been killed then
  here.to.put(`${during}/sub/name.`, { content: "x" });
  const database = new DatabaseSync(here.db);
  database.prepare("UPDATE name_rules SET remains = ?").run(String(during));
  database.close();
  const { summary, events } = await here.run();
  assert.ok(events.some((event) => event.type === "start" && event.resumed !== null));
  assert.equal(summary.exitCode, 0);
  assert.deepEqual(paths(here), ["a", "z"]);
  assert.equal(onRecord(), null);
});

Deno.test("sync asks nothing of the destination's names in a dry run", async () => {
  using here = world({ "a": "1", "A": "2" });
  const { events } = await here.run({ dryRun: true });
  assert.ok(!events.some((event) => event.type === "note"));
  assert.deepEqual(paths(here), []);
});

Deno.test("sync loses nothing on a folding destination, whatever the trees", async () => {
  const name = fc.constantFrom("a", "A", "b", "\u00e9", "e\u0301", "\u00c9");
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
  const node = fc.constantFrom<string | null>("1", "22", null);
  const tree = fc.array(fc.tuple(path, node), { maxLength: 8 })
    .map((entries) => Object.fromEntries(entries));
  const keys = nameKeys(FOLDING.rules);
  const key = (path: string) => path.split("/").map((name) => keys(name).sure).join("/");
  await fc.assert(
    fc.asyncProperty(tree, tree, fc.boolean(), async (source, destination, deleteExtras) => {
      // an empty source is never a reason to delete
      using here = world({ ...source, "kept": "kept" }, destination);
      const mirror = { deleteExtras, maxDelete: { percent: 100 } };
      for (let run = 0; run < 3; run++) await here.run(mirror);
      const { summary } = await here.run(mirror);
      assert.equal(summary.copied.files, 0, "the fourth run copies something");
      const there = here.to.tree();
      const byKey = new Map(Object.entries(there).map(([path, node]) => [key(path), node]));
      const failed = summary.failures.map(({ path }) => path);
      const refused = (path: string) =>
        failed.some((one) => path === one || path.startsWith(`${one}/`));
      for (const [path, node] of Object.entries(here.from.tree())) {
        if (refused(path)) continue;
        const other = byKey.get(key(path));
        assert.equal(other?.kind, node.kind, path);
        if (node.kind === "file") assert.deepEqual(other!.content, node.content, path);
      }
      if (!deleteExtras) return;
      const wanted = new Set(Object.keys(here.from.tree()).map(key));
      for (const path of Object.keys(there)) assert.ok(wanted.has(key(path)), `${path} is extra`);
    }),
    numRuns(60),
  );
});
