import assert from "node:assert/strict";
import { MemoryWorld } from "../testing/world.ts";

const TREE = { "a/1": "1", "b/2": "2", "c/3": "3" };

/** What happens to a file of the run once it has begun to write at the destination. */
const CASES = [
  {
    what: "the database is removed",
    act: ({ db }: MemoryWorld) => Deno.removeSync(db),
    says: /^the database .*sluice\.db was removed or replaced while it was in use/,
  },
  {
    what: "another file takes the place of the database",
    act({ db, top }: MemoryWorld) {
      Deno.writeTextFileSync(`${top}/other`, "not a database");
      Deno.renameSync(`${top}/other`, db);
    },
    says: /^the database .*sluice\.db was removed or replaced while it was in use/,
  },
  {
    what: "the log is removed",
    act: ({ log }: MemoryWorld) => Deno.removeSync(log),
    says: /^cannot write the audit log .*audit\.jsonl: it was removed while it was in use/,
  },
  {
    what: "the log is cut",
    act: ({ log }: MemoryWorld) => Deno.truncateSync(log),
    says: /^cannot write the audit log .*audit\.jsonl: it was cut while it was in use/,
  },
];

for (const { what, act, says } of CASES) {
  Deno.test({
    name: `sync stops with exit code 3 when ${what} in the middle`,
    // a file that is open cannot be removed there
    ignore: Deno.build.os === "windows",
    async fn() {
      using world = new MemoryWorld(TREE);
      const { summary } = await world.run({
        faults: { destination: [{ call: "commit", times: 1, act: () => act(world) }] },
      });
      assert.match(summary.reason ?? "", says);
      assert.equal(summary.exitCode, 3);
    },
  });
}

Deno.test("sync goes on in a log that is moved away in the middle, and notes it in the next", async () => {
  using world = new MemoryWorld(TREE);
  const moved = `${world.top}/moved.jsonl`;
  const { summary } = await world.run({
    faults: {
      destination: [{ call: "commit", times: 1, act: () => Deno.renameSync(world.log, moved) }],
    },
  });
  assert.equal(summary.exitCode, 0);
  const last = Deno.readTextFileSync(moved).trimEnd().split("\n").at(-1)!;
  assert.equal(JSON.parse(last).type, "end");
  await world.run();
  assert.equal(world.records()[0]!.type, "note");
});
