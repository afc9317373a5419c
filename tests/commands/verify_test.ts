import assert from "node:assert/strict";
import { parseLines, sluice, start } from "../testing/command.ts";
import { DiskWorld } from "../testing/world.ts";

function verify(world: DiskWorld, ...more: string[]): string[] {
  return ["verify", world.db, "--log", world.log, ...more];
}

async function synced(tree: Record<string, string>): Promise<DiskWorld> {
  const world = new DiskWorld(tree);
  assert.equal((await sluice(world.args("-q"))).code, 0);
  return world;
}

Deno.test("verify prints what is not as recorded and exits with 1, else with 0", async () => {
  using world = await synced({ "a/good": "1", "a/bad": "2" });
  const good = await sluice(verify(world));
  assert.deepEqual([good.code, good.stderr], [0, ""]);
  assert.match(good.stdout, /^as recorded after 0:0\d$/m);
  assert.match(good.stdout, /^ {2}verified +2 files, 2 B$/m);
  Deno.writeTextFileSync(`${world.destination}/a/bad`, "3");
  const bad = await sluice(verify(world));
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^different +a\/bad: .*content: sha256 /m);
  const quiet = await sluice(verify(world, "-q"));
  assert.equal(quiet.code, 1);
  assert.match(quiet.stdout, /^different +a\/bad: [^\n]*\n$/);
  const audited = await sluice(["audit", world.log, "--db", world.db]);
  assert.equal(audited.code, 0);
  assert.match(audited.stdout, /^ {2}verify +failure +2 /m);
  // the sync can go on with the same database
  assert.equal((await sluice(world.args("-q"))).code, 0);
});

Deno.test("verify says so where it looked at nothing, and what is pending", async () => {
  using world = await synced({ file: "1" });
  // the path of this one is not in it
  const none = await sluice(verify(world, "--sample", "0.0001%"));
  assert.deepEqual([none.code, none.stderr], [0, ""]);
  assert.match(none.stdout, /^done after .*\n {2}verified +0 files, 0 B\n {2}result +nothing was/m);
  assert.doesNotMatch(none.stdout, /as recorded|pending/);
  using other = new DiskWorld({ a: "1", b: "2" }, { "a/in": "", "b/in": "" });
  assert.equal((await sluice(other.args("-q"))).code, 1);
  const pending = await sluice(verify(other));
  assert.equal(pending.code, 0);
  assert.match(
    pending.stdout,
    /^ {2}result +nothing was verified\n {2}pending +2 files: not synced, so not verified$/m,
  );
  const json = await sluice(verify(other, "--progress", "json"));
  const { files, pending: left, outcome } = parseLines(json.stdout).at(-1)!;
  assert.deepEqual([files, left, outcome], [0, 2, "as recorded"]);
});

Deno.test("verify is interrupted by Ctrl-C with 130 and by kill -9, and goes on afterwards", async () => {
  using world = await synced(
    Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, "x".repeat(100_000)])),
  );
  for (const [signal, expected] of [["SIGINT", 130], ["SIGKILL", 137]] as const) {
    await using running = start(verify(world, "--bwlimit", "1M", "--progress", "json"));
    await running.printed(/"type":"progress".*"files":[1-9]/);
    running.kill(signal);
    assert.equal((await running.ended).code, expected);
  }
  const { code, stdout } = await sluice(verify(world, "--progress", "json"));
  assert.equal(code, 0);
  const lines = parseLines(stdout);
  assert.ok((lines[0]!.resumed as { files: number }).files >= 2);
  assert.equal(lines.at(-1)!.files, 30);
  const verified = world.records().filter(({ action }) => action === "verify");
  assert.equal(new Set(verified.map(({ destination }) => destination)).size, 30);
  assert.equal(verified.length, 30);
  assert.equal((await sluice(["audit", world.log, "--db", world.db])).code, 0);
});

Deno.test("verify and the sync refuse a database that the other one uses", async () => {
  using world = await synced({ file: "x".repeat(3_000_000) });
  await using running = start(verify(world, "--bwlimit", "1M", "--progress", "json"));
  await running.printed(/"type":"start"/);
  const refused = await sluice(world.args("-q"));
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^sluice: the database .* is in use by process \d+ on [^\n]*\n$/);
  running.kill("SIGTERM");
  assert.equal((await running.ended).code, 143);
});

Deno.test("verify exits with 3 when the destination is not there, and with 2 for wrong usage", async () => {
  using world = await synced({ file: "1" });
  const inside = await sluice(["verify", world.db, "--log", `${world.destination}/log`]);
  assert.equal(inside.code, 2);
  assert.match(inside.stderr, /^sluice: the audit log .* is inside the destination [^\n]*\n$/);
  const none = await sluice(["verify", `${world.top}/none`, "--log", world.log]);
  assert.equal(none.code, 2);
  const before = Deno.readTextFileSync(world.log);
  Deno.renameSync(world.destination, `${world.top}/away`);
  const gone = await sluice(verify(world));
  assert.equal(gone.code, 3);
  assert.match(gone.stderr, /^sluice: cannot read the destination: [^\n]* is it mounted\?\n$/);
  Deno.mkdirSync(world.destination);
  const other = await sluice(verify(world));
  assert.equal(other.code, 3);
  assert.match(other.stderr, /is not the directory that was scanned before \(is it mounted\?\)\n$/);
  assert.equal(Deno.readTextFileSync(world.log), before);
});
