/** Whole runs to an ext4 that has no room or no inodes left, on a loop device where root may mount. */
import assert from "node:assert/strict";
import { parseLines, start } from "../testing/command.ts";
import { canMount, mountImage } from "../testing/loop_mount.ts";
import { DiskWorld, readTree } from "../testing/world.ts";

const EXT4 = { type: "ext4", make: ["mkfs.ext4", "-q", "-F", "-N", "128", "-m", "0"] };
const ignore = !(await canMount(EXT4));

const SHORTAGES: Record<string, { files: number; size: number; ballast: number }> = {
  "no room": { files: 60, size: 200_000, ballast: 8 },
  "no inodes": { files: 200, size: 10, ballast: 0 },
};

for (const [shortage, { files, size, ballast }] of Object.entries(SHORTAGES)) {
  Deno.test({
    name: `sync leaves nothing torn on an ext4 with ${shortage}, and completes when there is some`,
    ignore,
    async fn() {
      using world = new DiskWorld(
        Object.fromEntries(
          Array.from({ length: files }, (_, i) => [`d${i % 3}/f${i}`, String(i).repeat(size / 2)]),
        ),
      );
      await using mount = await mountImage(`${world.top}/image`, world.destination, EXT4);
      assert.ok(mount);
      const destination = `${world.destination}/tree`;
      Deno.mkdirSync(`${destination}/d0`, { recursive: true });
      Deno.writeTextFileSync(`${destination}/d0/f0`, "the old content");
      const full = `${world.destination}/ballast`;
      Deno.mkdirSync(full);
      Deno.writeFileSync(`${full}/large`, new Uint8Array(ballast * 2 ** 20));
      const args = [world.source, destination, "--db", world.db, "--log", world.log];
      {
        await using run = start([...args, "--progress", "json"]);
        // it stops, or it waits for room: then it is interrupted
        await Promise.race([
          run.printed(/no space left/i).then(() => run.kill("SIGINT")),
          run.ended,
        ])
          .catch(() => {/* it has ended before it printed that */});
        const { code } = await run.ended;
        assert.ok([1, 3, 130].includes(code), `exit code ${code}`);
      }
      const there = readTree(destination), wanted = readTree(world.source);
      let arrived = 0;
      for (const [path, is] of Object.entries(there)) {
        if (!is.startsWith("file")) continue;
        const text = is.slice(is.lastIndexOf(" ") + 1);
        if (path === "d0/f0" && is.endsWith("the old content")) continue;
        assert.equal(text, wanted[path]!.slice(wanted[path]!.lastIndexOf(" ") + 1), path);
        arrived += 1;
      }
      assert.ok(arrived < files);
      assert.deepEqual(Object.keys(there).filter((path) => path.includes(".sluice-")), []);
      const synced = world.statuses().filter((line) => line.startsWith("synced"));
      for (const line of synced) assert.equal(there[line.slice(7)], wanted[line.slice(7)]);

      Deno.removeSync(full, { recursive: true });
      if (shortage === "no inodes") {
        // there are never enough for all of them: fewer are wanted, and what is not goes first
        for (let i = 60; i < files; i++) {
          const path = `d${i % 3}/f${i}`;
          Deno.removeSync(`${world.source}/${path}`);
          if (path in there) Deno.removeSync(`${destination}/${path}`);
        }
      }
      const mirror = ["--rescan", "--delete-extras", "--max-delete", "100%"];
      await using last = start([...args, ...mirror, "--progress", "json"]);
      const { code, stdout } = await last.ended;
      assert.equal(code, 0, stdout);
      assert.deepEqual(readTree(destination), readTree(world.source));
      assert.equal(parseLines(stdout).at(-1)!.outcome, "in sync");
    },
  });
}
