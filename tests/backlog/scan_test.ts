import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { STATE } from "../../src/backlog/codes.ts";
import type { Side } from "../../src/event.ts";
import type { Outcome } from "../../src/job.ts";
import { stampOf } from "../../src/stamp.ts";
import { arbitraryTree, numRuns } from "../testing/trees.ts";
import { fill, THEN, type Tree } from "../testing/world.ts";
import { Fixture, outcomeOf } from "./fixture.ts";

const TREE = { "a/one": "1", "a/b/two": "22", "three": "333", "c": null };

/** Settles everything that is pending, and puts it at the destination. */
async function transferAll(fixture: Fixture): Promise<void> {
  for (const job of fixture.jobs()) {
    const outcomes: Outcome[] = [];
    for (const { name } of job.files) {
      const path = job.path === "" ? name : `${job.path}/${name}`;
      const entry = (await fixture.from.look(path))!;
      fixture.to.put(path, fixture.from.tree()[path]!);
      outcomes.push(outcomeOf(job, name, { stamp: stampOf(entry) }));
    }
    fixture.backlog.transaction(() => fixture.backlog.transfer.settle({ outcomes }, "sha256"));
    fixture.check();
  }
}

Deno.test("a scan finds everything pending when the destination is empty", async () => {
  using fixture = new Fixture(TREE);
  await fixture.scan();
  assert.deepEqual(fixture.files(), ["pending a/b/two", "pending a/one", "pending three"]);
  assert.deepEqual(fixture.backlog.transfer.pending(), { files: 3, bytes: 6 });
  const missing = fixture.backlog.directories.missing({ depth: -1, id: 0 }, 10);
  assert.deepEqual(missing.map(({ path }) => path), ["a", "c", "a/b"]);
});

for (const turns of [1, 100]) {
  Deno.test(`a scan decides the same whichever side is faster (${turns})`, async () => {
    using fixture = new Fixture(
      {
        ...TREE,
        "d/same": "x",
        "d/longer": "xx",
        "d/later": "x",
        "d/special": { kind: "special" },
      },
      {
        "d/same": "x",
        "d/longer": "x",
        "d/later": { content: "x", mtime: THEN - 1n },
        "d/extra": "x",
        "e/f": "x",
        "a/b": null,
      },
    );
    await fixture.scan({ turns });
    assert.deepEqual(fixture.files(), [
      "pending a/b/two",
      "pending a/one",
      "pending d/later",
      "pending d/longer",
      "pending three",
      "skipped d/special",
      "synced d/same",
    ]);
    assert.deepEqual(fixture.extras(), ["directory e", "file d/extra", "file e/f"]);
  });
}

Deno.test("a scan decides what is new the same when the destination is known before", async () => {
  const tree: Tree = {
    ...TREE,
    "a/b/link": { kind: "symlink", target: "two" },
    "a/b/special": { kind: "special" },
    "a/b/empty": "",
    "d/special": { kind: "special" },
  };
  const found = async (first: Side, second: Side) => {
    using fixture = new Fixture(tree);
    const store = await fixture.begin();
    await fixture.walk(store, first);
    await fixture.walk(store, second);
    fixture.backlog.finishScan(store.scan);
    fixture.check();
    return fixture.query(`
      SELECT path, parent, depth, source_state, source_error, destination_state, decided_scan,
        hex(source_content) AS content, source_complete IS NULL AS incomplete, conflict, pending_files,
        pending_bytes, touched, in_flight, unsettled, source_listed_at > 0 AS listed
      FROM directory ORDER BY path`);
  };
  const decided = await found("destination", "source");
  assert.deepEqual(decided, await found("source", "destination"));
  const [below] = decided.filter(({ path }) => path === "a/b");
  assert.deepEqual([below!.pending_files, below!.pending_bytes, below!.unsettled], [3, 5, 2]);
});

Deno.test("a scan leaves directories as they are that it has queued or listed already", async () => {
  using fixture = new Fixture(Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`d${i}/file`, "x"]),
  ));
  const store = await fixture.begin();
  for await (const chunk of fixture.listing("")) {
    // as much of it as there was when it was interrupted
    fixture.backlog.transaction(() => store.put("source", [{ ...chunk, last: false }]));
  }
  const [listed] = store.queued("source", 1, 1);
  for await (const chunk of fixture.listing(listed!.path)) {
    fixture.backlog.transaction(() => store.put("source", [chunk]));
  }
  await fixture.walk(store, "source", { limit: 1 });
  const queued = store.queued("source", 0, 100);
  assert.equal(queued.length, 39);
  assert.ok(!queued.some(({ id }) => id === listed!.id));
  await fixture.walk(store, "source");
  await fixture.walk(store, "destination");
  fixture.backlog.finishScan(store.scan);
  fixture.check();
  assert.deepEqual(fixture.backlog.transfer.pending(), { files: 40, bytes: 40 });
});

Deno.test("a scan puts a directory into the one that is above it now", async () => {
  using fixture = new Fixture(TREE);
  await fixture.scan();
  const parents = () => fixture.query("SELECT path, parent FROM directory ORDER BY path");
  const before = parents();
  {
    using other = new DatabaseSync(fixture.path);
    other.exec("UPDATE directory SET parent = 999 WHERE path = 'a/b'");
  }
  await fixture.scan();
  assert.deepEqual(parents(), before);
});

Deno.test("a scan keeps hashes of what is unchanged and drops them of what changed", async () => {
  using fixture = new Fixture({ ...TREE, "a/other": "1" });
  await fixture.scan();
  await transferAll(fixture);
  fill(fixture.from, { "a/one": "11", "three": { content: "333", mtime: THEN + 1n } });
  await fixture.scan();
  const rows = fixture.query(`
    SELECT source_path AS path, hash IS NULL AS none, status, attempts FROM files ORDER BY 1`);
  assert.deepEqual(rows, [
    { path: "/source/a/b/two", none: 0, status: "synced", attempts: 1 },
    { path: "/source/a/one", none: 1, status: "pending", attempts: 0 },
    { path: "/source/a/other", none: 0, status: "synced", attempts: 1 },
    { path: "/source/three", none: 1, status: "pending", attempts: 0 },
  ]);
});

Deno.test("a scan forgets what vanished at the source", async () => {
  using fixture = new Fixture({ ...TREE, "a/b/c/four": "4", "a/b/gone": "5" });
  await fixture.scan();
  await transferAll(fixture);
  fixture.from.remove("a/b/gone");
  fixture.from.remove("a/b/c");
  fixture.from.remove("three");
  await fixture.scan();
  assert.deepEqual(fixture.files(), ["synced a/b/two", "synced a/one"]);
  assert.deepEqual(fixture.extras(), [
    "directory a/b/c",
    "file a/b/c/four",
    "file a/b/gone",
    "file three",
  ]);
  fixture.to.remove("a/b/c");
  fixture.to.remove("a/b/gone");
  fixture.to.remove("three");
  await fixture.scan();
  assert.deepEqual(fixture.extras(), []);
  assert.deepEqual(fixture.backlog.extras.count(), { files: 0, bytes: 0, directories: 0 });
  assert.deepEqual(fixture.query("SELECT path FROM directory ORDER BY 1").map(({ path }) => path), [
    "",
    "a",
    "a/b",
    "c",
  ]);
});

Deno.test("a scan counts nothing below an incomplete source listing as absent", async () => {
  using fixture = new Fixture(TREE, { "a/extra": "x", "a/b/extra": "x", "elsewhere": "x" });
  await fixture.scan();
  await transferAll(fixture);
  const before = fixture.files();
  await fixture.scan({ faults: { source: [{ call: "list", path: "a", errno: "EIO" }] } });
  assert.deepEqual(fixture.files(), before);
  assert.deepEqual(fixture.extras(), ["file elsewhere"]);
  assert.equal(fixture.backlog.scanCounts(2, "source").errors, 1);
  // and when it is a single name that cannot be looked at
  await fixture.scan({ faults: { source: [{ call: "list", path: "a", problem: "b" }] } });
  assert.deepEqual(fixture.files(), before);
  assert.deepEqual(fixture.extras(), ["file elsewhere"]);
  await fixture.scan();
  assert.deepEqual(fixture.extras(), ["file a/b/extra", "file a/extra", "file elsewhere"]);
});

Deno.test("a scan marks what stands in the way of the other kind", async () => {
  using fixture = new Fixture(
    { "file-here": "1", "directory-here/x": "1", "link-here": { target: "a" } },
    { "file-here/below": "1", "directory-here": "1", "link-here": "file" },
  );
  await fixture.scan();
  assert.deepEqual(fixture.extras(), [
    "directory file-here conflict",
    "file directory-here conflict",
    "file file-here/below conflict",
  ]);
  const reasons = fixture.query("SELECT name, reason FROM file ORDER BY name");
  assert.deepEqual(reasons, [
    { name: "file-here", reason: 6 },
    { name: "link-here", reason: 4 },
    { name: "x", reason: 1 },
  ]);
});

Deno.test("a scan keeps names apart that are not UTF-8", async () => {
  const odd = { ["\udcff/\udcfe"]: "1" };
  using fixture = new Fixture({ ...odd, ["\udcff/\ufffd"]: "2", "\ufffd": "3" }, odd);
  await fixture.scan();
  assert.equal(fixture.query("SELECT count(*) AS n FROM file")[0]!.n, 3);
  const jobs = fixture.jobs();
  assert.deepEqual(
    jobs.flatMap(({ path, files }) => files.map(({ name }) => `${path}/${name}`)).sort(),
    ["/\ufffd", "\udcff/\ufffd"].sort(),
  );
  await transferAll(fixture);
  await fixture.scan();
  assert.deepEqual(fixture.jobs(), []);
});

Deno.test("a scan that was interrupted goes on at the first directory that was not listed", async () => {
  using fixture = new Fixture({ "a/one": "1", "b/two": "2" }, { "b/two": "2" });
  const store = await fixture.begin();
  await fixture.walk(store, "source", { limit: 2 });
  await fixture.walk(store, "destination", { limit: 1 });
  fixture.reopen();
  assert.equal(fixture.backlog.lastScan()!.finished, false);
  const resumed = fixture.resume();
  assert.deepEqual(resumed.queued("source", 0, 10).map(({ path }) => path), ["b"]);
  await fixture.walk(resumed, "source");
  await fixture.walk(resumed, "destination");
  fixture.backlog.finishScan(resumed.scan);
  fixture.check();
  assert.deepEqual(fixture.files(), ["pending a/one", "synced b/two"]);
  assert.equal(fixture.backlog.lastScan()!.finished, true);
});

Deno.test("a scan takes a huge directory in chunks, also when it is interrupted among them", async () => {
  const many = (from: number, to: number) =>
    Object.fromEntries(
      Array.from({ length: to - from }, (_, i) => [`d/f${String(from + i).padStart(6, "0")}`, "x"]),
    );
  using fixture = new Fixture(many(0, 12_000), many(6_000, 13_000));
  const store = await fixture.begin();
  await fixture.walk(store, "source", { limit: 1 });
  await fixture.walk(store, "source", { limit: 1, chunks: 2 });
  const halfway = fixture.backlog.scanCounts(store.scan, "source");
  assert.ok(halfway.files > 0 && halfway.files < 12_000, `${halfway.files} files so far`);
  fixture.reopen();
  const resumed = fixture.resume();
  await fixture.walk(resumed, "destination");
  await fixture.walk(resumed, "source");
  fixture.backlog.finishScan(resumed.scan);
  fixture.check();
  assert.deepEqual(fixture.backlog.transfer.pending(), { files: 6_000, bytes: 6_000 });
  assert.deepEqual(fixture.backlog.extras.count(), { files: 1000, bytes: 1000, directories: 0 });
  assert.deepEqual(fixture.backlog.scanCounts(resumed.scan, "source"), {
    directories: 2,
    files: 12_000,
    bytes: 12_000,
    errors: 0,
    done: true,
  });
  assert.deepEqual(fixture.query("SELECT count(*) AS n FROM listing"), [{ n: 0 }]);
});

Deno.test("a new scan takes the place of one that was interrupted", async () => {
  using fixture = new Fixture(TREE, { "a/extra": "1" });
  const store = await fixture.begin();
  await fixture.walk(store, "destination");
  await fixture.walk(store, "source", { limit: 1 });
  fixture.from.remove("a");
  fixture.to.remove("a");
  await fixture.scan();
  assert.deepEqual(fixture.files(), ["pending three"]);
  assert.deepEqual(fixture.extras(), []);
});

Deno.test("scans agree with what the trees have, whatever was there before", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryTree,
      arbitraryTree,
      arbitraryTree,
      fc.nat(3),
      async (a, b, c, turns) => {
        using fixture = new Fixture(a, b);
        await fixture.scan({ turns: turns + 1 });
        for (const path of Object.keys(fixture.from.tree())) fixture.from.remove(path);
        fill(fixture.from, c);
        await fixture.scan({ turns: turns + 1 });
        const from = fixture.from.tree(), to = fixture.to.tree();
        const files = Object.entries(from).filter(([, { kind }]) => kind !== "directory");
        assert.equal(fixture.files().length, files.length);
        const equal = files.filter(([path, { kind, content, target, mtime }]) =>
          to[path]?.kind === kind && to[path]!.mtime === mtime && to[path]!.target === target &&
          content?.length === to[path]!.content?.length
        );
        const synced = fixture.files().filter((line) => line.startsWith("synced"));
        assert.equal(synced.length, equal.length);
        const extra = Object.entries(to).filter(([path, { kind }]) =>
          from[path] === undefined || (from[path]!.kind === "directory") !== (kind === "directory")
        );
        assert.equal(fixture.extras().length, extra.length);
      },
    ),
    numRuns(60),
  );
});

Deno.test("a scan looks at no file of a directory that is known to be in sync when nothing changed", async () => {
  using fixture = new Fixture({ "a/one": "1", "b/two": "2" }, { "a/one": "1", "b/other": "3" });
  const unsettled = () =>
    fixture.query("SELECT path FROM directory WHERE unsettled <> 0").map(({ path }) => path);
  await fixture.scan();
  assert.deepEqual(unsettled(), ["b"]);
  await fixture.scan();
  assert.deepEqual(unsettled(), ["b"]);
  // what has no look at its files must still see when they change
  fill(fixture.from, { "a/one": "longer" });
  await fixture.scan();
  assert.deepEqual(fixture.files(), ["pending a/one", "pending b/two"]);
  assert.deepEqual(unsettled(), ["a", "b"]);
  await transferAll(fixture);
  // what was transferred to its end needs no look either
  assert.deepEqual(unsettled(), []);
  fixture.to.remove("b/other");
  await fixture.scan();
  assert.deepEqual(fixture.files(), ["synced a/one", "synced b/two"]);
  assert.deepEqual(unsettled(), []);
});

Deno.test("a scan keeps no listing of the destination that is what the source is known to have", async () => {
  using fixture = new Fixture({ "a/one": "1", "b/two": "2" }, { "a/one": "1", "b/two": "longer" });
  const store = await fixture.begin();
  await fixture.walk(store, "source");
  await fixture.walk(store, "destination");
  assert.deepEqual(fixture.query("SELECT * FROM listing"), []);
  fixture.backlog.finishScan(store.scan);
  fixture.check();
  assert.deepEqual(fixture.files(), ["pending b/two", "synced a/one"]);
});

Deno.test("a scan that was interrupted in a directory does not take it for unchanged afterwards", async () => {
  const small = { "a/one": "1" };
  using fixture = new Fixture(small, small);
  await fixture.scan();
  const before = fixture.query("SELECT source_complete FROM directory WHERE path = 'a'");
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`a/f${i}`, ""]));
  fill(fixture.from, many);
  const store = await fixture.begin();
  await fixture.walk(store, "source", { limit: 1 });
  await fixture.walk(store, "source", { limit: 1, chunks: 1 });
  fixture.reopen();
  for (const path of Object.keys(many)) fixture.from.remove(path);
  const resumed = fixture.resume();
  await fixture.walk(resumed, "source");
  await fixture.walk(resumed, "destination");
  fixture.backlog.finishScan(resumed.scan);
  fixture.check();
  assert.deepEqual(fixture.files(), ["synced a/one"]);
  assert.deepEqual(
    fixture.query("SELECT source_complete FROM directory WHERE path = 'a'"),
    before,
  );
});

Deno.test("a scan of trees that were in sync agrees with that of a new database, whatever changed", async () => {
  const known = (fixture: Fixture) => ({
    files: fixture.files(),
    extras: fixture.extras(),
    directories: fixture.query(`
      SELECT path, source_state, destination_state, conflict,
        iif(source_state = ${STATE.listed}, hex(source_content), '') AS source,
        iif(destination_state = ${STATE.listed}, hex(destination_content), '') AS destination
      FROM directory ORDER BY path`),
    links: fixture.query(`
      SELECT path, h.name FROM hard_link_there h JOIN directory ON id = directory ORDER BY 1, 2`),
  });
  const replace = (backend: Fixture["from"], tree: Tree) => {
    for (const path of Object.keys(backend.tree())) backend.remove(path);
    fill(backend, tree);
  };
  await fc.assert(
    fc.asyncProperty(
      arbitraryTree,
      fc.option(arbitraryTree),
      fc.option(arbitraryTree),
      fc.nat(2),
      async (tree, source, destination, turns) => {
        using fixture = new Fixture(tree, tree);
        for (let i = 0; i < 2; i++) await fixture.scan({ turns: turns + 1 });
        if (source !== null) replace(fixture.from, source);
        if (destination !== null) replace(fixture.to, destination);
        await fixture.scan({ turns: turns + 1 });
        using fresh = new Fixture(source ?? tree, destination ?? tree);
        await fresh.scan({ turns: turns + 1 });
        assert.deepEqual(known(fixture), known(fresh));
      },
    ),
    numRuns(60),
  );
});

Deno.test("a scan tells of no directory that is in sync as before, and of each in which that changed", async () => {
  const tree = { "a/one": "1", "b/two": "2", "c/d/three": "3" };
  using fixture = new Fixture(tree, tree);
  const decided = async (first: Side) => {
    const store = await fixture.begin();
    const found: number[] = [];
    const put = store.put.bind(store);
    store.put = (side, listed) => {
      const news = put(side, listed);
      found.push(...news);
      return news;
    };
    for (const side of [first, first === "source" ? "destination" : "source"] as const) {
      await fixture.walk(store, side);
    }
    fixture.backlog.finishScan(store.scan);
    fixture.check();
    const paths = fixture.query("SELECT id, path FROM directory");
    return found.map((id) => paths.find((row) => row.id === id)!.path).sort();
  };
  await fixture.scan();
  for (const first of ["source", "destination"] as const) {
    assert.deepEqual(await decided(first), [], first);
    fill(fixture.to, { "b/extra": "x" });
    assert.deepEqual(await decided(first), ["b"], first);
    assert.deepEqual(fixture.extras(), ["file b/extra"]);
    fixture.to.remove("b/extra");
    assert.deepEqual(await decided(first), ["b"], first);
    assert.deepEqual(fixture.extras(), []);
    fill(fixture.from, { "a/one": "longer" });
    assert.deepEqual(await decided(first), ["a"], first);
    assert.deepEqual(fixture.backlog.transfer.pending(), { files: 1, bytes: 6 });
    await transferAll(fixture);
    assert.deepEqual(await decided(first), [], first);
    fill(fixture.from, { "a/one": "1" });
    fill(fixture.to, { "a/one": "1" });
    assert.deepEqual(await decided(first), ["a"], first);
  }
});
