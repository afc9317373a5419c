import assert from "node:assert/strict";
import { LogReader } from "../../src/commands/log_reader.ts";
import { sluice } from "../testing/command.ts";
import { DiskWorld } from "../testing/world.ts";

Deno.test("audit and why refuse a named pipe, which nobody may ever write to", async () => {
  using world = new DiskWorld({ file: "1" });
  assert.equal((await sluice(world.args("-q"))).code, 0);
  const pipe = `${world.top}/pipe`;
  assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
  for (const args of [["audit", pipe], ["why", "file", "--db", world.db, "--log", pipe]]) {
    const { code, stderr } = await sluice(args);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^sluice: cannot read the audit log [^\n]+\/pipe: it is a named pipe; [^\n]+\n$/,
    );
  }
});

Deno.test("audit reads what a pipe of the shell brings", async () => {
  using world = new DiskWorld({ file: "1" });
  assert.equal((await sluice(world.args("-q"))).code, 0);
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const program = [Deno.execPath(), "run", "-A", "--quiet", main];
  for (const script of ['cat "$0" | "$@" audit /dev/stdin', '"$@" audit <(cat "$0")']) {
    const { code, stdout } = await new Deno.Command("bash", {
      args: ["-c", script, world.log, ...program],
    }).output();
    assert.equal(code, 0, script);
    assert.match(new TextDecoder().decode(stdout), /\nthe chain is whole\n$/);
  }
});

Deno.test({
  name: "LogReader hears the signal while it waits for a pipe that brings nothing",
  // the read itself ends when the other end is closed, at a moment of its own
  sanitizeOps: false,
  fn: async () => {
    const other = new Deno.Command("sleep", { args: ["1000"], stdout: "piped" }).spawn();
    const controller = new AbortController();
    const reason = new Error("stop");
    {
      using reader = await LogReader.open(`/proc/${other.pid}/fd/1`);
      const next = reader.lines(controller.signal).next();
      // its turn has passed, the read has begun
      await new Promise((resolve) => setTimeout(resolve, 0));
      await new Promise((resolve) => setTimeout(resolve, 0));
      controller.abort(reason);
      await assert.rejects(next, (error) => error === reason);
      assert.equal(reader.bytes, 0);
    }
    other.kill("SIGKILL");
    await other.output();
  },
});
