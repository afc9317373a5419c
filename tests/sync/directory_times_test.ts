/** Directories of a local disk that are made with their files get their times with their name. */
import assert from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { withAround } from "../../src/backend/around.ts";
import { spawnInProcess } from "../../src/hands.ts";
import { LOCAL, openDisk } from "../testing/open_disk.ts";
import { DiskWorld } from "../testing/world.ts";

const ignore = Deno.build.os !== "linux";
const OLD = new Date("2001-02-03T04:05:06.789Z");
const DIRECTORIES = ["", "above", "above/leaf", "leaf"];

function oldWorld(): DiskWorld {
  const world = new DiskWorld({ "leaf/a": "1", "leaf/b": "2", "above/leaf/c": "3" });
  for (const path of DIRECTORIES.toReversed()) {
    Deno.utimeSync(`${world.source}/${path}`, OLD, OLD);
  }
  return world;
}

/** Opens a disk, with `called` before each call that is made at once. */
function opener(root: string, called: (call: string, path: string) => void) {
  return async (at: string, temporaryName: () => string): Promise<Backend> => {
    const backend = await openDisk(at, temporaryName, LOCAL);
    if (at !== root) return backend;
    return withAround(backend, {
      call: (_call, _path, make) => make(),
      now(call, path, make) {
        called(call, path);
        return make();
      },
    });
  };
}

function assertTimes(world: DiskWorld): void {
  for (const path of DIRECTORIES) {
    const [from, to] = [world.source, world.destination].map((root) =>
      Deno.statSync(`${root}/${path}`).mtime!.getTime()
    );
    assert.equal(to, from, path);
  }
}

/** The records of directories: "action path mtime". */
function told(world: DiskWorld): string[] {
  return world.records().filter(({ kind }) => kind === "directory").map((one) =>
    `${one.action} ${String(one.source).slice(world.source.length + 1)} ${one.mtime}`
  ).sort();
}

Deno.test({
  name: "sync gives a directory its times with its files, in one record",
  ignore,
  async fn() {
    using world = oldWorld();
    const { summary } = await world.run();
    assert.equal(summary.exitCode, 0);
    assertTimes(world);
    const then = "2001-02-03T04:05:06.789000000Z";
    assert.deepEqual(told(world), [
      "mkdir above null",
      `mkdir above/leaf ${then}`,
      `mkdir leaf ${then}`,
      `times  ${then}`,
      `times above ${then}`,
    ]);
    const again = await world.run({ rescan: true, dryRun: true });
    assert.deepEqual(again.planned, []);
  },
});

Deno.test({
  name: "sync gives a directory its times at the end if a file goes into it after its name",
  ignore,
  async fn() {
    using world = oldWorld();
    let changed = false;
    const open = opener(world.source, (call, path) => {
      if (changed || call !== "readParcel" || path !== "leaf") return;
      changed = true;
      // it is not as the scan saw it: it takes the ordinary way, behind the others
      Deno.writeTextFileSync(`${world.source}/leaf/a`, "longer than before");
    });
    const { summary } = await world.run({ open, spawn: spawnInProcess(open) });
    assert.equal(summary.exitCode, 0);
    assert.ok(changed);
    assertTimes(world);
    assert.equal(Deno.readTextFileSync(`${world.destination}/leaf/a`), "longer than before");
    assert.deepEqual(told(world).filter((one) => one.includes(" leaf ")), [
      "mkdir leaf null",
      "times leaf 2001-02-03T04:05:06.789000000Z",
    ]);
  },
});

Deno.test({
  name: "sync records what a directory's times were when it was read, and finds what changed since",
  ignore,
  async fn() {
    using world = oldWorld();
    let added = false;
    const open = opener(world.destination, (call, path) => {
      if (added || call !== "nameDirectory" || path !== "leaf") return;
      added = true;
      Deno.writeTextFileSync(`${world.source}/leaf/new`, "4");
    });
    const { summary } = await world.run({ open, spawn: spawnInProcess(open) });
    assert.equal(summary.exitCode, 0);
    assert.ok(added);
    assert.equal(Deno.statSync(`${world.destination}/leaf`).mtime!.getTime(), OLD.getTime());
    const next = await world.run();
    assert.equal(next.summary.exitCode, 0);
    assert.equal(next.summary.copied.files, 1);
    assertTimes(world);
  },
});
