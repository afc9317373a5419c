import assert from "node:assert/strict";
import { openBackend } from "../../src/backend/open.ts";
import { SyncError } from "../../src/errors.ts";
import type { VerifyEvent } from "../../src/verify/progress.ts";
import { verify, type VerifyEnvironment, type VerifyOptions } from "../../src/verify/verify.ts";
import { isInSample } from "../../src/verify/sample.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { assertGoldenFile } from "../testing/golden.ts";
import { DiskWorld, MemoryWorld, THEN, writeTree } from "../testing/world.ts";

const temporaryName = () => assert.fail("a verification makes no temporaries");

type Given = Partial<VerifyOptions & VerifyEnvironment> & { readonly faults?: readonly Rule[] };

/** Runs a verification of a world, and gathers what it told. */
async function run(world: DiskWorld | MemoryWorld, { faults, ...given }: Given = {}) {
  const events: VerifyEvent[] = [];
  const options = {
    db: world.db,
    log: world.log,
    sample: { millionths: 1_000_000, seed: 1 },
    bwlimit: null,
    modifyWindow: null,
    restart: false,
    ...given,
  };
  const summary = await verify(options, {
    signal: new AbortController().signal,
    base: world.top,
    interruptedCode: () => 130,
    reporter: () => ({ event: (event) => events.push(event), [Symbol.dispose]() {} }),
    open: async (root) =>
      withFaults(await openBackend(root, { temporaryName, latency: "waiting" }), faults ?? []),
    ...given,
  });
  const findings = events.flatMap((event) =>
    event.type === "finding" ? [`${event.result} ${event.path}: ${event.detail}`] : []
  );
  const notes = events.flatMap((event) => event.type === "note" ? [event.message] : []);
  return { summary, findings: findings.sort(), notes, events };
}

async function synced(tree: Record<string, string>): Promise<DiskWorld> {
  const world = new DiskWorld(tree);
  assert.equal((await world.run()).summary.exitCode, 0);
  return world;
}

/** A file's content changed with its times kept, as a bad disk does. */
function rot(path: string, change: (bytes: Uint8Array) => void): void {
  const { atime, mtime } = Deno.statSync(path);
  const bytes = Deno.readFileSync(path);
  change(bytes);
  Deno.writeFileSync(path, bytes);
  Deno.utimeSync(path, atime!, mtime!);
}

const WINDOW = { modifyWindow: 1_000_000 };

Deno.test("verify finds a whole destination as recorded, and says so in database and log", async () => {
  using world = await synced({ "a/one": "1", "a/two": "22", empty: "" });
  const { summary, findings, notes } = await run(world);
  assert.equal(summary.outcome, "as recorded");
  assert.equal(summary.exitCode, 0);
  assert.deepEqual([findings, notes], [[], []]);
  assert.deepEqual(summary.totals, {
    files: 3,
    bytes: 3,
    different: 0,
    missing: 0,
    unreadable: 0,
  });
  const rows = world.query("SELECT dest_path, result, detail, run FROM verifications ORDER BY 1");
  assert.deepEqual(
    rows.map((row) => Object.values(row)),
    ["a/one", "a/two", "empty"].map((path) => [
      `${world.destination}/${path}`,
      "as recorded",
      null,
      2,
    ]),
  );
});

Deno.test("verify finds one flipped bit, in the first, a middle and the last byte", async () => {
  const size = 5 * 2 ** 20 + 7;
  using world = await synced({ big: "x".repeat(size), other: "y" });
  for (const at of [0, 2 ** 20 - 1, 2 ** 20, 3_000_001, size - 1]) {
    rot(`${world.destination}/big`, (bytes) => bytes[at]! ^= 4);
    const { summary, findings } = await run(world, WINDOW);
    assert.equal(summary.exitCode, 1, `byte ${at}`);
    assert.match(
      findings.join(),
      /^different big: content: sha256 [0-9a-f]{64}, recorded [0-9a-f]/,
    );
    assert.equal(summary.totals.different, 1);
    rot(`${world.destination}/big`, (bytes) => bytes[at]! ^= 4);
  }
  assert.equal((await run(world, WINDOW)).summary.exitCode, 0);
});

Deno.test("verify finds what is missing, replaced, of another size or time, or unreadable", async () => {
  using world = await synced({
    gone: "1",
    longer: "1",
    later: "1",
    dir: "1",
    link: "1",
    bad: "1",
    pipe: "1",
  });
  const at = (path: string) => `${world.destination}/${path}`;
  Deno.removeSync(at("gone"));
  rot(at("longer"), () => {});
  Deno.writeTextFileSync(at("longer"), "12");
  Deno.utimeSync(at("later"), 1e9, 1e9);
  for (const path of ["dir", "link", "pipe"]) Deno.removeSync(at(path));
  new Deno.Command("mkfifo", { args: [at("pipe")] }).outputSync();
  Deno.mkdirSync(at("dir"));
  Deno.symlinkSync("later", at("link"));
  const { summary, findings } = await run(world, {
    faults: [{ call: "read", path: "bad", errno: "EIO" }],
  });
  assert.equal(summary.exitCode, 1);
  const times = "modified \\S+Z, recorded \\S+Z";
  const expected = [
    "different dir: it is a directory, not a regular file",
    `different later: modified 2001-09-09T01:46:40.000000000Z, recorded \\S+Z`,
    "different link: it is a symlink, not a regular file",
    `different longer: size 2, recorded 1; ${times}`,
    "different pipe: it is a special file, not a regular file",
    "missing gone: it is not there",
    "unreadable bad: .*EIO.*",
  ];
  assert.equal(findings.length, expected.length, findings.join("\n"));
  expected.forEach((text, i) => assert.match(findings[i]!, new RegExp(`^${text}$`)));
  assert.deepEqual(summary.totals, {
    files: 7,
    bytes: 7,
    different: 5,
    missing: 1,
    unreadable: 1,
  });
});

Deno.test("verify finds a file that changes while it is read", async () => {
  using world = await synced({ file: "1" });
  const path = `${world.destination}/file`;
  const { findings } = await run(world, {
    faults: [{ call: "lookAgain", path: "file", act: () => Deno.utimeSync(path, 1e9, 1e9) }],
  });
  assert.deepEqual(findings, ["different file: changed while it was read"]);
});

Deno.test("verify compares size and time only where sluice has not copied the file", async () => {
  using world = new DiskWorld({ there: { content: "1", mtime: THEN } }, {
    there: { content: "2", mtime: THEN },
  });
  assert.equal((await world.run()).summary.exitCode, 0);
  const { summary, findings } = await run(world);
  assert.deepEqual(findings, []);
  assert.equal(summary.unhashed, 1);
});

Deno.test("verify uses the algorithm of each file, and tells how many are pending", async () => {
  using world = await synced({ first: "1" });
  writeTree(world.source, { second: "2", blocked: "3" });
  writeTree(world.destination, { "blocked/in": "" });
  assert.equal((await world.run({ checksum: "blake2b" })).summary.exitCode, 1);
  const { summary, notes } = await run(world);
  assert.equal(summary.exitCode, 0);
  assert.equal(summary.totals.files, 2);
  assert.equal(summary.pending, 1);
  assert.deepEqual(notes, ["1 file is pending, and not verified"]);
});

Deno.test("verify reads the sample and nothing else", async () => {
  const paths = Array.from({ length: 300 }, (_, i) => `d${i % 7}/f${i}`);
  using world = await synced(Object.fromEntries(paths.map((path) => [path, path])));
  const sample = { millionths: 100_000, seed: 7 };
  const { summary } = await run(world, { sample });
  const wanted = paths.filter((path) => isInSample(path, sample)).sort();
  assert.equal(summary.totals.files, wanted.length);
  const read = world.records().filter(({ action }) => action === "verify")
    .map(({ destination }) => String(destination).slice(world.destination.length + 1));
  assert.deepEqual(read.sort(), wanted);
});

Deno.test("verify goes on where it was interrupted, and tells what was found before", async () => {
  const paths = Array.from({ length: 600 }, (_, i) => `d${i % 3}/f${String(i).padStart(3, "0")}`);
  using world = await synced(Object.fromEntries(paths.map((path) => [path, path])));
  for (const path of ["d0/f000", "d2/f599"]) Deno.removeSync(`${world.destination}/${path}`);
  const verified = () =>
    world.records().filter(({ action }) => action === "verify").map(({ destination }) =>
      String(destination)
    );
  const stop = new AbortController();
  const first = await run(world, {
    signal: stop.signal,
    faults: [{ call: "open", path: "d1/f301", act: () => stop.abort(new Error("enough")) }],
  });
  assert.equal(first.summary.outcome, "interrupted");
  assert.equal(first.summary.exitCode, 130);
  const before = verified();
  assert.ok(before.length > 250 && before.length < 350, `${before.length}`);
  const second = await run(world);
  assert.equal(second.summary.exitCode, 1);
  assert.equal(second.summary.totals.files, 600);
  assert.deepEqual(second.findings, [
    "missing d0/f000: it is not there",
    "missing d2/f599: it is not there",
  ]);
  const start = second.events[0]!;
  assert.ok(start.type === "start" && start.resumed?.files === before.length);
  // each exactly once
  assert.deepEqual(verified().sort(), paths.map((path) => `${world.destination}/${path}`).sort());
  // a third begins anew
  assert.equal((await run(world)).summary.totals.missing, 2);
  assert.equal(verified().length, 1200);
});

Deno.test("verify begins anew with --restart or another sample", async () => {
  using world = await synced({ a: "1", b: "2", c: "3" });
  const interrupted = async () => {
    const stop = new AbortController();
    const act = () => stop.abort(new Error("enough"));
    const { summary } = await run(world, {
      signal: stop.signal,
      faults: [{ call: "open", path: "c", act }],
    });
    assert.equal(summary.outcome, "interrupted");
  };
  for (const given of [{ restart: true }, { sample: { millionths: 1_000_000, seed: 2 } }]) {
    await interrupted();
    const { events, summary } = await run(world, given);
    assert.ok(events[0]!.type === "start" && events[0]!.resumed === null);
    assert.equal(summary.totals.files, 3);
  }
});

Deno.test("verify stops when the destination vanishes, and calls nothing missing", async () => {
  using world = await synced({ a: "1", b: "2" });
  const away = () => {
    Deno.renameSync(world.destination, `${world.top}/away`);
    Deno.mkdirSync(world.destination);
  };
  const { summary, findings } = await run(world, {
    faults: [{ call: "open", path: "b", errno: "ENOENT", act: away }],
  });
  assert.equal(summary.outcome, "stopped");
  assert.equal(summary.exitCode, 3);
  assert.match(summary.reason!, /is not the directory any more that it was/);
  assert.deepEqual(findings, []);
  await assert.rejects(run(world), (error) => {
    assert.ok(error instanceof SyncError && error.scope === "run");
    assert.match(error.message, /is not the directory that was scanned before \(is it mounted/);
    return true;
  });
  Deno.removeSync(world.destination);
  await assert.rejects(run(world), /cannot read the destination: .*is it mounted\?$/);
  Deno.renameSync(`${world.top}/away`, world.destination);
  assert.equal((await run(world)).summary.exitCode, 0);
});

Deno.test("verify leaves a file that never answers behind when it is interrupted", async () => {
  using world = new MemoryWorld({ hangs: "1" });
  assert.equal((await world.run()).summary.exitCode, 0);
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const act = async () => {
    stop.abort(new Error("enough"));
    await promise;
  };
  const { summary } = await run(world, {
    signal: stop.signal,
    open: () => Promise.resolve(withFaults(world.to, [{ call: "read", path: "hangs", act }])),
  });
  assert.equal(summary.outcome, "interrupted");
  assert.equal(summary.totals.files, 0);
  resolve();
});

Deno.test("verify says where it cannot read past the cache", async () => {
  using world = await synced({ a: "1", b: "2" });
  const { notes, summary } = await run(world, {
    open: (root) => openBackend(root, { temporaryName, portable: true }),
    ...WINDOW,
  });
  assert.equal(summary.exitCode, 0);
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /cache cannot be passed by here \(portable\)/);
});

/** What the process has had to read from disks so far, in bytes. */
function readFromDisk(): number {
  return Number(/^read_bytes: (\d+)$/m.exec(Deno.readTextFileSync("/proc/self/io"))![1]);
}

function isOnDisk(): boolean {
  if (Deno.build.os !== "linux") return false;
  const directory = Deno.makeTempDirSync();
  const { stdout } = new Deno.Command("stat", { args: ["-f", "-c", "%T", directory] }).outputSync();
  Deno.removeSync(directory);
  return !/tmpfs|ramfs/.test(new TextDecoder().decode(stdout));
}

Deno.test({
  name: "verify reads from the disk what the cache still has",
  ignore: !isOnDisk(),
  async fn() {
    const size = 8 * 2 ** 20;
    using world = await synced({ big: "x".repeat(size) });
    Deno.readFileSync(`${world.destination}/big`);
    const before = readFromDisk();
    assert.equal((await run(world)).summary.exitCode, 0);
    assert.ok(readFromDisk() - before >= size, `${readFromDisk() - before} bytes`);
  },
});

Deno.test("the records of a verification are exactly the documented ones", async () => {
  using world = await synced({ "a/good": "abc", bad: "xyz", gone: "" });
  rot(`${world.destination}/bad`, (bytes) => bytes[0] = 0x21);
  Deno.removeSync(`${world.destination}/gone`);
  await run(world, { ...WINDOW, bwlimit: 1e9 });
  const lines = world.records().filter(({ run }) => run === 2).map(({ seq: _, ...record }) => {
    const text = JSON.stringify(record).replaceAll(world.top, "/top")
      .replace(/"(prev|check)":"[0-9a-f]+"/g, (_, key) => `"${key}":"${key.toUpperCase()}"`)
      .replace(/"(time|mtime)":"[^"]*Z"/g, '"$1":"TIME"')
      .replace(/"duration_ms":[\d.]+/, '"duration_ms":0')
      .replace(/"version":"[^"]*"/, '"version":"VERSION"');
    return `${text}\n`;
  });
  const [start, ...rest] = lines;
  const end = rest.pop();
  const golden = new URL("./golden/audit.jsonl", import.meta.url);
  assertGoldenFile(golden, [start, ...rest.sort(), end].join(""));
});
