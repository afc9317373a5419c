/** Real runs in processes of their own, asked over their sockets. */
import assert from "node:assert/strict";
import { parseLines, sluice, start } from "../testing/command.ts";
import { DiskWorld, readTree, type Tree } from "../testing/world.ts";

const unix = Deno.build.os !== "windows";

function slowTree(): Tree {
  return Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`${i % 4}/${i}`, `${i} `.repeat(100_000)]),
  );
}

async function ctl(world: DiskWorld, ...words: string[]) {
  return await sluice(["ctl", ...words, "--db", world.db]);
}

/** The notes of the last run. */
function notes(world: DiskWorld): unknown[] {
  const records = world.records(), { run } = records.at(-1)!;
  return records.filter((one) => one.type === "note" && one.run === run)
    .map(({ message }) => String(message).replace(/ \(.*?\)/, ""));
}

Deno.test({
  name: "ctl tells how far a run is, holds it, changes its limit and its lanes, and ends it",
  ignore: !unix,
  async fn() {
    using world = new DiskWorld(slowTree());
    await using running = start(world.args("--bwlimit", "100K", "--progress", "json"));
    await running.printed(/"phase":"transfer"/);
    assert.equal(Deno.lstatSync(`${world.db}-ctl`).mode! & 0o777, 0o600);

    const status = await ctl(world, "status");
    assert.equal(status.stderr, "");
    assert.match(status.stdout, /^sync of .*source -> .*destination, process \d+: running\n/);
    assert.match(status.stdout, /\nlimit: 100 KiB\/s, set by the command line\n/);
    assert.match(status.stdout, /\n\d+:\d\d transfer; .*of 40 files; .*\n$/);

    const paused = await ctl(world, "pause");
    assert.match(paused.stdout, /^paused by sluice ctl( \(.*\))?\n$/);
    await running.printed(/"paused":"paused by sluice ctl/);
    assert.match((await ctl(world, "status")).stdout, /: paused by sluice ctl/);
    assert.match((await ctl(world, "resume")).stdout, /^resumed by sluice ctl/);

    const limited = await ctl(world, "limit", "3M:2M");
    assert.match(limited.stdout, /^limit: 3.00 MiB\/s read, 2.00 MiB\/s write, set by sluice ctl/);
    await running.printed(/"limit_read":3145728,"limit_write":2097152/);
    await running.printed(/"copied":\{"files":[1-9]/);
    assert.match((await ctl(world, "lanes", "1")).stdout, /^lanes: 1, set by sluice ctl/);

    const json = await ctl(world, "status", "--json");
    const answer = JSON.parse(json.stdout);
    assert.deepEqual([answer.ok, answer.run.lanes, answer.run.state], [true, 1, "running"]);
    assert.equal(answer.progress.phase, "transfer");

    assert.match((await ctl(world, "stop")).stdout, /^ending: sluice ctl .*has asked for it\n$/);
    const { code, stdout, stderr } = await running.ended;
    assert.deepEqual([code, stderr], [0, ""]);
    const summary = parseLines(stdout).at(-1)! as Record<string, Record<string, number>>;
    assert.equal(summary.outcome, "more pending");
    assert.match(String(summary.reason), /^sluice ctl .*has asked for it$/);
    assert.ok(summary.pending!.files! > 0);
    assert.deepEqual(notes(world), [
      "paused by sluice ctl",
      "resumed by sluice ctl",
      "limit: 3.00 MiB/s read, 2.00 MiB/s write, set by sluice ctl",
      "lanes: 1, set by sluice ctl",
      "ending: sluice ctl has asked for it",
    ]);

    const gone = await ctl(world, "status");
    assert.equal(gone.code, 3);
    assert.match(gone.stderr, /^sluice: no run has the database .* open\n$/);
    const next = await sluice(world.args());
    assert.equal(next.code, 0);
    assert.deepEqual(readTree(world.destination), readTree(world.source));
  },
});

Deno.test({
  name: "ctl frees a run whose limit makes each block wait for minutes",
  ignore: !unix,
  async fn() {
    using world = new DiskWorld({ large: "x".repeat(2 ** 20) });
    await using running = start(world.args("--bwlimit", "16", "--progress", "json"));
    await running.printed(/"phase":"transfer"/);
    assert.equal((await ctl(world, "limit", "off")).code, 0);
    assert.equal((await running.ended).code, 0);
    assert.equal(Deno.readTextFileSync(`${world.destination}/large`).length, 2 ** 20);
  },
});

Deno.test({
  name: "ctl reaches the run after one that was killed, and says so when there is none",
  ignore: !unix,
  async fn() {
    using world = new DiskWorld(slowTree());
    {
      await using running = start(world.args("--bwlimit", "100K", "--progress", "json"));
      await running.printed(/"phase":"transfer"/);
      running.kill("SIGKILL");
      await running.ended;
    }
    assert.ok(Deno.lstatSync(`${world.db}-ctl`).isSocket);
    const none = await ctl(world, "status");
    assert.equal(none.code, 3);
    assert.match(none.stderr, /^sluice: no run has the database .* open\n$/);
    await using running = start(world.args("--bwlimit", "100K", "--progress", "json"));
    await running.printed(/"phase":"transfer"/);
    assert.equal((await ctl(world, "limit", "off")).code, 0);
    assert.equal((await running.ended).code, 0);
    assert.throws(() => Deno.lstatSync(`${world.db}-ctl`), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "ctl holds and ends a verification, which goes on the next time",
  ignore: !unix,
  async fn() {
    using world = new DiskWorld(slowTree());
    assert.equal((await sluice(world.args())).code, 0);
    const words = ["verify", world.db, "--log", world.log];
    await using running = start([...words, "--bwlimit", "200K", "--progress", "json"]);
    await running.printed(/"type":"progress"/);
    assert.match((await ctl(world, "pause")).stdout, /^paused by/);
    await running.printed(/"paused":"sluice ctl/);
    const status = await ctl(world, "status");
    assert.match(status.stdout, /^verify of .*destination, process \d+: paused by sluice ctl/);
    assert.match(status.stdout, /; paused by sluice ctl/);
    await ctl(world, "lanes", "1");
    await ctl(world, "resume");
    await ctl(world, "limit", "1M");
    assert.match((await ctl(world, "stop")).stdout, /^ending/);
    const { code, stdout } = await running.ended;
    assert.equal(code, 0);
    assert.equal(parseLines(stdout).at(-1)!.outcome, "more pending");
    assert.equal(notes(world).length, 5);
    const next = await sluice(words);
    assert.equal(next.code, 0);
    assert.match(next.stdout, /^as recorded/m);
  },
});

Deno.test({
  name: "ctl says that the run has ended when it goes away before it has read the request",
  ignore: !unix,
  async fn() {
    using world = new DiskWorld({});
    Deno.writeTextFileSync(world.db, "");
    const listener = Deno.listen({ transport: "unix", path: `${world.db}-ctl` });
    const gone = listener.accept().then((connection) => connection.close());
    const asked = await ctl(world, "status");
    await gone;
    listener.close();
    assert.equal(asked.code, 3);
    assert.equal(asked.stderr, "sluice: the run has ended before it answered\n");
  },
});

Deno.test("ctl refuses what no run could do, before it looks for one", async () => {
  using world = new DiskWorld();
  for (
    const [words, says] of [
      [[], /^sluice: COMMAND missing; sluice ctl --help shows how\n$/],
      [["explode"], /^sluice: ctl does not know "explode"; it takes status, limit, pause/],
      [["limit"], /^sluice: limit needs a rate such as 50M/],
      [["limit", "0"], /^sluice: ctl limit: cannot read "0" as a size/],
      [["lanes"], /^sluice: lanes needs a number such as 8/],
      [["lanes", "0"], /^sluice: ctl lanes: cannot take "0" lanes: give 1 to 256, or auto\n$/],
      [["pause", "5"], /^sluice: pause takes nothing after it, not "5" either/],
      [["status"], /^sluice: there is no database .*; name the run's with --db\n$/],
    ] as const
  ) {
    const { code, stderr } = await ctl(world, ...words);
    assert.equal(code, 2);
    assert.match(stderr, says);
  }
});
