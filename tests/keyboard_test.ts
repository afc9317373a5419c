/** Keys on a real terminal, of a real run. */
import assert from "node:assert/strict";
import { sluice } from "./testing/command.ts";
import { hasPty, OnTerminal } from "./testing/pty.ts";
import { DiskWorld, readTree, type Tree } from "./testing/world.ts";

function slowTree(): Tree {
  return Object.fromEntries(
    Array.from({ length: 10 }, (_, i) => [`${i}`, `${i}`.repeat(2 ** 20)]),
  );
}

function started(world: DiskWorld, ...more: string[]): OnTerminal {
  const { source, destination, db, log } = world;
  return new OnTerminal([source, destination, "--db", db, "--log", log, ...more]);
}

/** The process of the run that has the database open. */
async function processOf(world: DiskWorld): Promise<number> {
  const { stdout } = await sluice(["ctl", "status", "--json", "--db", world.db]);
  return JSON.parse(stdout).run.pid;
}

async function settingsOf(pid: number): Promise<string> {
  const terminal = Deno.readLinkSync(`/proc/${pid}/fd/1`);
  const { stdout } = await new Deno.Command("stty", { args: ["-F", terminal, "-g"] }).output();
  return new TextDecoder().decode(stdout).trim();
}

function stateOf(pid: number): string {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2)[0]!;
}

Deno.test({
  name: "the keys of the terminal pause a run, change its limit and end it, and leave it as it was",
  ignore: !hasPty,
  async fn() {
    using world = new DiskWorld(slowTree());
    await using terminal = started(world, "--bwlimit", "500K");
    await terminal.shown(/p pause {3}\+ - limit {3}q end the run/);
    await terminal.press("p");
    await terminal.shown(/paused by the keyboard/);
    await terminal.shown(/p go on {3}/);
    await terminal.press("p");
    await terminal.shown(/resumed by the keyboard/);
    await terminal.press("+");
    await terminal.shown(/limit: 700 KiB\/s, set by the keyboard/);
    await terminal.press("-");
    await terminal.shown(/limit: 500 KiB\/s, set by the keyboard/);
    await terminal.press("q");
    await terminal.shown(/q once more ends the run/);
    await terminal.press("q");
    await terminal.shown(/more pending after .*: the keyboard has asked for it/);
    const { code, before, after } = await terminal.end();
    assert.equal(code, 0);
    assert.equal(after, before);
  },
});

for (
  const [what, keys, expected] of [["Ctrl-C", "\x03", 130], [
    "Ctrl-C twice",
    "\x03\x03",
    130,
  ]] as const
) {
  Deno.test({
    name: `the terminal is as it was after ${what}`,
    ignore: !hasPty,
    async fn() {
      using world = new DiskWorld(slowTree());
      await using terminal = started(world, "--bwlimit", "500K");
      await terminal.shown(/p pause/);
      assert.notEqual(await settingsOf(await processOf(world)), terminal.settings);
      await terminal.press(keys);
      const { code, before, after } = await terminal.end();
      assert.equal(code, expected);
      assert.equal(after, before);
    },
  });
}

Deno.test({
  name:
    "the terminal is as it was after SIGTERM, and while the run is suspended, which then goes on",
  ignore: !hasPty,
  async fn() {
    using world = new DiskWorld(slowTree());
    await using terminal = started(world, "--bwlimit", "500K");
    await terminal.shown(/p pause/);
    const pid = await processOf(world);
    // the shell of the test waits for its child, and is suspended with it
    await terminal.press("\x1a");
    while (stateOf(pid) !== "T") await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(await settingsOf(pid), terminal.settings);
    terminal.forget();
    Deno.kill(pid, "SIGCONT");
    await terminal.shown(/p pause/);
    await terminal.press("p");
    await terminal.shown(/paused by the keyboard/);
    Deno.kill(pid, "SIGTERM");
    while (isThere(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    await terminal.shown(/interrupted after/);
  },
});

Deno.test({
  name: "a run whose terminal is closed ends in order, and leaves nothing that is half done",
  ignore: !hasPty,
  async fn() {
    const large = "x".repeat(30 * 2 ** 20);
    using world = new DiskWorld({ a: large, b: large, c: large, d: large });
    await using terminal = started(world, "--bwlimit", "20M");
    await terminal.shown(/p pause/);
    const pid = await processOf(world);
    await terminal.shown(/[1-9]\d* MiB, \d files in this run/);
    terminal.hangUp();
    await new Promise((resolve) => setTimeout(resolve, 2));
    // a shell that waits for commands passes it on to them, besides
    Deno.kill(pid, "SIGHUP");
    while (isThere(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    const { type, outcome, exit_code: code } = world.records().at(-1)!;
    assert.deepEqual({ type, outcome, code }, { type: "end", outcome: "interrupted", code: 129 });
    const left = [...Deno.readDirSync(world.destination)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name.includes(".sluice-")), []);
  },
});

Deno.test({
  name: "a run whose standard input is no terminal has no keys",
  ignore: !hasPty,
  async fn() {
    using world = new DiskWorld({ file: "1" });
    const { code, stdout } = await sluice(
      world.args(),
    );
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /p pause/);
    assert.deepEqual(readTree(world.destination), readTree(world.source));
  },
});

function isThere(pid: number): boolean {
  try {
    return stateOf(pid) !== "Z";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
