import assert from "node:assert/strict";
import { parseArguments } from "../src/arguments.ts";
import { COMMANDS } from "../src/commands/all.ts";
import { UsageError } from "../src/errors.ts";
import { DEFAULTS } from "../src/options.ts";
import { VERSION } from "../src/version.ts";
import { assertGoldenFile } from "./testing/golden.ts";

function parsed(...args: string[]) {
  const invocation = parseArguments(args);
  assert.equal(invocation.type, "sync");
  return invocation as Extract<typeof invocation, { type: "sync" }>;
}

function refusal(...args: string[]): string {
  try {
    parseArguments(args);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return assert.fail(`${args.join(" ")} was taken`);
}

Deno.test("parseArguments takes defaults for what is not given", () => {
  assert.deepEqual(parsed("a", "b"), {
    type: "sync",
    source: "a",
    destination: "b",
    options: DEFAULTS,
    progress: "auto",
    quiet: false,
    verbose: false,
  });
});

Deno.test("parseArguments takes every option, before and after the roots", () => {
  const args = "--db d --log=l --bwlimit 1.5M --checksum blake2b a --delete-extras b --rescan " +
    "--block-size 64K --queue-capacity 3 --lanes 5 --modify-window 2s --hard-links --preserve mode,xattr -n --progress json -v " +
    "--max-delete 2.5% --trash t " +
    "--delete-after-scans 3 --delete-min-age 1.5h --delete-despite-errors " +
    "--ops-limit 500 --adaptive --idle --order largest --stop-after 8h --stop-at 6:05 --max-transfer 2T " +
    "--wait-for-mount 1.5h --wait-for-space off --retries 0";
  assert.deepEqual(parsed(...args.split(" ")), {
    type: "sync",
    source: "a",
    destination: "b",
    options: {
      db: "d",
      log: "l",
      bwlimit: 1.5 * 2 ** 20,
      stopAfter: 8 * 3_600_000,
      stopAt: 365,
      maxTransfer: 2 * 2 ** 40,
      checksum: "blake2b",
      deleteExtras: true,
      deleteDespiteErrors: true,
      maxDelete: { percent: 2.5 },
      trash: "t",
      deleteAfterScans: 3,
      deleteMinAge: 5_400_000,
      rescan: true,
      order: "largest",
      opsLimit: 500,
      adaptive: true,
      idle: true,
      blockSize: 65536,
      lanes: 5,
      queueCapacity: 3,
      modifyWindow: 2e9,
      hardLinks: true,
      overlap: true,
      preserve: ["mode", "xattr"],
      dryRun: true,
      waitForMount: 5_400_000,
      waitForSpace: 0,
      retries: 0,
    },
    progress: "json",
    quiet: false,
    verbose: true,
  });
});

Deno.test("parseArguments takes odd names of roots as they are", () => {
  assert.equal(parsed("--", "-dash", "b").source, "-dash");
  assert.equal(parsed("./verify", "b").source, "./verify");
  assert.equal(parsed("a", "verify").destination, "verify");
  assert.equal(parsed("./manifest", "b").source, "./manifest");
  assert.equal(parsed("a", "manifest").destination, "manifest");
  assert.equal(parsed("help", "manifest").source, "help");
  assert.equal(parsed("a b\n", "b").source, "a b\n");
});

Deno.test("parseArguments takes a value that begins with a dash where it is joined by =", () => {
  const { options } = parsed("a", "b", "--db=-x", "--log=--dry-run");
  assert.deepEqual([options.db, options.log, options.dryRun], ["-x", "--dry-run", false]);
  assert.equal(parsed("--db", "./-x", "--", "--log", "-n").source, "--log");
  assert.equal(parsed("a", "verify", "--db", "manifest", "-n").options.db, "manifest");
});

/** Wrong usage, and what the one sentence says. */
const WRONG: readonly [args: string[], says: RegExp][] = [
  [["a", "b", "--preserve", "mode,acl"], /^--preserve does not know "acl"; it takes mode, owner/],
  [["a", "b", "--preserve", ""], /^--preserve does not know ""/],
  [["a", "b", "--modify-window", "2"], /^--modify-window: cannot read "2" as a difference/],
  [[], /^SOURCE and DESTINATION missing/],
  [["a"], /^DESTINATION missing/],
  [["a", "b", "c"], /"c" comes after them/],
  [["report", "a"], /"report" is kept for a command .* write \.\/report/],
  [["verify", "a", "b"], /^verify takes \[DB\] only, not "b" too/],
  [["verify", "--sample", "5"], /^--sample: cannot read "5" as a share: write a percentage/],
  [["verify", "--sample", "0%"], /^--sample: cannot read "0%"/],
  [["verify", "--sample", "101%"], /^--sample: cannot read "101%"/],
  [["verify", "--seed", "-1"], /^--seed takes a whole number from 0 to 999999999, not "-1"/],
  [["verify", "--bwlimit", "0"], /^--bwlimit: cannot read "0"/],
  [["verify", "--progress", "loud"], /^--progress does not know "loud"/],
  [["a", "b", "--overlap", "--no-overlap"], /^--overlap and --no-overlap are given; give one/],
  [["verify", "a", "--db", "b"], /^the database is given twice, as a and with --db/],
  [["manifest", "--db", "b", "a"], /^the database is given twice/],
  [["audit"], /^FILE missing; sluice audit --help/],
  [["audit", "a", "b"], /^audit takes FILE only, not "b" too/],
  [["--db", "x", "manifest"], /^--db comes before manifest; .*sluice manifest --help/],
  [["-n", "manifest", "x"], /^--dry-run comes before manifest/],
  [["--", "manifest", "a", "b"], /^manifest takes \[DB\] only, not "b" too/],
  [["manifest", "--nonsense"], /unknown option '--nonsense'; sluice manifest --help/],
  [["manifest", "--bwlimit", "1M"], /unknown option '--bwlimit'/],
  [["manifest", "a", "b"], /^manifest takes \[DB\] only, not "b" too; sluice manifest --help/],
  [["manifest", "--checksum", "crc32"], /^--checksum does not know "crc32"/],
  [["manifest", "--checksum", "md5", "--checksum", "md5"], /^--checksum is given twice/],
  [["a", "b", "--nonsense"], /unknown option '--nonsense'/],
  [["a", "b", "--rescna"], /unknown option '--rescna'.*Did you mean --rescan/],
  [["a", "b", "-x"], /unknown option '-x'/],
  [["a", "b", "--db"], /'--db <path>' argument missing/],
  [
    ["a", "b", "--db", "--dry-run"],
    /^--db needs a value, and "--dry-run" after it looks like an option; write --db=--dry-run or /,
  ],
  [
    ["a", "b", "--log", "-q"],
    /^--log needs a value, and "-q" .* write --log=-q or --log \.\/-q if/,
  ],
  [["a", "b", "--delete-extras", "--trash", "-1"], /^--trash needs a value, and "-1" after it/],
  [["a", "b", "--db", "-"], /^--db needs a value, and "-" after it/],
  [
    ["--bwlimit", "-n", "a", "b"],
    /^--bwlimit needs a value, and "-n" .* --bwlimit=-n if it is the/,
  ],
  [["verify", "--db", "--restart"], /^--db needs a value, and "--restart" after it looks/],
  [["ctl", "status", "--db", "--json"], /^--db needs a value, and "--json" after it looks/],
  [["--db", "manifest", "--log", "--rescan", "a", "b"], /^--log needs a value, and "--rescan"/],
  [["a", "b", "--rescan=yes"], /--rescan/],
  [["a", "b", "--bwlimit", "fast"], /^--bwlimit: cannot read "fast"/],
  [["a", "b", "--bwlimit", "0"], /^--bwlimit: cannot read "0"/],
  [["a", "b", "--order", "random"], /^--order does not know "random"; it takes found, path, size/],
  [["a", "b", "--ops-limit", "0"], /^--ops-limit takes a whole number from 1 to 1000000, not "0"/],
  [["a", "b", "--stop-after", "0"], /^--stop-after: cannot stop after "0": write a time/],
  [["a", "b", "--stop-after", "8"], /^--stop-after: cannot read "8" as a duration/],
  [["a", "b", "--stop-at", "6"], /^--stop-at: cannot read "6" as a time of day/],
  [["a", "b", "--stop-at", "24:00"], /^--stop-at: cannot read "24:00" as a time of day/],
  [["a", "b", "--max-transfer", "0"], /^--max-transfer: cannot read "0" as a size/],
  [["a", "b", "--bwlimit", "Sat,off"], /^--bwlimit: cannot tell what holds on Mon, Tue/],
  [["a", "b", "--bwlimit", "-1M"], /^--bwlimit: cannot read "-1M"/],
  [["a", "b", "--bwlimit", ""], /^--bwlimit: cannot read ""/],
  [["a", "b", "--block-size", "0"], /^--block-size: cannot read "0"/],
  [["a", "b", "--block-size", "5X"], /^--block-size: cannot read "5X"/],
  [["a", "b", "--block-size", "5"], /^--block-size is at least 1K, .*; write 5M for 5 MiB$/],
  [["a", "b", "--block-size", "2G"], /^--block-size is at most 1G/],
  [["a", "b", "--lanes", "0"], /^--lanes takes a whole number from 1 to/],
  [["a", "b", "--lanes", "many"], /^--lanes takes a whole number from 1 to/],
  [["a", "b", "--queue-capacity", "0"], /^--queue-capacity takes a whole number from 1 to/],
  [["a", "b", "--queue-capacity", "1.5"], /^--queue-capacity takes a whole number/],
  [["a", "b", "--queue-capacity", "99999999999"], /^--queue-capacity takes a whole number/],
  [["a", "b", "--checksum", "crc32"], /^--checksum does not know "crc32"; it takes md5, sha1/],
  [["a", "b", "--checksum", "SHA256"], /^--checksum does not know "SHA256"/],
  [
    ["a", "b", "--wait-for-mount", "10"],
    /^--wait-for-mount: cannot read "10" as a duration: write a number and s, m/,
  ],
  [["a", "b", "--retries", "many"], /^--retries takes a whole number from 0 to 100, not "many"/],
  [["a", "b", "--retries", "101"], /^--retries takes a whole number from 0 to 100/],
  [["a", "b", "--wait-for-space", "-1h"], /^--wait-for-space: cannot read "-1h" as a duration/],
  [["a", "b", "--progress", "loud"], /^--progress does not know "loud"; it takes auto, plain/],
  ...["--max-delete=5", "--trash=t", "--delete-after-scans=2", "--delete-min-age=1h"]
    .concat("--delete-despite-errors")
    .map((flag): [string[], RegExp] => [["a", "b", flag], /^--[a-z-]+ says how to delete; give/]),
  ...["", "-1", "1.5", "101%", "many", "%", "5 %", "99999999999999999999"]
    .map((limit): [string[], RegExp] => [
      ["a", "b", "--delete-extras", `--max-delete=${limit}`],
      /^--max-delete takes a number of files or a percentage/,
    ]),
  [["a", "b", "--delete-extras", "--trash="], /^--trash is an empty path/],
  [["a", "b", "--delete-extras", "--delete-after-scans=0"], /^--delete-after-scans takes a whole/],
  [["a", "b", "--delete-extras", "--delete-min-age=1h"], /give --delete-after-scans 2 with it/],
  [
    ["a", "b", "--delete-extras", "--delete-after-scans=2", "--delete-min-age=24"],
    /^--delete-min-age: cannot read "24" as a duration/,
  ],
  [["a", "b", "-q", "-v"], /^--quiet and --verbose contradict each other/],
  [["a", "b", "--rescan", "--rescan"], /^--rescan is given twice/],
  [["a", "b", "--db", "x", "--db=y"], /^--db is given twice/],
  [["a", "b", "--db", "x", "--db", "x"], /^--db is given twice/],
  [["a", "b", "-n", "--dry-run"], /^--dry-run is given twice/],
  [["a", "b", "-qq"], /^--quiet is given twice/],
];

for (const [args, says] of WRONG) {
  Deno.test(`parseArguments refuses ${JSON.stringify(args.join(" "))} in one sentence`, () => {
    const message = refusal(...args);
    assert.match(message, says);
    assert.doesNotMatch(message, /\n/);
  });
}

Deno.test("parseArguments gives the help, which fits on one screen", () => {
  const help = parseArguments(["--help"]);
  assert.ok(help.type === "print");
  assertGoldenFile(new URL("./golden/help.txt", import.meta.url), help.text);
  const lines = help.text.split("\n");
  assert.ok(lines.length <= 40, `${lines.length} lines`);
  for (const line of lines) assert.ok(line.length <= 100, line);
  assert.deepEqual(parseArguments(["-h", "and", "more", "words"]), help);
});

Deno.test("parseArguments gives all options, each of which the help names too", () => {
  const all = parseArguments(["--help-all"]);
  assert.ok(all.type === "print");
  assertGoldenFile(new URL("./golden/help_all.txt", import.meta.url), all.text);
  for (const line of all.text.split("\n")) assert.ok(line.length <= 100, line);
  const help = parseArguments(["--help"]);
  assert.ok(help.type === "print");
  const optionsIn = (text: string) => [...new Set(text.match(/(?<= )--[a-z-]+/g))].sort();
  assert.ok(optionsIn(all.text).length > 20);
  assert.deepEqual(optionsIn(help.text), optionsIn(all.text));
  assert.deepEqual(parseArguments(["a", "b", "--help-all", "--nonsense"]), all);
});

Deno.test("parseArguments gives each command a help of its own", () => {
  const top = parseArguments(["--help"]);
  assert.ok(top.type === "print");
  for (const { name, words, description } of COMMANDS) {
    assert.match(top.text, new RegExp(`^Commands:.* ${name}\\b`, "m"));
    for (const args of [[name, "--help"], [name, "-h"], [name, "a", "b", "c", "--help"]]) {
      const help = parseArguments(args);
      assert.ok(help.type === "print");
      const usage = ["Usage: sluice", name, "[options]", ...words].join(" ");
      assert.ok(help.text.startsWith(`${usage}\n`), help.text);
      assert.ok(help.text.replace(/\s+/g, " ").includes(description));
      const lines = help.text.split("\n");
      assert.ok(lines.length <= 40, `${lines.length} lines`);
      for (const line of lines) assert.ok(line.length <= 100, line);
    }
  }
});

Deno.test("parseArguments gives the task of a command", () => {
  const invocation = parseArguments(["manifest", "--checksum", "md5", "x.db"]);
  assert.ok(invocation.type === "command");
  assert.equal(invocation.name, "manifest");
});

Deno.test("parseArguments gives the version", () => {
  assert.deepEqual(parseArguments(["--version"]), { type: "print", text: `${VERSION}\n` });
});
