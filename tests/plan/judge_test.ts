import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { type MemoryBackend, memoryBackend } from "../../src/backend/memory.ts";
import { loadLibc } from "../../src/backend/posix/libc.ts";
import { openPosix } from "../../src/backend/posix/posix.ts";
import type { Extra } from "../../src/backlog/backlog.ts";
import { ALL_APART } from "../../src/name_rules.ts";
import type { RunContext } from "../../src/context.ts";
import { parentOf } from "../../src/entry.ts";
import { judge, type Verdict } from "../../src/plan/judge.ts";
import { mountedSubject } from "../backend/mounted.ts";
import { FakeClock } from "../testing/fake_clock.ts";
import { type Rule, withFaults } from "../testing/faulty_backend.ts";
import { fill, THEN } from "../testing/world.ts";

// outside of a test, where no sanitizer asks for it to be unloaded
const libc = loadLibc();

interface Parts {
  readonly source: Backend;
  readonly destination: Backend;
  readonly clock?: FakeClock;
  readonly gate?: { closed: boolean };
  readonly checkRoots?: () => Promise<void>;
}

function contextOf(parts: Parts): RunContext {
  const { clock = new FakeClock(), gate = { closed: false } } = parts;
  return {
    checkRoots: () => Promise.resolve(),
    signal: new AbortController().signal,
    ...parts,
    clock,
    control: { gate },
  } as unknown as RunContext;
}

/** Extras as a scan has found them: directories have a "/" at their end. */
function extrasOf(paths: readonly string[], known: Partial<Extra> = {}): Extra[] {
  const directories: string[] = [];
  return paths.map((text) => {
    const path = text.replace(/\/$/, ""), parent = parentOf(path);
    if (!directories.includes(parent)) directories.push(parent);
    return {
      directory: directories.indexOf(parent) + 1,
      name: path.slice(parent === "" ? 0 : parent.length + 1),
      path,
      depth: parent === "" ? 0 : parent.split("/").length,
      kind: text.endsWith("/") ? "directory" : "file",
      size: 1,
      mtime: THEN,
      conflict: false,
      attempted: 0,
      missedScans: 1,
      firstMissedAt: 0,
      ...known,
    };
  });
}

async function judged(context: RunContext, extras: readonly Extra[]): Promise<string[]> {
  const verdicts: Verdict[] = [];
  const verdict = (verdict: Verdict) => void verdicts.push(verdict);
  await judge(context, extras, { trash: null, verdict });
  return verdicts.map(({ extra, removed, moot, why }) =>
    `${extra.path}: ${moot ? "moot" : removed === null ? why : "removed"}`
  );
}

function memories(rules: (parts: { from: MemoryBackend; to: MemoryBackend }) => Rule[]) {
  const options = { temporaryName: () => "", capabilities: {} };
  const from = memoryBackend({ ...options, root: "/from" });
  const to = memoryBackend({ ...options, root: "/to" });
  return { from, to, destination: withFaults(to, rules({ from, to })) };
}

Deno.test("judge removes what the source has in another spelling only", async () => {
  const rules = { ...ALL_APART, letters: true };
  const source = memoryBackend({ root: "/s", temporaryName: () => "", names: { rules } });
  fill(source, { "reports/x": "1", "reports/New": "1" });
  const { to: destination } = memories(() => []);
  fill(destination, { "Reports/x": "1", "reports/x": "1", "reports/New": "1" });
  const context = contextOf({ source, destination });
  assert.deepEqual(await judged(context, extrasOf(["Reports/x", "reports/New"])), [
    "reports/New: not deleted: the source has it now",
    "Reports/x: removed",
  ]);
  assert.deepEqual(await judged(context, extrasOf(["Reports/"])), ["Reports: removed"]);
  assert.deepEqual(
    Object.keys(destination.tree()).sort(),
    ["reports", "reports/New", "reports/x"],
  );
});

for (const what of ["takes too long", "is paused"]) {
  Deno.test(`judge looks at the source once more when the run ${what} after its look`, async () => {
    const clock = new FakeClock(), gate = { closed: false };
    const { from, to, destination } = memories(({ from }) => [{
      call: "look",
      path: "b",
      act: async () => {
        if (what === "is paused") gate.closed = true;
        else await clock.advance(10_001);
        fill(from, { b: "back" });
      },
      times: 1,
    }]);
    fill(to, { a: "1", b: "1" });
    const source = withFaults(from, [{
      call: "look",
      after: 2,
      act: () => void (gate.closed = false),
    }]);
    const lines = await judged(
      contextOf({ source, destination, clock, gate }),
      extrasOf(["a", "b"]),
    );
    assert.deepEqual(lines.sort(), ["a: removed", "b: not deleted: the source has it now"]);
    assert.deepEqual(Object.keys(to.tree()), ["b"]);
  });
}

Deno.test("judge comes to an end when every look takes longer than one is good for", async () => {
  const clock = new FakeClock();
  const { from, to, destination } = memories(() => [{
    call: "look",
    act: () => clock.advance(15_000),
  }]);
  fill(to, { a: "1" });
  const lines = await judged(contextOf({ source: from, destination, clock }), extrasOf(["a"]));
  assert.deepEqual(lines, ["a: removed"]);
});

/** A source and a destination on a real disk, where many calls are made in one go. */
async function disks() {
  const make = () =>
    mountedSubject(
      (root, temporaryName) => openPosix(root, libc, { temporaryName, latency: "immediate" }),
      { linkTimes: true, earlyTimes: true },
    );
  return { from: await make(), to: await make() };
}

function write(root: string, ...paths: string[]): void {
  for (const path of paths) {
    Deno.mkdirSync(`${root}/${parentOf(path)}`, { recursive: true });
    if (path.endsWith("/")) continue;
    Deno.writeTextFileSync(`${root}/${path}`, "1");
    // what a double holds exactly
    Deno.utimeSync(`${root}/${path}`, 1_000_000_000, 1_000_000_000);
  }
}

const KNOWN = { mtime: 1_000_000_000_000_000_000n };

Deno.test("judge removes directories of several depths from the deepest up, and not what the source has", async () => {
  const { from, to } = await disks();
  write(to.root, "keep", "x/f", "x/y/z/", "x/y/w/", "old");
  write(from.root, "keep", "x/y/w/");
  const context = contextOf({ source: from.backend, destination: to.backend });
  const files = await judged(context, extrasOf(["old", "x/f", "x/none"], KNOWN));
  assert.deepEqual(files.toSorted(), ["old: removed", "x/f: removed", "x/none: moot"]);
  const directories = extrasOf(["x/y/z/", "x/y/w/", "x/y/", "x/"], KNOWN);
  const lines = await judged(context, directories);
  assert.deepEqual(
    lines.toSorted(),
    [
      "x/y/w: not deleted: the source has it now",
      "x/y/z: removed",
      "x/y: not deleted: the source has it now",
      "x: not deleted: the source has it now",
    ].toSorted(),
  );
  Deno.removeSync(`${from.root}/x`, { recursive: true });
  assert.deepEqual(await judged(context, directories), [
    "x/y/z: moot",
    "x/y/w: removed",
    "x/y: removed",
    "x: removed",
  ]);
  assert.deepEqual([...Deno.readDirSync(to.root)].map(({ name }) => name), ["keep"]);
  await from.dispose();
  await to.dispose();
});

Deno.test("judge believes no handle of a source directory that was replaced meanwhile", async () => {
  const { from, to } = await disks();
  write(to.root, "d/old");
  write(from.root, "d/other");
  // opened, and kept open
  assert.equal((await from.backend.look("d/other"))?.kind, "file");
  Deno.renameSync(`${from.root}/d`, `${from.root}/before`);
  write(from.root, "d/old");
  const context = contextOf({ source: from.backend, destination: to.backend });
  assert.deepEqual(await judged(context, extrasOf(["d/old"], KNOWN)), [
    "d/old: not deleted: the source has it now",
  ]);
  await from.dispose();
  await to.dispose();
});

Deno.test("judge removes nothing of a batch when a root has changed after the looks", async () => {
  const { from, to } = await disks();
  write(to.root, "a", "b");
  const checkRoots = () => Promise.reject(new Error("another root"));
  const context = contextOf({ source: from.backend, destination: to.backend, checkRoots });
  await assert.rejects(judged(context, extrasOf(["a", "b"], KNOWN)), /another root/);
  assert.deepEqual([...Deno.readDirSync(to.root)].map(({ name }) => name).sort(), ["a", "b"]);
  await from.dispose();
  await to.dispose();
});
