import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { parseLines, sluice, start } from "./testing/command.ts";
import { DiskWorld, readTree, writeTree } from "./testing/world.ts";

const HANGING = new URL("./testing/hanging_main.ts", import.meta.url).pathname;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;

/** Files for a run that takes long enough, at 1 MiB a second, to be caught in the middle. */
function slowTree(): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [`d${i % 5}/f${i}`, `${i}`.padEnd(100_000, "x")]),
  );
}

function temporaries(world: DiskWorld): string[] {
  return Object.keys(readTree(world.destination)).filter((path) => path.includes(".sluice-"));
}

Deno.test("the command copies, says so on stdout, and exits with 0", async () => {
  using world = new DiskWorld({ "a/b": "1", "c": "2" });
  const { code, stdout, stderr } = await sluice(world.args());
  assert.equal(code, 0);
  assert.equal(stderr, "");
  assert.match(stdout, /^in sync after 0:0\d$/m);
  assert.match(stdout, /copied +2 files, 2 B in this run/);
  assert.doesNotMatch(stdout, CONTROLS);
  assert.deepEqual(readTree(world.destination), readTree(world.source));
});

Deno.test("the command takes no option for the value of another, and touches nothing", async () => {
  using world = new DiskWorld({ file: "1" });
  const roots = [world.source, world.destination];
  const { code, stderr } = await sluice([...roots, "--db", "--dry-run"], { cwd: world.top });
  assert.equal(code, 2);
  assert.match(stderr, /^sluice: --db needs a value, and "--dry-run" after it [^\n]*\n$/);
  assert.deepEqual([...Deno.readDirSync(world.destination)], []);
  assert.deepEqual([...Deno.readDirSync(world.top)].length, 2);
});

/** The command with its standard output on a disk that is full. */
async function withFullOutput(args: readonly string[]) {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@" >/dev/full', "sh", Deno.execPath(), "run", "-A", "-q", main, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test({
  name: "the command goes on when its output cannot be written, and a dry run ends with a sentence",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using world = new DiskWorld({ "a/b": "1", "c": "2" });
    const full = "cannot write to standard output: No space left on device (os error 28)";
    const dry = await withFullOutput(world.args("--dry-run"));
    assert.deepEqual(dry, { code: 3, stderr: `sluice: ${full}\n` });
    for (const progress of ["plain", "json"]) {
      const run = await withFullOutput(world.args("--rescan", "--progress", progress));
      assert.deepEqual(run, { code: 0, stderr: `sluice: ${full}; the run goes on\n` });
    }
    assert.deepEqual(readTree(world.destination), readTree(world.source));
    assert.deepEqual(await withFullOutput(["manifest", world.db]), dry);
    assert.deepEqual(await withFullOutput(["--help"]), dry);
  },
});

Deno.test("the command shows what turns a name round as an escape, and logs it as it is", async () => {
  const name = "a\u202egpj.exe", shown = "$'a\\u202egpj.exe'";
  using world = new DiskWorld({ [name]: "1", "\u2066b": "2" }, { [`${name}/in`]: "" });
  const dry = await sluice(world.args("-n")), { stdout } = await sluice(world.args());
  for (const text of [dry.stdout, stdout]) {
    assert.ok(text.includes(shown), text);
    assert.doesNotMatch(text, /[\u202a-\u202e\u2066-\u2069]/);
  }
  assert.equal((await sluice(["why", shown, "--db", world.db], { cwd: world.top })).code, 0);
  assert.ok(Deno.readTextFileSync(world.log).includes(name));
  assert.ok((await sluice(["manifest", world.db])).stdout.includes("\u2066b"));
});

Deno.test("the command exits with 1 and names what failed", async () => {
  using world = new DiskWorld({ "blocked": "1", "good": "2" }, { "blocked/inner": "x" });
  const { code, stdout } = await sluice(world.args());
  assert.equal(code, 1);
  assert.match(stdout, /blocked: cannot rename over the final name: a directory has this name/);
  assert.equal(Deno.readTextFileSync(`${world.destination}/good`), "2");
});

Deno.test("the command exits with 2 and one sentence on stderr when its usage is wrong", async () => {
  using world = new DiskWorld({ file: "1" });
  for (const wrong of [["--nonsense"], ["--block-size", "0"], ["--db", `${world.source}/db`]]) {
    const { code, stdout, stderr } = await sluice(world.args(...wrong));
    assert.equal(code, 2, wrong.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, /^sluice: [^\n]+\n$/);
  }
  assert.deepEqual(
    [...Deno.readDirSync(world.top)].map(({ name }) => name).sort(),
    ["destination", "source"],
  );
});

Deno.test({
  name: "the command fails a file that is larger than the process may write, and copies the others",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // shells count in 512 or 1024 bytes; what the runtime itself writes is well below
    using world = new DiskWorld({ "large": "x".repeat(42 * 2 ** 20), "small": "s" });
    const main = new URL("../main.ts", import.meta.url).pathname;
    const words = [
      Deno.execPath(),
      "run",
      "-A",
      "-q",
      "--no-code-cache",
      main,
      ...world.args("-q"),
    ];
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", 'ulimit -f 40000; exec "$@"', "sh", ...words],
      env: { NO_COLOR: "1" },
    }).output();
    assert.match(
      new TextDecoder().decode(stderr),
      /^sluice: failed +large: cannot write: file is too large .* \(ulimit -f\).* \(EFBIG\)\n$/,
    );
    assert.equal(code, 1);
    assert.deepEqual(Object.keys(readTree(world.destination)), ["", "small"]);
  },
});

Deno.test("the command exits with 3 when a root is not what it was", async () => {
  using world = new DiskWorld({ file: "1" });
  assert.equal((await sluice(world.args())).code, 0);
  Deno.renameSync(world.source, `${world.top}/elsewhere`);
  Deno.mkdirSync(world.source);
  const { code, stdout, stderr } = await sluice(world.args("--delete-extras"));
  assert.equal(code, 3);
  assert.match(stderr, /^sluice: the source .* \(is it mounted/);
  assert.match(stdout, /^stopped after/m);
  assert.equal(Deno.readTextFileSync(`${world.destination}/file`), "1");
});

Deno.test("the command exits with 3 and one sentence when its database fails as it begins", async () => {
  using world = new DiskWorld({ file: "1" });
  assert.equal((await sluice(world.args())).code, 0);
  {
    const database = new DatabaseSync(world.db);
    database.exec(`CREATE TRIGGER broken BEFORE INSERT ON run
      BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`);
    database.close();
  }
  const { code, stderr } = await sluice(world.args());
  assert.equal(code, 3);
  assert.equal(
    stderr,
    `sluice: the database ${world.db} cannot be used any more: disk I/O error\n`,
  );
});

Deno.test("the command prints help and version on stdout", async () => {
  const help = await sluice(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Usage: sluice \[options\] SOURCE DESTINATION/);
  const version = await sluice(["--version"]);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`the command settles and exits with ${expected} on ${signal}, and resumes`, async () => {
    using world = new DiskWorld(slowTree());
    await using running = start(world.args("--bwlimit", "1M", "--progress", "json"));
    await running.printed(/"phase":"transfer".*"copied":\{"files":[1-9]/);
    running.kill(signal);
    const { code, stdout, stderr } = await running.ended;
    assert.equal(code, expected);
    assert.equal(stderr, "");
    const summary = parseLines(stdout).at(-1)! as Record<string, Record<string, number>>;
    assert.equal(summary.type, "summary");
    assert.equal(summary.outcome, "interrupted");
    assert.ok(summary.copied!.files! > 0 && summary.pending!.files! > 0);
    assert.deepEqual(temporaries(world), []);
    const next = await sluice(world.args());
    assert.equal(next.code, 0);
    assert.match(next.stdout, /^resuming: \d+ files, \d\.\d+ MiB pending from \d{4}-\d\d-\d\d/m);
    assert.deepEqual(readTree(world.destination), readTree(world.source));
  });
}

Deno.test("the command resumes after kill -9 and leaves no temporary", async () => {
  using world = new DiskWorld(slowTree());
  {
    await using running = start(world.args("--bwlimit", "1M", "--progress", "json"));
    await running.printed(/"active":\[\{/);
    running.kill("SIGKILL");
    await running.ended;
  }
  const source = readTree(world.source);
  for (const [path, node] of Object.entries(readTree(world.destination))) {
    // whatever has its final name is whole
    if (node.startsWith("file") && !path.includes(".sluice-")) assert.equal(node, source[path]);
  }
  const { code, stdout } = await sluice(world.args("--progress", "json"));
  assert.equal(code, 0);
  assert.ok((parseLines(stdout)[0]!.resumed as { files: number }).files > 0);
  assert.deepEqual(readTree(world.destination), source);
  assert.deepEqual(world.statuses().filter((line) => !line.startsWith("synced")), []);
  const copied = world.records().filter(({ action }) => action === "copy");
  assert.equal(new Set(copied.map(({ seq }) => seq)).size, copied.length);
  assert.equal(new Set(copied.map(({ source }) => source)).size, 60);
});

Deno.test({
  name: "the command goes on after SIGHUP when it was started with nohup",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using world = new DiskWorld({ file: "x".repeat(1_500_000) });
    await using running = start(world.args("--bwlimit", "1M", "--progress", "json"), {
      ignoring: "HUP",
    });
    await running.printed(/"type":"progress"/);
    running.kill("SIGHUP");
    assert.equal((await running.ended).code, 0);
    assert.deepEqual(readTree(world.destination), readTree(world.source));
  },
});

Deno.test("the command leaves at once on a second Ctrl-C", async () => {
  using world = new DiskWorld({ file: "1" });
  await using running = start(world.args("--progress", "json"), { main: HANGING });
  await running.printed(/"type":"progress"/);
  running.kill("SIGINT");
  await running.printed(/"notice":"interrupted/);
  running.kill("SIGINT");
  const { code, stdout } = await running.ended;
  assert.equal(code, 130);
  assert.doesNotMatch(stdout, /"type":"summary"/);
});

for (const [signal, code, ordered] of [["SIGTERM", 143, false], ["SIGHUP", 129, true]] as const) {
  Deno.test({
    name: `the command ${ordered ? "ends in order" : "leaves at once"} on a second ${signal}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      using world = new DiskWorld({ file: "1" });
      await using running = start(world.args("--progress", "json"), { main: HANGING });
      await running.printed(/"type":"progress"/);
      running.kill(signal);
      await running.printed(/"notice":"interrupted/);
      running.kill(signal);
      const ended = await running.ended;
      assert.equal(ended.code, code);
      assert.equal(/"type":"summary"/.test(ended.stdout), ordered);
    },
  });
}

Deno.test("--progress json prints one object per line and nothing else", async () => {
  using world = new DiskWorld(slowTree());
  const { code, stdout, stderr } = await sluice(
    world.args("--bwlimit", "2M", "--progress", "json"),
  );
  assert.equal(code, 0);
  assert.equal(stderr, "");
  const lines = parseLines(stdout);
  assert.equal(lines[0]!.type, "start");
  assert.equal(lines.at(-1)!.type, "summary");
  assert.ok(lines.some(({ type }) => type === "progress"));
  for (const line of lines) assert.ok(!Number.isNaN(Date.parse(String(line.time))));
});

Deno.test("--progress none prints no progress but the summary, --quiet nothing", async () => {
  using world = new DiskWorld({ file: "1" });
  const none = await sluice(world.args("--progress", "none"));
  assert.match(none.stdout, /in sync/);
  const quiet = await sluice(world.args("-q"));
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
});

Deno.test("--verbose tells more, on stderr", async () => {
  using world = new DiskWorld({ file: "1" });
  const { code, stderr } = await sluice(world.args("--verbose"));
  assert.equal(code, 0);
  assert.match(stderr, /^debug: .*\/source: \w+/m);
});

Deno.test("--quiet still names failures, on stderr", async () => {
  using world = new DiskWorld({ blocked: "1" }, { "blocked/inner": "x" });
  const { code, stdout, stderr } = await sluice(world.args("--quiet"));
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^sluice: failed +blocked: cannot rename/);
});

Deno.test("--dry-run prints each operation with its reason and makes nothing", async () => {
  using world = new DiskWorld({ "new/file": "1" }, { extra: "x" });
  const { code, stdout, stderr } = await sluice(world.args("--dry-run", "--delete-extras"));
  assert.equal(code, 0);
  assert.equal(stderr, "");
  assert.match(stdout, /^copy +new\/file .*not at the destination/m);
  assert.match(stdout, /^delete +extra .*not at the source/m);
  assert.match(stdout, /^dry run done/m);
  assert.deepEqual([...Deno.readDirSync(world.destination)].map(({ name }) => name), ["extra"]);
  assert.deepEqual([...Deno.readDirSync(world.top)].length, 2);
});

Deno.test("--dry-run stops as the run would where a root is another directory by now", async () => {
  using world = new DiskWorld({ file: "1" });
  assert.equal((await sluice(world.args("-q"))).code, 0);
  Deno.renameSync(world.destination, `${world.top}/away`);
  Deno.mkdirSync(world.destination);
  const dry = await sluice(world.args("-n"));
  assert.equal(dry.code, 3);
  assert.doesNotMatch(dry.stdout, /^copy/m);
  assert.match(dry.stderr, /^sluice: the destination .* is not the directory that was scanned bef/);
  const run = await sluice(world.args("-q"));
  assert.deepEqual([run.code, run.stderr], [3, dry.stderr]);
  const meant = await sluice(world.args("-n", "--rescan"));
  assert.equal(meant.code, 0);
  assert.match(meant.stdout, /^copy +file /m);
});

Deno.test("--bwlimit holds the rate", async () => {
  using world = new DiskWorld({ big: "x".repeat(3 * 2 ** 20) });
  const { code, stdout } = await sluice(world.args("--bwlimit", "2M", "--progress", "json"));
  assert.equal(code, 0);
  const { elapsed } = parseLines(stdout).at(-1) as { elapsed: number };
  assert.ok(elapsed >= 1.3, `${elapsed} s for 3 MiB at 2 MiB/s`);
});

Deno.test("the command goes on when nobody reads its stdout any more", async () => {
  using world = new DiskWorld(slowTree());
  const child = new Deno.Command("bash", {
    args: [
      "-c",
      '"$@" | head -n 1; exit "${PIPESTATUS[0]}"',
      "bash",
      Deno.execPath(),
      ...["run", "-A", "--quiet", new URL("../main.ts", import.meta.url).pathname],
      ...world.args("--bwlimit", "4M", "--progress", "json"),
    ],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stderr } = await child.output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(code, 0);
  assert.deepEqual(readTree(world.destination), readTree(world.source));
});

Deno.test("deno task sync takes relative paths from where it was typed", async () => {
  using world = new DiskWorld({ file: "1" });
  writeTree(world.top, { "typed/here": "" });
  const config = new URL("../deno.json", import.meta.url).pathname;
  // these tests may themselves run in a task
  const { INIT_CWD: _, ...env } = Deno.env.toObject();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--config", config, "sync", "../source", "../destination"],
    cwd: `${world.top}/typed`,
    clearEnv: true,
    env: { ...env, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.equal(Deno.readTextFileSync(`${world.destination}/file`), "1");
  const made = [...Deno.readDirSync(`${world.top}/typed`)].map(({ name }) => name).sort();
  assert.ok(made.includes("sluice.db") && made.includes("sluice-audit.jsonl"), made.join());
});

Deno.test("the command refuses to mirror an empty source and leaves the destination whole", async () => {
  using world = new DiskWorld({}, { "d/precious": "1", "other": "2" });
  const before = readTree(world.destination);
  const { code, stderr } = await sluice(world.args("--delete-extras", "-q"));
  assert.equal(code, 3);
  assert.match(
    stderr,
    /^sluice: the source .* is empty, and a mirror of it would delete everything/,
  );
  assert.deepEqual(readTree(world.destination), before);
});

Deno.test("the command says on stderr why a mirror deletes nothing, also when it is quiet", async () => {
  const extras = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`old${i}`, "x"]));
  using world = new DiskWorld({ file: "1" }, { file: "1", ...extras });
  for (const more of [["-q"], ["-q", "--max-delete", "8"], ["-q", "--max-delete", "89%"]]) {
    const { code, stderr } = await sluice(world.args("--delete-extras", ...more));
    assert.equal(code, 1);
    assert.match(stderr, /nothing was deleted: the source does not have 9 of the 10 files/);
  }
  const trash = `${world.top}/trash`;
  const options = ["--delete-extras", "--max-delete", "90%", "--trash", trash];
  assert.equal((await sluice(world.args(...options))).code, 0);
  assert.deepEqual(Object.keys(readTree(world.destination)), ["", "file"]);
  const [run] = [...Deno.readDirSync(trash)];
  assert.equal([...Deno.readDirSync(`${trash}/${run!.name}`)].length, 9);
});

Deno.test("the command touches nothing when an option about deletion is wrong", async () => {
  using world = new DiskWorld({ file: "1" }, { extra: "x" });
  const table = [
    ["--max-delete", "lots"],
    ["--delete-after-scans", "none"],
    ["--delete-after-scans", "2", "--delete-min-age", "a while"],
    ["--trash", world.source],
    ["--trash", `${world.destination}/bin`],
    ["--trash", "/proc"],
  ];
  for (const wrong of table) {
    const { code, stderr } = await sluice(world.args("--delete-extras", ...wrong));
    assert.equal(code, 2, wrong.join(" "));
    assert.match(stderr, /^sluice: [^\n]+\n$/);
  }
  assert.deepEqual(
    [...Deno.readDirSync(world.top)].map(({ name }) => name).sort(),
    ["destination", "source"],
  );
});
