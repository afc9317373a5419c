import assert from "node:assert/strict";
import fc from "fast-check";
import { checkAudit } from "../../src/commands/audit.ts";
import { sluice, start } from "../testing/command.ts";
import { commandContext } from "../testing/command_context.ts";
import { DiskWorld, writeTree } from "../testing/world.ts";
import { numRuns } from "../testing/trees.ts";

/** A world after two runs, one of which failed. */
async function afterRuns(): Promise<DiskWorld> {
  const world = new DiskWorld({ "a/one": "1", "a/two": "22", blocked: "x" }, { "blocked/in": "" });
  assert.equal((await sluice(world.args("-q"))).code, 1);
  writeTree(world.source, { three: "333" });
  assert.equal((await sluice(world.args("-q", "--rescan"))).code, 1);
  return world;
}

Deno.test("audit prints the totals of a log whose chain is whole", async () => {
  using world = await afterRuns();
  const records = world.records();
  const { code, stdout, stderr } = await sluice(["audit", world.log, "--db", world.db]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.equal(
    lines[0],
    `${world.log}: ${records.length} records, ` +
      `${(Deno.statSync(world.log).size / 1024).toFixed(2)} KiB, 2 runs`,
  );
  assert.equal(lines[1], `from ${records[0]!.time} to ${records.at(-1)!.time}`);
  assert.match(stdout, /^ {2}overwrite +failure +2 +2 B$/m);
  assert.match(stdout, /^ {2}copy +success +3 +6 B$/m);
  assert.match(stdout, /^ {2}mkdir +success +1 +0 B$/m);
  assert.match(stdout, /\nthe chain is whole\n$/);
  assert.doesNotMatch(stdout, /note:/);
});

Deno.test("audit finds one changed byte anywhere and names the record", async () => {
  using world = await afterRuns();
  const whole = Deno.readFileSync(world.log);
  const path = `${world.top}/changed`;
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: whole.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const bytes = whole.slice();
        bytes[at]! ^= flip;
        Deno.writeFileSync(path, bytes);
        const { context, stdout, stderr } = commandContext(world.top);
        assert.equal(await checkAudit({ file: path, db: null }, context), 1);
        const line = whole.subarray(0, at).filter((byte) => byte === 0x0a).length + 1;
        assert.match(
          stderr(),
          new RegExp(`^sluice: line ${line}( \\(record \\d+\\))?: [^\\n]+\\n$`),
        );
        assert.doesNotMatch(stdout(), /the chain is whole/);
      },
    ),
    numRuns(200),
  );
  const changed = new TextDecoder().decode(whole).replace('"size":3,', '"size":4,');
  Deno.writeTextFileSync(path, changed);
  const { code, stderr } = await sluice(["audit", path]);
  assert.equal(code, 1);
  const record = world.records().findIndex(({ size }) => size === 3);
  assert.equal(
    stderr,
    `sluice: line ${record + 1} (record ${record + 1}): the record was changed after it was ` +
      "written\n",
  );
});

Deno.test("audit finds a missing end against the database, and notes it without", async () => {
  using world = await afterRuns();
  const lines = Deno.readTextFileSync(world.log).split("\n");
  const last = lines.length - 1;
  for (const kept of [last - 1, last - 3, 0]) {
    Deno.writeTextFileSync(world.log, lines.slice(0, kept).map((line) => `${line}\n`).join(""));
    const alone = await sluice(["audit", world.log]);
    assert.equal(alone.code, 0);
    assert.match(alone.stdout, kept === 0 ? /^the log is empty$/m : /^note: run 2 has no end/m);
    const against = await sluice(["audit", world.log, "--db", world.db]);
    assert.equal(against.code, 1);
    assert.match(against.stderr, new RegExp(`^sluice: record ${last} is in the database, and not`));
  }
});

Deno.test("audit finds the chain whole after kill -9 and after the run that follows", async () => {
  using world = new DiskWorld(
    Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`d${i % 3}/f${i}`, `${i}`.padEnd(90_000, "x")]),
    ),
  );
  const slow = world.args("--bwlimit", "1M");
  for (let kill = 0; kill < 2; kill++) {
    await using running = start([...slow, "--progress", "json"]);
    await running.printed(/"phase":"transfer".*"copied":\{"files":[1-9]/);
    running.kill("SIGKILL");
    await running.ended;
    const { code, stdout } = await sluice(["audit", world.log, "--db", world.db]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^note: run ${kill + 1} has no end record`, "m"));
  }
  assert.equal((await sluice(world.args("-q"))).code, 0);
  const { code, stdout } = await sluice(["audit", world.log, "--db", world.db]);
  assert.equal(code, 0);
  assert.match(stdout, /^note: 2 runs killed: without an end record$/m);
  assert.match(stdout, /^ {2}copy +success +40 /m);
});

Deno.test("audit refuses what it cannot read, and reports what is no audit log", async () => {
  using world = new DiskWorld({ file: "1" });
  for (const path of [`${world.top}/none`, world.source]) {
    const { code, stdout, stderr } = await sluice(["audit", path]);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^sluice: cannot read the audit log [^\n]+\n$/);
  }
  Deno.writeFileSync(`${world.top}/other`, new Uint8Array(3_000_000).fill(0x78));
  const { code, stderr } = await sluice(["audit", `${world.top}/other`]);
  assert.equal(code, 1);
  assert.match(stderr, /^sluice: line 1: the line is not a record/);
});

Deno.test("the sync refuses a log that another run appends to", async () => {
  using world = new DiskWorld({ file: "1" });
  using log = Deno.openSync(world.log, { create: true, append: true });
  assert.ok(log.tryLockSync(true));
  const { code, stderr } = await sluice(world.args("-q"));
  assert.equal(code, 2);
  assert.match(stderr, /^sluice: the audit log .* is in use by another process[^\n]*\n$/);
  assert.throws(() => Deno.statSync(world.db), Deno.errors.NotFound);
});
