import assert from "node:assert/strict";
import { sluice, start } from "./testing/command.ts";
import { DiskWorld } from "./testing/world.ts";

const linux = Deno.build.os === "linux";

/** How nice each thread of a process is. */
function niceness(pid: number): number[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  });
}

for (const idle of [true, false]) {
  Deno.test({
    name: `the command ${
      idle ? "with --idle lets" : "without --idle does not let"
    } others go first`,
    ignore: !linux,
    async fn() {
      using world = new DiskWorld({ large: "x".repeat(2 ** 20) });
      const { source, destination, db, log } = world;
      const args = [source, destination, "--db", db, "--log", log, "--progress", "json"];
      await using running = start([...args, "--bwlimit", "64K", ...idle ? ["--idle"] : []]);
      await running.printed(/"copied":\{"files":0,"bytes":[1-9]/);
      const status = await sluice(["ctl", "status", "--json", "--db", db]);
      const all = niceness(JSON.parse(status.stdout).run.pid);
      assert.ok(all.length > 3);
      if (idle) assert.ok(all.every((nice) => nice === 19), all.join());
      else assert.ok(all.every((nice) => nice < 19), all.join());
      assert.equal((await sluice(["ctl", "limit", "off", "--db", db])).code, 0);
      const { code, stderr } = await running.ended;
      assert.deepEqual([code, stderr], [0, ""]);
    },
  });
}
