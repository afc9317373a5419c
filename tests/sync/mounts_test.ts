import assert from "node:assert/strict";
import { mayMount, MountNamespace } from "../testing/mount_namespace.ts";
import { queryDatabase } from "../testing/query.ts";
import { type Line, WatchedRun } from "../testing/watched_run.ts";

const ignore = !mayMount();

/** Two file systems with files on the one and extras on the other, each reachable twice. */
class Mounts implements AsyncDisposable {
  private constructor(readonly space: MountNamespace) {}

  static async make(): Promise<Mounts> {
    const space = await MountNamespace.make();
    const { top } = space;
    await space.sh(`
      cd ${top}
      mkdir source destination keep-source keep-destination
      for side in source destination; do
        mount -t tmpfs -o size=100M tmpfs keep-$side
        mount --bind keep-$side $side
      done
      for d in 1 2 3 4; do
        mkdir source/d$d
        for f in $(seq 50); do head -c 50000 /dev/urandom > source/d$d/f$f; done
      done
      for f in 1 2 3; do echo extra > destination/extra$f; done`);
    return new Mounts(space);
  }

  run(...options: string[]): WatchedRun {
    const command = (name: string, args: readonly string[]) => this.space.command(name, args);
    const db = `${this.space.top}/sluice.db`, log = `${this.space.top}/audit.jsonl`;
    const base = [`${this.space.top}/source`, `${this.space.top}/destination`];
    return new WatchedRun(command, [...base, "--db", db, "--log", log, ...options]);
  }

  /** A slow run with deletions that has copied some of the files. */
  async underway(...options: string[]): Promise<WatchedRun> {
    const run = this.run("--delete-extras", "--bwlimit", "3M", ...options);
    await run.line((line) => copied(line) > 0);
    return run;
  }

  async unmount(side: string): Promise<void> {
    await this.space.sh(`umount --lazy ${this.space.top}/${side}`);
  }

  async mountAgain(side: string): Promise<void> {
    await this.space.sh(`cd ${this.space.top} && mount --bind keep-${side} ${side}`);
  }

  /** Names below a path, as the namespace sees it. */
  async names(path: string): Promise<string[]> {
    const found = await this.space.sh(`cd ${this.space.top}/${path} && find . -mindepth 1`);
    return found.split("\n").filter((name) => name !== "").sort();
  }

  /** What rsync would say, had it been asked: nothing when both sides have the same content. */
  async difference(): Promise<string> {
    return await this.space.sh(`cd ${this.space.top} && diff -r source destination 2>&1 || true`);
  }

  records(): Line[] {
    return Deno.readTextFileSync(`${this.space.top}/audit.jsonl`).split("\n")
      .filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  deletions(): number {
    return this.records().filter(({ action }) => action === "delete").length;
  }

  scans(): number {
    return this.records().filter(({ type }) => type === "scan").length;
  }

  synced(): number {
    const db = `${this.space.top}/sluice.db`;
    const [row] = queryDatabase(db, "SELECT count(*) AS n FROM files WHERE status = 'synced'");
    return Number(row!.n);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.space[Symbol.asyncDispose]();
  }
}

function copied(line: Line): number {
  return line.type === "progress" ? (line.copied as { files: number }).files : 0;
}

for (const side of ["source", "destination"]) {
  Deno.test({
    name: `sync pauses while its ${side} is unmounted and goes on when it is back`,
    ignore,
    async fn() {
      await using mounts = await Mounts.make();
      const run = await mounts.underway();
      await mounts.unmount(side);
      assert.match(
        await run.note(/^paused/),
        new RegExp(`the ${side} .* is gone \\(unmounted\\?\\): another directory is there now`),
      );
      const shown = await run.line(({ paused }) => typeof paused === "string");
      assert.match(String(shown.paused), /^paused for 0:\d\d of 10:00: waiting for the same file/);
      assert.deepEqual(await mounts.names(side), []);
      assert.equal(mounts.deletions(), 0);
      const before = await mounts.names("keep-destination");
      assert.ok(before.includes("./extra1"));
      assert.deepEqual(before.filter((name) => name.includes(".sluice-")), []);
      await mounts.mountAgain(side);
      await run.note(/^going on after a pause/);
      assert.equal((await run.end()).code, 0);
      assert.equal(await mounts.difference(), "");
      assert.equal(mounts.deletions(), 3);
      assert.equal(mounts.scans(), 1);
    },
  });

  Deno.test({
    name: `sync stops when its ${side} stays away, and completes without a scan when it is back`,
    ignore,
    async fn() {
      await using mounts = await Mounts.make();
      const run = await mounts.underway("--wait-for-mount", "2s");
      await mounts.unmount(side);
      const { code, stderr } = await run.end();
      assert.equal(code, 3);
      assert.match(stderr, new RegExp(`the ${side} .* is gone .*waited \\d+:\\d\\d`));
      assert.deepEqual(await mounts.names(side), []);
      assert.equal(mounts.deletions(), 0);
      assert.ok(mounts.synced() > 0 && mounts.synced() < 200);

      // still away: nothing is taken for what it is not
      const early = mounts.run("--delete-extras");
      assert.equal((await early.end()).code, 3);
      assert.deepEqual(await mounts.names(side), []);
      assert.equal(mounts.deletions(), 0);

      await mounts.mountAgain(side);
      const last = mounts.run("--delete-extras");
      assert.equal((await last.end()).code, 0);
      assert.equal(await mounts.difference(), "");
      assert.equal(mounts.scans(), 1);
    },
  });

  Deno.test({
    name: `sync does not take another file system for its ${side}`,
    ignore,
    async fn() {
      await using mounts = await Mounts.make();
      const run = await mounts.underway();
      await mounts.unmount(side);
      await run.note(/^paused/);
      await mounts.space.sh(`mount -t tmpfs tmpfs ${mounts.space.top}/${side}`);
      // several looks later it still waits
      await run.line(({ paused }) => /^paused for (?!0:0[0-3])/.test(String(paused)));
      assert.deepEqual(await mounts.names(side), []);
      // the run may be looking at it at this moment
      await mounts.unmount(side);
      await mounts.mountAgain(side);
      assert.equal((await run.end()).code, 0);
      assert.equal(await mounts.difference(), "");
    },
  });
}

Deno.test({
  name: "sync pauses when the destination is full and goes on when there is room",
  ignore,
  async fn() {
    await using mounts = await Mounts.make();
    const destination = `${mounts.space.top}/destination`;
    await mounts.space.sh(`
      mkdir ${destination}/d1 && echo old > ${destination}/d1/f1
      mount -o remount,size=6M ${mounts.space.top}/keep-destination`);
    const run = mounts.run();
    assert.match(await run.note(/^paused/), /no space left/);
    const inside = await mounts.names("destination");
    assert.deepEqual(inside.filter((name) => name.includes(".sluice-")), []);
    for (
      const line of await mounts.space.sh(`cd ${destination} && find . -type f -size -49k`)
        .then((text) => text.split("\n"))
    ) {
      assert.ok(["", "./d1/f1"].includes(line) || line.startsWith("./extra"), line);
    }
    await mounts.space.sh(`mount -o remount,size=50M ${mounts.space.top}/keep-destination`);
    await run.note(/^going on/);
    assert.equal((await run.end()).code, 0);
    assert.equal(mounts.synced(), 200);
    const { difference } = { difference: await mounts.difference() };
    assert.deepEqual(
      difference.split("\n").filter((line) => line !== "" && !/^Only in .*extra/.test(line)),
      [],
    );
  },
});
