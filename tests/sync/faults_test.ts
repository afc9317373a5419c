import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Rule, turns } from "../testing/faulty_backend.ts";
import { essence, fill, MemoryWorld, THEN } from "../testing/world.ts";

for (const durability of ["file", "group"] as const) {
  for (const call of ["create", "write", "finish", "commit", "flush"] as const) {
    if (call === "flush" && durability === "file") continue;
    Deno.test(`sync stops and cleans up when the disk is full at ${call} (${durability})`, async () => {
      const files = Object.fromEntries(
        Array.from({ length: 40 }, (_, i) => [`d${i % 5}/f${i}`, "x".repeat(1000 * i)]),
      );
      using world = new MemoryWorld(files, { "d0/f0": "old" }, { durability });
      const faults = { destination: [{ call, after: 1, errno: "ENOSPC" }] };
      const { summary } = await world.run({ faults, blockSize: 4096, queueCapacity: 2 });
      assert.equal(summary.exitCode, 3);
      assert.equal(summary.outcome, "stopped");
      assert.ok(summary.reason!.startsWith(`the destination ${world.destination}: cannot `));
      assert.match(summary.reason!, /no space left on device \(ENOSPC\)/);
      const left = Object.keys(world.to.tree()).filter((path) => path.includes(".sluice-"));
      assert.deepEqual(left, []);
      for (const line of world.statuses().filter((line) => line.startsWith("synced"))) {
        assert.deepEqual(essence(world.to)[line.slice(7)], essence(world.from)[line.slice(7)]);
      }
      assert.equal(world.records().at(-1)!.exit_code, 3);
      assert.equal((await world.run()).summary.exitCode, 0);
      assert.deepEqual(essence(world.to), essence(world.from));
    });
  }
}

/** Faults of one file: what its record says, and that the others are copied. */
const ENTRY_FAULTS: readonly { source?: Rule; destination?: Rule; error: RegExp }[] = [
  { source: { call: "open", errno: "EACCES" }, error: /permission denied/ },
  { source: { call: "read", errno: "EIO" }, error: /input\/output error/ },
  // a FUSE file system whose cache is full says so of its own files
  { source: { call: "open", errno: "ENOSPC" }, error: /no space left on device/ },
  { source: { call: "read", errno: "EDQUOT" }, error: /disk quota exceeded/ },
  { source: { call: "lookAgain", errno: "ENOSPC" }, error: /no space left on device/ },
  {
    source: { call: "read", short: 1 },
    error: /changed while it was read: it ends at byte 1 of 3/,
  },
  { source: { call: "lookAgain", errno: "ESTALE" }, error: /stale/ },
  { destination: { call: "create", errno: "ENAMETOOLONG" }, error: /name too long/ },
  { destination: { call: "write", errno: "EIO" }, error: /input\/output error/ },
  { destination: { call: "finish", errno: "EIO" }, error: /input\/output error/ },
  { destination: { call: "commit", errno: "EACCES" }, error: /permission denied/ },
];

for (const { source, destination, error } of ENTRY_FAULTS) {
  const [side, rule] = source ? ["source", source] : ["destination", destination!];
  const what = rule.errno ?? "short";
  Deno.test(`sync fails one file when its ${rule.call} at the ${side} says ${what}`, async () => {
    using world = new MemoryWorld({ "d/bad": "bad", "d/good": "1", "good": "2" }, {
      "d/bad": "old content",
    });
    const faults = { [side as string]: [{ ...rule, path: "d/bad" }] };
    const { summary } = await world.run({ faults });
    assert.equal(summary.exitCode, 1);
    assert.equal(summary.failed, 1);
    assert.deepEqual(summary.failures.map(({ path }) => path), ["d/bad"]);
    assert.match(summary.failures[0]!.message, error);
    assert.deepEqual(summary.pending, { files: 1, bytes: 3 });
    assert.equal(essence(world.to)["d/bad"]!.content, "old content");
    assert.deepEqual(world.statuses(), ["pending d/bad", "synced d/good", "synced good"]);
    const [row] = world.query("SELECT hash, error, attempts FROM files WHERE status = 'pending'");
    assert.equal(row!.hash, null);
    assert.equal(row!.attempts, 1);
    assert.match(String(row!.error), error);
    const record = world.records().find(({ status }) => status === "failure")!;
    assert.match(String(record.error), error);
    assert.equal(record.checksum, null);
    assert.ok(!Object.keys(world.to.tree()).some((path) => path.includes(".sluice-")));
    assert.equal((await world.run()).summary.exitCode, 0);
    assert.deepEqual(essence(world.to), essence(world.from));
  });
}

/** What happens to a file between the first byte and the last look at it. */
const CHANGES: Record<string, (world: MemoryWorld) => void> = {
  "grows": (world) => fill(world.from, { file: "x".repeat(50_001) }),
  "shrinks": (world) => fill(world.from, { file: "x".repeat(10) }),
  "is replaced by one of equal size and time": (world) =>
    fill(world.from, { file: "y".repeat(50_000) }),
  "gets another time": (world) =>
    void world.from.setTimes("file", { mtime: THEN + 1n, atime: THEN }),
  "is removed": (world) => world.from.remove("file"),
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`sync never calls a file synced that ${what} while it is read`, async () => {
    using world = new MemoryWorld({ file: "x".repeat(50_000) });
    const { summary } = await world.run({
      blockSize: 10_000,
      faults: {
        source: [{ call: "read", path: "file", after: 2, times: 1, act: () => change(world) }],
      },
    });
    assert.equal(summary.exitCode, 1);
    assert.match(summary.failures[0]!.message, /changed while it was read/);
    assert.deepEqual(world.to.tree(), {});
    assert.deepEqual(world.statuses(), ["pending file"]);
    assert.equal((await world.run()).summary.exitCode, 0);
    assert.deepEqual(essence(world.to), essence(world.from));
  });
}

Deno.test("sync records the hash of exactly the bytes that it wrote", async () => {
  const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251);
  using world = new MemoryWorld();
  fill(world.from, { file: { content }, empty: "" });
  for (const algorithm of ["md5", "sha1", "sha256", "blake2b"] as const) {
    fill(world.to, { file: "old", empty: "old" });
    await world.run({ checksum: algorithm, blockSize: 7777 });
    const name = algorithm === "blake2b" ? "blake2b512" : algorithm;
    const hash = (data: Uint8Array) => createHash(name).update(data).digest("hex");
    assert.deepEqual(
      world.query("SELECT hash, hash_algorithm FROM files ORDER BY source_path DESC"),
      [content, new Uint8Array()].map((data) => ({ hash: hash(data), hash_algorithm: algorithm })),
    );
    assert.deepEqual(world.to.tree()["file"]!.content, content);
  }
});

Deno.test("sync stops when a root vanishes in the middle", async () => {
  for (const side of ["source", "destination"] as const) {
    using world = new MemoryWorld({ a: "1", b: "2", c: "3" });
    const gone: Rule[] = [
      { call: "identify", after: 2, errno: "ENOENT" },
      { call: side === "source" ? "open" : "create", errno: "ENOENT" },
    ];
    const { summary } = await world.run({ overlap: false, faults: { [side]: gone } });
    assert.equal(summary.exitCode, 3, side);
    assert.match(summary.reason!, new RegExp(`the ${side} .* is gone \\(unmounted\\?\\)`));
    assert.deepEqual(world.statuses().filter((line) => line.startsWith("synced")), []);
    assert.equal(world.statuses().length, 3);
  }
});

Deno.test("sync ends when it is aborted while a call hangs for ever", async () => {
  using world = new MemoryWorld({ a: "1", hangs: "2" }, {}, { durability: "file" });
  const stop = new AbortController();
  const release = Promise.withResolvers<void>();
  const run = world.run({
    signal: stop.signal,
    faults: {
      source: [{ call: "read", path: "hangs", act: () => stop.abort(), until: release.promise }],
    },
  });
  // the rule waits before it acts, so the abort comes from here
  await turns(20);
  stop.abort(new Error("enough"));
  const { summary } = await run;
  assert.equal(summary.exitCode, 130);
  assert.deepEqual(world.statuses().includes("pending hangs"), true);
  release.resolve();
  await turns(20);
});

Deno.test("sync survives a temporary of an earlier run that cannot be removed", async () => {
  using world = new MemoryWorld({ "d/file": "1" });
  await world.run();
  const [{ token }] = world.query("SELECT token FROM run") as [{ token: string }];
  const dead = `.sluice-${token.split("-")[0]}-1-0-0z1.part`;
  fill(world.to, { [`d/${dead}`]: "half" });
  const { summary, events } = await world.run({
    rescan: true,
    deleteExtras: true,
    faults: { destination: [{ call: "removeFile", errno: "EACCES" }] },
  });
  assert.equal(summary.outcome, "in sync");
  assert.ok(events.some((event) => event.type === "note" && /stays in d/.test(event.message)));
  assert.ok(`d/${dead}` in world.to.tree());
});

Deno.test("sync fails one file when it cannot be said whether it is still there", async () => {
  using world = new MemoryWorld({ bad: "1", good: "2" });
  const { summary } = await world.run({
    faults: {
      source: [
        { call: "open", path: "bad", errno: "ENOENT" },
        { call: "look", path: "bad", errno: "EIO" },
      ],
    },
  });
  assert.equal(summary.exitCode, 1);
  assert.deepEqual(world.statuses(), ["pending bad", "synced good"]);
});
