import assert from "node:assert/strict";
import type { Jobs } from "../../src/backlog/job_source.ts";
import type { ScanStore } from "../../src/backlog/scan_store.ts";
import type { Job, Outcome } from "../../src/job.ts";
import { stampOf } from "../../src/stamp.ts";
import type { Tree } from "../testing/world.ts";
import { Fixture, outcomeOf } from "./fixture.ts";

/** More than two chunks of a listing. */
const MANY = 9000;

function many(directory = ""): Tree {
  return Object.fromEntries(
    Array.from({ length: MANY }, (_, i) => [`${directory}${String(i * 7919 % MANY)}`, "x"]),
  );
}

/** Begins a scan that is carried beside. */
async function early(fixture: Fixture): Promise<{ store: ScanStore; jobs: Jobs }> {
  const store = await fixture.begin();
  return { store, jobs: carry(fixture, store) };
}

function carry(fixture: Fixture, store: ScanStore): Jobs {
  fixture.backlog.transaction(() => store.go({ early: true }));
  const limits = { files: 64, bytes: Infinity };
  return fixture.backlog.jobs({ limits, spread: 4, scan: store.scan });
}

/** All jobs that there are by now; the scan told of `directory`. */
function take(fixture: Fixture, jobs: Jobs, directory: number | null = 1): Job[] {
  if (directory !== null) jobs.news([directory]);
  const all: Job[] = [];
  fixture.backlog.transaction(() => {
    for (let job = jobs.next(); job !== undefined; job = jobs.next()) all.push(job);
  });
  return all;
}

function namesOf(jobs: readonly Job[]): string[] {
  return jobs.flatMap(({ files }) => files.map(({ name }) => name));
}

async function settle(fixture: Fixture, jobs: readonly Job[]): Promise<void> {
  const outcomes: Outcome[] = [], tree = fixture.from.tree();
  for (const job of jobs) {
    for (const { name } of job.files) {
      const path = job.path === "" ? name : `${job.path}/${name}`;
      fixture.to.put(path, tree[path]!);
      outcomes.push(outcomeOf(job, name, { stamp: stampOf((await fixture.from.look(path))!) }));
    }
  }
  fixture.backlog.transaction(() => fixture.backlog.transfer.settle({ outcomes }, "sha256"));
}

Deno.test("a directory of which the destination has nothing is carried while it is listed", async () => {
  using fixture = new Fixture({ ...many(), "below/file": "1" });
  const { store, jobs } = await early(fixture);
  await fixture.walk(store, "destination");
  await fixture.walk(store, "source", { chunks: 1 });
  const first = take(fixture, jobs);
  assert.ok(namesOf(first).length >= 4096 && namesOf(first).length < MANY);
  assert.ok(first.every(({ last }) => !last));
  fixture.check();
  await settle(fixture, first.slice(0, 20));
  fixture.check();

  // the rest comes with the same listing, which is not begun again
  let count = 0;
  for await (const listed of fixture.listing("")) {
    if (count++ > 0) fixture.backlog.transaction(() => store.put("source", [listed]));
  }
  fixture.check();
  const rest = take(fixture, jobs);
  assert.deepEqual(rest.map(({ last }) => last), [...rest.slice(1).map(() => false), true]);
  assert.deepEqual(new Set([...namesOf(first), ...namesOf(rest)]).size, MANY);
  assert.equal(namesOf(first).length + namesOf(rest).length, MANY);

  await fixture.walk(store, "source");
  fixture.backlog.finishScan(store.scan);
  const [below] = fixture.query("SELECT id FROM directory WHERE path = 'below'");
  assert.deepEqual(namesOf(take(fixture, jobs, Number(below!.id))), ["file"]);
  await settle(fixture, [...first.slice(20), ...rest]);
  fixture.check();
  assert.equal(fixture.backlog.transfer.pending().files, 1);
  assert.deepEqual(fixture.extras(), []);
});

Deno.test("what was carried of a directory stays so when its listing is interrupted", async () => {
  using fixture = new Fixture(many("d/"));
  {
    const { store, jobs } = await early(fixture);
    await fixture.walk(store, "destination");
    await fixture.walk(store, "source", { limit: 1 });
    await fixture.walk(store, "source", { chunks: 1 });
    const first = take(fixture, jobs, 2);
    assert.ok(namesOf(first).length >= 4096);
    assert.deepEqual(first[0]!.missing, [{ directory: 2, path: "d" }]);
    fixture.backlog.transaction(() => fixture.backlog.transfer.made(2));
    await settle(fixture, first.slice(0, 20));
  }
  fixture.reopen();
  const store = fixture.resume();
  const jobs = carry(fixture, store);
  await fixture.walk(store, "source");
  // nobody knows yet what the destination has
  assert.equal(take(fixture, jobs, null).length, 0);
  await fixture.walk(store, "destination");
  fixture.backlog.finishScan(store.scan);
  fixture.check();
  const rest = take(fixture, jobs, 2);
  assert.equal(namesOf(rest).length, MANY - 20 * 64);
  await settle(fixture, rest);
  assert.deepEqual(fixture.backlog.transfer.pending(), { files: 0, bytes: 0 });
  assert.deepEqual(fixture.query("SELECT * FROM parted"), []);
});

Deno.test("a directory whose listing fails half-way is not taken for complete", async () => {
  using fixture = new Fixture(many("d/"));
  const { store, jobs } = await early(fixture);
  await fixture.walk(store, "destination");
  await fixture.walk(store, "source", { limit: 1 });
  await fixture.walk(store, "source", { chunks: 1 });
  const first = take(fixture, jobs, 2);
  const error = { code: "EIO", message: "cannot list", path: "d", retryable: true } as const;
  const failed = { id: 2, path: "d", error: { ...error, scope: "entry" as const } };
  fixture.backlog.transaction(() => store.put("source", [failed]));
  const rest = take(fixture, jobs, 2);
  assert.deepEqual([namesOf(rest), rest.at(-1)!.last], [[], true]);
  fixture.backlog.finishScan(store.scan);
  await settle(fixture, first);
  fixture.check();
  const [state] = fixture.query("SELECT source_state AS state FROM directory WHERE id = 2");
  assert.equal(state!.state, 3);
});

for (
  const [what, destination, isEarly] of [
    ["the destination has something in its place", { "d/other": "1" }, true],
    ["nothing is carried beside the scan", {}, false],
  ] as const
) {
  Deno.test(`a directory is not carried before it is listed when ${what}`, async () => {
    using fixture = new Fixture(many("d/"), destination);
    const store = await fixture.begin();
    fixture.backlog.transaction(() => store.go({ early: isEarly }));
    const limits = { files: 64, bytes: Infinity };
    const jobs = fixture.backlog.jobs({ limits, spread: 4, scan: store.scan });
    await fixture.walk(store, "destination");
    await fixture.walk(store, "source", { limit: 1 });
    await fixture.walk(store, "source", { chunks: 1 });
    assert.equal(take(fixture, jobs, 2).length, 0);
    await fixture.walk(store, "source");
    assert.equal(namesOf(take(fixture, jobs, 2)).length, MANY);
  });
}
