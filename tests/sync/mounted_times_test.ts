/** Whole runs to file systems that keep coarse times, on loop devices where root may mount them. */
import assert from "node:assert/strict";
import { DiskWorld } from "../testing/world.ts";
import { canMount, mountImage } from "../testing/loop_mount.ts";

const SYSTEMS: readonly (readonly [name: string, type: string, ...make: string[]])[] = [
  ["ext2 with inodes of 128 bytes", "ext2", "mkfs.ext2", "-q", "-I", "128", "-F"],
  ["vfat", "vfat", "mkfs.vfat"],
];

for (const [name, type, ...make] of SYSTEMS) {
  const what = `sync copies nothing in the second run to ${name}`;
  // where nothing can be mounted, the backend in memory shows the same
  Deno.test({ name: what, ignore: !(await canMount({ type, make })) }, async () => {
    using world = new DiskWorld();
    await using _mount = await mountImage(`${world.top}/image`, world.destination, { type, make });
    const at = (path: string, text: string, date: string) => {
      Deno.mkdirSync(`${world.source}/d`, { recursive: true });
      Deno.writeTextFileSync(`${world.source}/${path}`, text);
      new Deno.Command("touch", { args: ["-d", date, `${world.source}/${path}`] }).outputSync();
    };
    at("odd", "1", "2001-09-09 01:46:41.999999999 UTC");
    at("even", "2", "2001-09-09 01:46:40.123456789 UTC");
    at("d/late", "3", "2060-01-01 00:00:01.5 UTC");
    at("d/early", "4", "1901-12-13 00:00:01.5 UTC");
    Deno.mkdirSync(`${world.destination}/lost+found`, { recursive: true });
    assert.equal((await world.run()).summary.exitCode, 0);
    assert.deepEqual((await world.run({ dryRun: true })).planned, []);
    assert.equal((await world.run({ rescan: true })).summary.exitCode, 0);
    assert.deepEqual(world.operations(), []);
    at("odd", "9", "2001-09-09 01:46:44.999999999 UTC");
    await world.run();
    assert.deepEqual(world.operations().filter((line) => line.endsWith("odd")), [
      "overwrite success odd",
    ]);
  });
}
