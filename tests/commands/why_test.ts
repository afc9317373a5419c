import assert from "node:assert/strict";
import { sluice } from "../testing/command.ts";
import { shell } from "../testing/bytes.ts";
import { DiskWorld, MemoryWorld } from "../testing/world.ts";
import { PathRecords } from "../../src/backlog/path_records.ts";
import { unknownLines, whyLines } from "../../src/commands/why_lines.ts";

/** What is said of a path of a world, in one text. */
function said(world: MemoryWorld, path: string): string {
  using records = PathRecords.open(world.db);
  const known = records.find(path);
  return (whyLines(known) ?? ["unknown", ...unknownLines(known)]).join("\n");
}

Deno.test("why tells of files whether they are synced, pending, failed or skipped", async () => {
  using world = new MemoryWorld({
    "d/copied": "1",
    "d/there": "2",
    "d/bad": "3",
    "d/blocked": "4",
    "d/fifo": { kind: "special" },
  }, { "d/there": "2", "d/blocked/inner": "x" });
  await world.run({ faults: { source: [{ call: "open", path: "d/bad", errno: "EACCES" }] } });
  assert.match(
    said(world, "d/copied"),
    /It is synced\. sluice has copied it, .* sha256 .* [0-9a-f]{64};/,
  );
  assert.match(said(world, "d/there"), /It is synced: it was at the destination with this size/);
  assert.match(
    said(world, "d/bad"),
    /pending: not at the destination\.\nIt was tried 1 time; last: .*permission denied.*\nThe next run copies it/,
  );
  assert.match(
    said(world, "d/blocked"),
    /pending: a directory is in the way.*\n.*\nA run with --delete/,
  );
  assert.match(
    said(world, "d/blocked"),
    /directory here that the source has not, and it is in the way/,
  );
  assert.match(said(world, "d/fifo"), /It is skipped: a special file/);
  assert.match(
    said(world, "d"),
    /It is a directory that the source has; scan 1 listed it at \d{4}-/,
  );
  assert.match(said(world, "d"), /In it, 2 files, 2 B, pending\.\nIn it, 1 extra/);
  assert.match(said(world, ""), /^The last scan is number 1, from .*\nThe root is a directory/);
});

Deno.test("why tells of extras since when, why they stay, and on what they were deleted", async () => {
  using world = new MemoryWorld({ file: "1", "gone/x": "1" }, {
    file: "1",
    old: "x",
    "gone/x": "1",
  });
  await world.run();
  assert.match(
    said(world, "old"),
    /file here that the source has not\.\nMissed at the source by 1 complete scan in a row, since scan 1 ended at .*\nWithout --delete-extras, nothing is done with it\.\nWith --delete-extras, it is removed if/,
  );
  await world.run({ deleteExtras: true, deleteAfterScans: 3 });
  assert.match(
    said(world, "old"),
    /by 2 complete scans in a row, since scan 1 .*; the last of them began 0\.0 hours later/,
  );
  const faults = { destination: [{ call: "removeFile", errno: "EACCES" }] } as const;
  await world.run({ deleteExtras: true, faults });
  assert.match(
    said(world, "old"),
    /Run 3 was to delete it at .* and did not: not deleted: .*permission/,
  );
  await world.run({ deleteExtras: true });
  assert.match(
    said(world, "old"),
    /neither as a file of the source nor as an extra now\.\nRun 4 deleted it \(a file\) .* Evidence: scan 4 did not find it at the source \(its directory was listed at .*\), 4 complete scans in a row missed it since .*, and the look at the source at .* said ENOENT\./,
  );
});

Deno.test("why tells what the rules would say", async () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`old${i}`, "x"]));
  using world = new MemoryWorld({ file: "1", "d/f": "1" }, { ...many, "d/extra": "x" });
  await world.run();
  assert.match(
    said(world, "old1"),
    /nothing at all would be deleted: the source does not have 31 of the 31 files/,
  );
  const faults = { source: [{ call: "list", path: "d", errno: "EIO" }] } as const;
  await world.run({ rescan: true, faults });
  assert.match(
    said(world, "old1"),
    /nothing at all would be deleted: the scan of the source had 1 error/,
  );
  assert.match(
    said(world, "d/extra"),
    /\nThe directory d above it could not be listed completely at the source: .*EIO.* nothing in it is deleted/,
  );
  assert.match(said(world, "d"), /It could not be listed completely at the source/);
});

Deno.test("why tells of a source directory that lost all its entries", async () => {
  using world = new MemoryWorld({ "share/in/f": "1", stays: "2" });
  await world.run({ deleteExtras: true });
  world.from.remove("share/in");
  await world.run({ deleteExtras: true });
  assert.match(
    said(world, "share/in/f"),
    /It stays until another scan: the source directory share had entries before scan 2 and lists none/,
  );
});

Deno.test("why tells what is nearest when nothing is known", async () => {
  using world = new MemoryWorld({ "d/f": "1" });
  await world.run();
  assert.match(
    said(world, "d/none"),
    /^unknown\n.*\nNothing is known about d\/none\.\nThe source had no such name in d when scan 1/,
  );
  assert.match(
    said(world, "no/such"),
    /Not even its directory is; the nearest that is known is \(the root\)/,
  );
  assert.match(said(world, "d/f/below"), /Nothing is known about d\/f\/below/);
});

Deno.test("the command why takes paths in every form and changes nothing", async () => {
  using world = new DiskWorld({ "d/a b": "1" });
  await shell(`printf x > "$1/d/"$'caf\\xe9\\n'`, world.source);
  const options = ["--db", world.db];
  assert.equal(
    (await sluice([world.source, world.destination, ...options, "--log", world.log])).code,
    0,
  );
  const before = Deno.readFileSync(world.db);
  const paths = [
    "d/a b",
    "./d//a b/",
    `${world.source}/d/a b`,
    `${world.destination}/d/a b`,
    "$'d/caf\\xe9\\n'",
    `$'${world.destination}/d/caf\\xe9\\x0a'`,
  ];
  for (const path of paths) {
    const { code, stdout, stderr } = await sluice(["why", path, ...options]);
    assert.equal(stderr, "");
    assert.equal(code, 0, path);
    assert.match(stdout, /It is synced\. sluice has copied it/, path);
    assert.match(stdout.split("\n")[0]!, /\/destination\/d\/(a b$|caf\\xe9\\n'$)/);
  }
  const completed = await sluice(["why", "source/d/a b", ...options], { cwd: world.top });
  assert.equal(completed.code, 0);
  assert.match(completed.stdout, /\/destination\/d\/a b\n/);
  const { code, stdout } = await sluice(["why", "d/a b", ...options, "--log", world.log]);
  assert.equal(code, 0);
  const record = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  assert.equal(record.action, "copy");
  assert.equal((await sluice(["why", "d/none", ...options])).code, 1);
  assert.deepEqual(Deno.readFileSync(world.db), before);
});

Deno.test("the command why takes a path whose bytes are not UTF-8 as the shell gives it", async () => {
  using world = new DiskWorld();
  await shell(`printf x > "$1/"$'caf\\xe9'`, world.source);
  assert.equal(
    (await sluice(world.args())).code,
    0,
  );
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const given = `"$1" run -A --quiet "$2" why $'caf\\xe9' --db "$3" 2>&1 || true`;
  const printed = await shell(given, Deno.execPath(), main, world.db);
  // older runtimes refuse such arguments themselves
  if (!printed.includes("invalid UTF-8")) {
    assert.match(printed, /It is synced\. sluice has copied it/);
  }
});

Deno.test("the command why exits with 2 and one sentence when its usage is wrong", async () => {
  using world = new DiskWorld({ file: "1" });
  const db = ["--db", world.db];
  const none = await sluice(["why", "file", ...db]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^sluice: there is no database .* --db\n$/);
  assert.equal(
    (await sluice([world.source, world.destination, ...db, "--log", world.log])).code,
    0,
  );
  const table: [string[], RegExp][] = [
    [[], /PATH missing/],
    [["a", "b"], /why takes PATH only/],
    [["/etc/passwd"], /is neither below the source .* nor below the destination/],
    [["a/../b"], /must not go through/],
    [["$'a"], /PATH: cannot read \$'a as a path/],
    [["file", "--log", `${world.top}/none`], /cannot read the audit log/],
  ];
  for (const [words, says] of table) {
    const { code, stderr } = await sluice(["why", ...words, ...db]);
    assert.equal(code, 2, words.join(" "));
    assert.match(stderr, says);
    assert.match(stderr, /^sluice: [^\n]+\n$/);
  }
});

Deno.test("no command sends control characters of a name to the terminal", async () => {
  const name = "a\x1b[31mRED\n\x9bx";
  using world = new DiskWorld({ [name]: "1", [`d${name}/f`]: "2" }, { [`extra${name}`]: "3" });
  const at = `${world.top}/${name}`;
  Deno.mkdirSync(at);
  const run = world.args("-q", "--delete-extras", "--max-delete", "5", "--trash", at);
  assert.equal((await sluice(run)).code, 0);
  const db = ["--db", world.db];
  const shown = "a\\x1b[31mRED";
  const none = `${world.top}/none${name}`;
  const table: [number, ...string[]][] = [
    [0, "why", name, ...db],
    [0, "why", `d${name}/f`, ...db],
    [0, "why", `d${name}`, ...db],
    [0, "why", `extra${name}`, ...db],
    [1, "why", `none${name}`, ...db],
    [2, "why", `/${name}`, ...db],
    [2, "why", "f", "--db", none],
    [2, "manifest", none],
    [2, "manifest", at],
    [2, "verify", none],
    [2, "audit", none],
    [2, none, world.destination],
    [2, world.source, world.destination, "--db", `${none}/db`],
    [2, world.source, world.destination, "--log", at],
    [2, "doctor", world.source, none],
    [2, "ctl", "--db", none, "status"],
    [2, world.source, world.destination, `--${name}`],
    [2, world.source, world.destination, "--lanes", name],
    [2, at, world.destination, ...db],
  ];
  for (const [wanted, ...words] of table) {
    const { code, stdout, stderr } = await sluice(words);
    const text = stdout + stderr;
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/, words.join(" "));
    assert.ok(text.includes(shown), text);
    assert.equal(code, wanted, text);
    if (code === 2) assert.match(stderr, /^sluice: [^\n]+\n$/);
  }
});
