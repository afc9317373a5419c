import assert from "node:assert/strict";
import { Fixture, outcomeOf } from "./fixture.ts";
import type { Outcome } from "../../src/job.ts";
import type { PackedFiles } from "../../src/packed.ts";
import { EXACT } from "../../src/times.ts";

const MANY = Object.fromEntries(
  Array.from(
    { length: 100 },
    (_, i) => [`d${i % 3}/f${String(i).padStart(3, "0")}`, "x".repeat(i)],
  ),
);

Deno.test("jobs give out each pending file once per pass, in bounded pieces", async () => {
  using fixture = new Fixture(MANY, { "d1/f001": "x" });
  await fixture.scan();
  const limits = { files: 7, bytes: 200 };
  for (let pass = 0; pass < 2; pass++) {
    const jobs = fixture.jobs(limits, 2);
    const paths = jobs.flatMap(({ path, files }) => files.map(({ name }) => `${path}/${name}`));
    assert.equal(paths.length, 99);
    assert.equal(new Set(paths).size, 99);
    for (const { files } of jobs) {
      assert.ok(files.length <= 7);
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      assert.ok(bytes <= 200 || files.length === 1);
    }
    // the last job of each directory says so, and no other
    for (const path of ["d0", "d1", "d2"]) {
      const lasts = jobs.filter((job) => job.path === path).map(({ last }) => last);
      assert.deepEqual(lasts, lasts.map((_, i) => i === lasts.length - 1));
    }
  }
});

Deno.test("jobs put a large file into a job of its own, and small ones before and behind it", async () => {
  const sizes = { "d/1": 1, "d/2": 99, "d/3": 100, "d/4": 500, "d/5": 60, "d/6": 60 };
  using fixture = new Fixture(
    Object.fromEntries(Object.entries(sizes).map(([path, size]) => [path, "x".repeat(size)])),
  );
  await fixture.scan();
  const jobs = fixture.jobs({ files: 10, bytes: 200, alone: 100 });
  const names = jobs.map(({ files }) => files.map(({ name }) => name).join(""));
  assert.deepEqual(names, ["12", "3", "4", "56"]);
  assert.deepEqual(jobs.map(({ last }) => last), [false, false, false, true]);
});

Deno.test("jobs take directories in turn", async () => {
  using fixture = new Fixture(MANY);
  await fixture.scan();
  const paths = fixture.jobs({ files: 5, bytes: Infinity }, 3).map(({ path }) => path);
  assert.equal(new Set(paths.slice(0, 3)).size, 3);
  assert.equal(new Set(paths.slice(3, 6)).size, 3);
});

Deno.test("jobs name the directories that are not at the destination, the topmost first", async () => {
  using fixture = new Fixture({ "a/b/c/d/file": "1" }, { a: null });
  await fixture.scan();
  const [job] = fixture.jobs();
  assert.deepEqual(job!.missing.map(({ path }) => path), ["a/b", "a/b/c", "a/b/c/d"]);
  fixture.backlog.transaction(() => {
    for (const { directory } of job!.missing.slice(0, 2)) {
      assert.equal(fixture.backlog.transfer.made(directory), true);
      assert.equal(fixture.backlog.transfer.made(directory), false);
    }
  });
  assert.deepEqual(fixture.jobs()[0]!.missing.map(({ path }) => path), ["a/b/c/d"]);
});

Deno.test("a job marks its directory before a temporary can appear in it", async () => {
  using fixture = new Fixture({ "a/file": "1", "b/file": "1" }, { "b/file": "1" });
  await fixture.scan();
  assert.deepEqual(fixture.backlog.transfer.inFlight(), []);
  const [job] = fixture.jobs();
  // the directory itself may be the temporary, in the one above it
  assert.deepEqual(fixture.backlog.transfer.inFlight().map(({ path }) => path), ["", "a"]);
  fixture.backlog.transaction(() => fixture.backlog.transfer.landed([job!.directory, job!.whole!]));
  assert.deepEqual(fixture.backlog.transfer.inFlight(), []);
});

Deno.test("jobs hold all of a new directory up to their limit for that, and no more of any other", async () => {
  const names = (directory: string, files: number) =>
    Array.from({ length: files }, (_, i) => [`${directory}/f${i}`, "x"] as const);
  using fixture = new Fixture(
    Object.fromEntries([
      ...names("leaf", 19),
      ...names("exactly", 20),
      ...names("there", 15),
      ...names("above", 15),
      ["above/below/f", "x"],
    ]),
    { "there": null },
  );
  await fixture.scan();
  const jobs = fixture.jobs({ files: 7, bytes: Infinity, whole: 20 }, 1);
  const sizes = (of: string) =>
    jobs.filter(({ path }) => path === of).map(({ files }) => files.length);
  assert.deepEqual(sizes("leaf"), [19]);
  for (const path of ["there", "above"]) assert.deepEqual(sizes(path), [7, 7, 1]);
  assert.deepEqual(sizes("exactly"), [7, 7, 6]);
  const wholes = jobs.filter(({ whole }) => whole !== null).map(({ path }) => path);
  assert.deepEqual(wholes.sort(), ["above/below", "leaf"]);
});

Deno.test("jobs name what is missing above them as it is when a directory was made meanwhile", async () => {
  using fixture = new Fixture({ "a/b/file": "1", "a/c/file": "1", "a/d/file": "1" });
  await fixture.scan();
  const { transfer } = fixture.backlog;
  const missing = () => fixture.jobs().map((job) => job.missing.map(({ path }) => path));
  const [job] = fixture.jobs();
  assert.deepEqual(missing(), [["a", "a/b"], ["a", "a/c"], ["a", "a/d"]]);
  fixture.backlog.transaction(() => transfer.made(job!.missing[0]!.directory));
  assert.deepEqual(missing(), [["a/b"], ["a/c"], ["a/d"]]);
  assert.throws(() =>
    fixture.backlog.transaction(() => {
      transfer.settle({ outcomes: [], wholes: new Map([[job!.directory, job!.whole!]]) }, "sha256");
      assert.deepEqual(transfer.missingAbove(job!.directory, job!.path), []);
      throw new Error("rolled back");
    })
  );
  assert.deepEqual(missing(), [["a/b"], ["a/c"], ["a/d"]]);
});

for (
  const [what, given] of [
    ["it lands with all its files", { files: ["f", "g"], lands: true }],
    ["it lands with all its files, and has its times", {
      files: ["f", "g"],
      lands: true,
      times: true,
    }],
    ["a job of it is under way", { files: ["f", "g"], lands: false }],
    ["a job of it is under way, and it had its times", {
      files: ["f", "g"],
      lands: false,
      times: true,
    }],
    ["some of its files are not there", { files: ["f"], lands: true }],
    ["some of its files are not there, and it has its times", {
      files: ["f"],
      lands: true,
      times: true,
    }],
    ["none of its files is there", { files: [], lands: true }],
  ] as const
) {
  Deno.test(`settle records a directory that was made with its files when ${what}`, async () => {
    using fixture = new Fixture({ "a/f": "1", "a/g": "23" });
    await fixture.scan();
    const { transfer } = fixture.backlog;
    const [job] = fixture.jobs();
    fixture.backlog.transaction(() => {
      // what is not in flight any more is not known to be touched
      transfer.landed([job!.whole!]);
      fixture.backlog.directories.timed(job!.whole!, 0n);
      transfer.settle({
        outcomes: given.files.map((name) => outcomeOf(job!, name)),
        landed: given.lands ? [job!.directory] : [],
        wholes: new Map([[job!.directory, job!.whole!]]),
        timed: "times" in given ? [{ directory: job!.directory, mtime: -2, mtimeNanos: 5 }] : [],
      }, "sha256");
    });
    const isTimed = "times" in given && given.lands;
    if (isTimed) {
      const [times] = fixture.query(
        "SELECT source_mtime AS s, destination_mtime AS d " +
          "FROM directory WHERE path = 'a'",
      );
      assert.deepEqual(times, { s: -1_999_999_995, d: -1_999_999_995 });
    }
    const rows = fixture.query(`SELECT path, destination_state AS state, touched, in_flight,
      pending_files AS files, unsettled FROM directory ORDER BY path`);
    assert.deepEqual(rows[0], {
      path: "",
      state: 2,
      touched: 1,
      in_flight: 0,
      files: 0,
      unsettled: rows[0]!.unsettled,
    });
    const left = 2 - given.files.length;
    assert.deepEqual(rows[1], {
      path: "a",
      state: 2,
      touched: isTimed ? 0 : 1,
      in_flight: given.lands ? 0 : 1,
      files: left,
      unsettled: left === 0 ? 0 : 2,
    });
    if (isTimed && left > 0) {
      // what is put into it later changes its times
      assert.equal(fixture.jobs().length, 1);
      const touched = fixture.query("SELECT touched FROM directory WHERE path = 'a'");
      assert.deepEqual(touched, [{ touched: 1 }]);
    }
    fixture.check();
  });
}

Deno.test("settle records successes, failures and files that are gone", async () => {
  using fixture = new Fixture({ "good": "12", "bad": "345", "gone": "6" });
  await fixture.scan();
  const { transfer } = fixture.backlog;
  const [job] = fixture.jobs();
  const error = { code: "EIO", message: "broken", path: "bad", scope: "entry", retryable: true };
  fixture.backlog.transaction(() =>
    transfer.settle({
      outcomes: [
        outcomeOf(job!, "good", { size: 7 }),
        outcomeOf(job!, "bad", { status: "failure", hash: null, error: error as never }),
        outcomeOf(job!, "gone", { status: "skipped", action: "skip", hash: null }),
      ],
    }, "sha256")
  );
  assert.deepEqual(transfer.remaining(), { files: 1, bytes: 3 });
  fixture.check();
  const rows = fixture.query(`SELECT source_path AS path, status, hash, hash_algorithm, size, error,
    attempts, permissions FROM files ORDER BY 1`);
  assert.deepEqual(rows, [
    {
      path: "/source/bad",
      status: "pending",
      hash: null,
      hash_algorithm: null,
      size: 3,
      error: "broken",
      attempts: 1,
      permissions: "0644 0:0",
    },
    {
      path: "/source/good",
      status: "synced",
      hash: "ab".repeat(32),
      hash_algorithm: "sha256",
      size: 7,
      error: null,
      attempts: 1,
      permissions: "0644 1:2",
    },
  ]);
});

const PARCEL = ["f1", "f2", "f3", "f5", "f6"];

for (
  const [what, changed] of [
    ["all files between the first and the last", []],
    ["files with others between them", ["f4"]],
    ["files of which one has gone from the record", ["-f3"]],
    ["files of which one was settled before", ["+f2"]],
  ] as const
) {
  Deno.test(`settle records each hash at its own file when a parcel has ${what}`, async () => {
    const tree = Object.fromEntries(
      [...PARCEL, ...changed, "f0", "f7"].flatMap((name) =>
        /^[-+]/.test(name) ? [] : [[`a/${name}`, "12"], [`b/${name}`, "1"]]
      ),
    );
    using fixture = new Fixture(tree);
    await fixture.scan();
    const { transfer } = fixture.backlog;
    const job = fixture.jobs().find(({ path }) => path === "a")!;
    const [change = ""] = changed;
    fixture.backlog.transaction(() => {
      const before = change.startsWith("+")
        ? {}
        : { status: "skipped", action: "skip", hash: null };
      if (/^[-+]/.test(change)) {
        const outcomes = [outcomeOf(job, change.slice(1), before as Partial<Outcome>)];
        transfer.settle({ outcomes }, "sha256");
      }
      const parcel: PackedFiles = {
        directory: job.directory,
        action: "copy",
        files: PARCEL.length,
        bytes: 2 * PARCEL.length,
        names: PARCEL.map((name) => `${name}\0`).join(""),
        hashes: PARCEL.map((name) => `${name}`.padEnd(64, "0")).join(""),
      };
      transfer.settle({ outcomes: [], parcels: [parcel] }, "sha256");
    });
    const rows = fixture.query(`
      SELECT f.name AS name, f.status AS status, lower(hex(f.hash)) AS hash FROM file f
      JOIN directory d ON d.id = f.directory WHERE d.path = 'a' ORDER BY f.name`);
    for (const { name, status, hash } of rows) {
      const inParcel = PARCEL.includes(String(name));
      assert.equal(status, inParcel ? 1 : 0, String(name));
      assert.equal(hash || null, inParcel ? String(name).padEnd(64, "0") : null, String(name));
    }
    assert.equal(rows.length, Object.keys(tree).length / 2 - (change.startsWith("-") ? 1 : 0));
    assert.deepEqual(
      fixture.query(`SELECT count(*) AS n FROM file JOIN directory d ON d.id = directory
        WHERE d.path = 'b' AND status = 1`),
      [{ n: 0 }],
    );
  });
}

Deno.test("untimed gives directories to be timed, the deepest first", async () => {
  using fixture = new Fixture({ "a/b/c": null, "a/x": "1", "z": null }, { "a/b/c": null, z: null });
  await fixture.scan();
  const { directories } = fixture.backlog;
  const untimed = () => directories.untimed({ depth: 1e9, id: 0 }, 100, { times: EXACT });
  fixture.backlog.transaction(() => {
    for (const { id } of untimed()) directories.timed(id, 5n);
  });
  assert.deepEqual(untimed(), []);
  const [job] = fixture.jobs();
  assert.deepEqual(untimed().map(({ path }) => path), ["a"], job!.path);
});

Deno.test("a transaction that fails leaves nothing of it", async () => {
  using fixture = new Fixture({ a: "1" });
  await fixture.scan();
  const [job] = fixture.jobs();
  assert.throws(() =>
    fixture.backlog.transaction(() => {
      fixture.backlog.transfer.settle({ outcomes: [outcomeOf(job!, "a")] }, "sha256");
      throw new Error("no");
    }), /no/);
  assert.deepEqual(fixture.files(), ["pending a"]);
  fixture.check();
});

for (const remembered of [0, 2, 100]) {
  Deno.test(`JobSource gives out what a scan decides meanwhile, each once (${remembered})`, async () => {
    const names = [..."abcdefghijkl"];
    using fixture = new Fixture(Object.fromEntries(names.map((name) => [`${name}/f`, "1"])));
    const { backlog } = fixture;
    const store = await fixture.begin();
    const limits = { files: 64, bytes: Infinity };
    const jobs = backlog.jobs({ limits, spread: 2, scan: store.scan, remembered });
    const given: string[] = [];
    const take = () => {
      for (let job; (job = backlog.transaction(() => jobs.next())) !== undefined;) {
        given.push(job.path);
      }
    };
    const idOf = (path: string) =>
      Number(fixture.query("SELECT id, path FROM directory").find((row) => row.path === path)!.id);
    take();
    assert.deepEqual(given, []);
    await fixture.walk(store, "destination");
    await fixture.walk(store, "source", { limit: 6 });
    jobs.news(names.slice(0, 5).map(idOf));
    take();
    assert.deepEqual(given.toSorted(), names.slice(0, 5));
    await fixture.walk(store, "source");
    backlog.finishScan(store.scan);
    jobs.news(names.slice(5).map(idOf));
    jobs.complete();
    take();
    assert.deepEqual(given.toSorted(), names.toSorted());
  });
}
