/** Runs that begin while a share is gone, on a real share. */
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
    await space.sh(`cd ${space.top} && mkdir local kept share && echo x > kept/x`);
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
