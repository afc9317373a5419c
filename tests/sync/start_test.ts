/** Runs that begin while a share is gone, or does not answer, on a real share. */
import assert from "node:assert/strict";
import { MountNamespace } from "../testing/mount_namespace.ts";
import { mayStall, StallingShare } from "../testing/stalling_share.ts";

const ignore = !mayStall();
const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** A local directory, and a share whose server can be stopped, or be gone. */
class StartWorld implements AsyncDisposable {
  private constructor(readonly space: MountNamespace, readonly share: StallingShare) {}

  static async make(): Promise<StartWorld> {
    const space = await MountNamespace.make();
    await space.sh(
      `cd ${space.top} && mkdir -p local kept/a/below share && echo x > kept/a/below/x`,
    );
    return new StartWorld(space, await StallingShare.mount(space, "kept", "share"));
  }

  start(...args: string[]): Deno.ChildProcess {
    const { top } = this.space;
    return this.space.command("env", [
      ...["NO_COLOR=1", `INIT_CWD=${top}`],
      ...[Deno.execPath(), "run", "-A", "--quiet", MAIN, ...args],
    ]).spawn();
  }

  async run(...args: string[]): Promise<{ code: number; stderr: string }> {
    const { code, stderr } = await this.start(...args).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.share[Symbol.asyncDispose]();
    await this.space[Symbol.asyncDispose]();
  }
}

Deno.test({
  name: "a share whose server has died before the start ends the run with code 3 and one sentence",
  ignore,
  async fn() {
    await using world = await StartWorld.make();
    await world.share.die();
    const why = "not connected (ENOTCONN); start again when its server is back\n";
    const table = [
      [["share", "local"], "the source share"],
      [["local", "share"], "the destination share"],
      [["doctor", "share", "local"], "the source share"],
      [["local", "kept", "--log", "share/x"], "the audit log share/x"],
      [["local", "kept", "--delete-extras", "--trash", "share/x"], "the trash share/x"],
    ] as const;
    for (const [args, what] of table) {
      const { code, stderr } = await world.run(...args);
      assert.equal(stderr, `sluice: cannot reach ${what}: ${why}`);
      assert.equal(code, 3);
    }
    assert.equal(await world.space.sh(`ls ${world.space.top}/local`), "");
    const { code, stderr } = await world.run("local", "none");
    assert.match(stderr, /^sluice: the destination none does not exist; .*\n$/);
    assert.equal(code, 2);
  },
});

Deno.test({
  name: "a share that does not answer at the start is told of, and Ctrl-C ends the run",
  ignore,
  async fn() {
    await using world = await StartWorld.make();
    world.share.stall();
    const interrupted = "interrupted before anything was done";
    const { top } = world.space;
    const table = [
      // the system remembers what it has just listed, the root of the share
      [["local", "share"], `the destination ${top}/share`, [interrupted]],
      [["share/a/below", "local", "-q"], "the source share/a/below", [interrupted]],
      [["doctor", "share/a/below", "local"], "the source share/a/below", []],
    ] as const;
    for (const [args, what, last] of table) {
      const child = world.start(...args);
      const out = new Response(child.stdout).text();
      const lines: string[] = [];
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        lines.push(...text.trimEnd().split("\n"));
        if (lines.length === 1) child.kill("SIGINT");
      }
      const told = `${what} has not answered yet; it goes on when it does, and Ctrl-C ends it`;
      assert.deepEqual(lines, [told, ...last].map((line) => `sluice: ${line}`));
      assert.equal((await child.status).code, 130);
      assert.equal(await out, "");
    }
  },
});

Deno.test({
  name: "a share that answers late at the start is waited for",
  ignore,
  async fn() {
    await using world = await StartWorld.make();
    world.share.stall();
    const child = world.start("share/a/below", "local", "-q");
    const stderr = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    assert.match(
      (await stderr.read()).value ?? "",
      /^sluice: the source share\/a\/below has not answered yet/,
    );
    world.share.goOn();
    assert.equal((await stderr.read()).done, true);
    await child.stdout.cancel();
    assert.equal((await child.status).code, 0);
    assert.equal(await world.space.sh(`cat ${world.space.top}/local/x`), "x\n");
  },
});
