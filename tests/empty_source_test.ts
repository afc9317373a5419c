/** The whole program, and a source that is empty because nothing is mounted there. */
import assert from "node:assert/strict";
import { sluice } from "./testing/command.ts";
import { DiskWorld, readTree } from "./testing/world.ts";

for (const before of ["its first run", "a run that had copied it"]) {
  Deno.test(`sluice --delete-extras refuses an empty source after ${before}`, async () => {
    using world = new DiskWorld(
      before === "its first run" ? {} : { "d/a": "1", b: "2" },
      { "d/old": "precious", "e/f/g": "precious too" },
    );
    const args = world.args();
    if (before !== "its first run") {
      assert.equal((await sluice(args)).code, 0);
      for (const name of ["d", "b"]) {
        Deno.removeSync(`${world.source}/${name}`, { recursive: true });
      }
    }
    const tree = readTree(world.destination);
    for (const more of [[], ["--rescan"], ["--max-delete", "100%"], ["--delete-despite-errors"]]) {
      const { code, stderr } = await sluice([...args, "--delete-extras", ...more]);
      assert.equal(code, 3, more.join(" "));
      assert.match(stderr, /the source .* is empty/);
      assert.deepEqual(readTree(world.destination), tree);
    }
    assert.ok(!Deno.readTextFileSync(world.log).includes('"action":"delete"'));
  });
}
