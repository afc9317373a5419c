import assert from "node:assert/strict";
import fc from "fast-check";
import type { JobLimits } from "../../src/backlog/job_source.ts";
import { type Order, ORDERS } from "../../src/options.ts";
import { numRuns } from "../testing/trees.ts";
import { essence, MemoryWorld, type Tree } from "../testing/world.ts";
import { Fixture } from "./fixture.ts";

const LIMITS = { files: 5, bytes: 2000 };

/** All jobs in an order. */
function jobsIn(fixture: Fixture, order: Order, limits: JobLimits = LIMITS) {
  const source = fixture.backlog.jobs({ limits, spread: 3, scan: null, order });
  return fixture.backlog.transaction(() => {
    const jobs = [];
    for (let job; (job = source.next()) !== undefined;) jobs.push(job);
    return jobs;
  });
}

function indexes(fixture: Fixture): unknown[] {
  return fixture.query("SELECT name FROM sqlite_schema WHERE name LIKE 'file_pending_by%'")
    .map(({ name }) => name);
}

/** Sizes and times that do not go with the names. */
const TREE: Tree = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => {
    const size = (i * 37) % 61, age = (i * 23) % 67;
    const content = "x".repeat(size);
    return [`${(i * 7) % 5}/${i}`, { content, mtime: 1_000_000_000_123_456_789n + BigInt(age) }];
  }),
);

function value(path: string, order: Order): bigint {
  const { content, mtime } = TREE[path] as { content: string; mtime: bigint };
  const by = order === "size" || order === "largest" ? BigInt(content.length) : mtime;
  return order === "largest" || order === "newest" ? -by : by;
}

for (const order of ["size", "largest", "oldest", "newest"] as const) {
  Deno.test(`jobs give out everything once, ${order} first, as far as a page goes`, async () => {
    using fixture = new Fixture(TREE);
    await fixture.scan();
    const jobs = jobsIn(fixture, order);
    const paths = jobs.flatMap(({ path, files }) => files.map(({ name }) => `${path}/${name}`));
    assert.deepEqual(paths.toSorted(), Object.keys(TREE).sort());
    for (const { path, files } of jobs) {
      assert.ok(files.length <= LIMITS.files);
      const values = files.map(({ name }) => value(`${path}/${name}`, order));
      assert.deepEqual(values, values.toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0));
    }
    const first = `${jobs[0]!.path}/${jobs[0]!.files[0]!.name}`;
    const best = Object.keys(TREE).reduce((a, b) => value(b, order) < value(a, order) ? b : a);
    assert.equal(value(first, order), value(best, order));
  });
}

Deno.test("jobs in an order go on over pages, with equal values and any names", async () => {
  const tree: Tree = Object.fromEntries(
    Array.from({ length: 2500 }, (_, i) => [`${i % 3}/${i % 2 ? "é" : "\udcff"}${i}`, "same"]),
  );
  using fixture = new Fixture(tree);
  await fixture.scan();
  for (const order of ["size", "largest", "oldest", "newest", "path"] as const) {
    const paths = jobsIn(fixture, order)
      .flatMap(({ path, files }) => files.map(({ name }) => `${path}/${name}`));
    assert.equal(paths.length, 2500);
    assert.equal(new Set(paths).size, 2500);
  }
});

Deno.test("jobs by path take one directory after the other", async () => {
  using fixture = new Fixture({
    root: "1",
    "b/c/2": "",
    "b/1": "",
    "a/x": "",
    "a b/x": "",
    "é/x": "",
  });
  await fixture.scan();
  const jobs = jobsIn(fixture, "path");
  assert.deepEqual(jobs.map(({ path }) => path), ["", "a", "a b", "b", "b/c", "é"]);
  assert.ok(jobs.every(({ last }) => last));
});

Deno.test("jobs in an order put a large file into a job of its own", async () => {
  const tree: Tree = Object.fromEntries([1, 9, 100, 5, 7].map((size, i) => [
    `d/${i}`,
    { content: "x".repeat(size), mtime: BigInt(i) * 1_000_000_000n },
  ]));
  using fixture = new Fixture(tree);
  await fixture.scan();
  const limits = { files: 10, bytes: 1000, alone: 100 };
  const jobs = jobsIn(fixture, "oldest", limits);
  const names = jobs.map(({ files }) => files.map(({ name }) => name).join(""));
  assert.deepEqual(names, ["01", "2", "34"]);
});

Deno.test("jobs keep an index for their order only, and read it without sorting", async () => {
  using fixture = new Fixture(TREE);
  await fixture.scan();
  assert.deepEqual(indexes(fixture), []);
  jobsIn(fixture, "largest");
  assert.deepEqual(indexes(fixture), ["file_pending_by_size"]);
  const plan = fixture.query(`EXPLAIN QUERY PLAN
    SELECT f.directory, d.path, f.name, f.kind, f.size FROM file f
      INDEXED BY file_pending_by_size CROSS JOIN directory d ON d.id = f.directory
    WHERE f.status = 0 AND d.destination_state <> 3 AND (f.size, f.directory, f.name) < (9, 9, '')
    ORDER BY f.size DESC, f.directory DESC, f.name DESC LIMIT 1024`)
    .map(({ detail }) => String(detail));
  assert.ok(plan.every((line) => !/TEMP B-TREE/.test(line)), plan.join("\n"));
  jobsIn(fixture, "oldest");
  assert.deepEqual(indexes(fixture), ["file_pending_by_mtime"]);
  jobsIn(fixture, "found");
  assert.deepEqual(indexes(fixture), []);
});

Deno.test("sync brings both sides in line in any order, and makes empty directories", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...ORDERS),
      fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { maxLength: 40 }),
      async (order, numbers) => {
        const tree: Tree = Object.fromEntries(
          numbers.map((n) => [`${n % 4}/${n % 3}/${n}`, "x".repeat(n)]),
        );
        using world = new MemoryWorld({ ...tree, "0/0/0": "newer", "empty/one": null }, {
          "0/0/0": "old",
        });
        const { summary } = await world.run({ order });
        assert.equal(summary.outcome, "in sync");
        assert.deepEqual(essence(world.to), essence(world.from));
        const inFlight = world.query("SELECT count(*) AS n FROM directory WHERE in_flight = 1");
        assert.equal(inFlight[0]!.n, 0);
      },
    ),
    numRuns(40),
  );
});
