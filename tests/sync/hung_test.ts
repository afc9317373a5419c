/** Calls that never return, on a real share. */
import assert from "node:assert/strict";
import { MountNamespace } from "../testing/mount_namespace.ts";
import { mayStall, StallingShare } from "../testing/stalling_share.ts";
import { type Line, WatchedRun } from "../testing/watched_run.ts";

const ignore = !mayStall();

/** Two directories, one of them a share whose server can be stopped. */
class HungWorld implements AsyncDisposable {
  private constructor(readonly space: MountNamespace, readonly share: StallingShare) {}

  static async make(side: "source" | "destination"): Promise<HungWorld> {
    const space = await MountNamespace.make();
    await space.sh(`
      cd ${space.top}
      mkdir source destination kept
      cd ${side === "source" ? "kept" : "source"}
      for d in 1 2 3 4; do
        mkdir d$d
        for f in $(seq 12); do head -c 300000 /dev/urandom > d$d/f$f; done
      done
      find . -exec touch -d 2020-01-01 {} +`);
    return new HungWorld(space, await StallingShare.mount(space, "kept", side));
  }

  run(...options: string[]): WatchedRun {
    const { top } = this.space;
    const command = (name: string, args: readonly string[]) => this.space.command(name, args);
    const files = ["--db", `${top}/sluice.db`, "--log", `${top}/audit.jsonl`];
    return new WatchedRun(command, [`${top}/source`, `${top}/destination`, ...files, ...options]);
  }

  /** How often each file was copied, over all runs. */
  copies(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const line of Deno.readTextFileSync(`${this.space.top}/audit.jsonl`).trim().split("\n")) {
      const { action, status, source } = JSON.parse(line);
      if (action !== "copy" || status !== "success") continue;
      counts.set(source, (counts.get(source) ?? 0) + 1);
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.share[Symbol.asyncDispose]();
    await this.space[Symbol.asyncDispose]();
  }
}

function hanging(line: Line): { side: string | null; seconds: number }[] {
  return line.type === "progress" ? line.unanswered as ReturnType<typeof hanging> : [];
}

for (const side of ["source", "destination"] as const) {
  Deno.test({
    name: `sync says that its ${side} does not answer, ends on Ctrl-C meanwhile, and resumes`,
    ignore,
    async fn() {
      await using world = await HungWorld.make(side);
      const run = world.run("--bwlimit", "2M");
      await run.line((line) =>
        line.type === "progress" && (line.copied as { files: number }).files > 2
      );
      world.share.stall();
      const told = await run.line((line) => hanging(line).some((one) => one.side === side));
      assert.ok(hanging(told)[0]!.seconds >= 5);
      // the display goes on
      await run.line((line) => hanging(line).some(({ seconds }) => seconds >= 6));
      run.kill("SIGINT");
      // the server is still stopped, so the threads that wait for it are still there
      assert.equal((await run.end()).code, 130);
      const summary = run.lines.at(-1)!;
      assert.equal(summary.type, "summary");
      assert.equal(summary.outcome, "interrupted");
      const before = world.copies().size;
      assert.ok(before > 2 && before < 48, String(before));

      world.share.goOn();
      const next = world.run();
      assert.equal((await next.end()).code, 0);
      const copies = world.copies();
      assert.equal(copies.size, 48);
      assert.deepEqual([...copies.values()].filter((count) => count > 1), []);
      const { top } = world.space;
      assert.equal(await world.space.sh(`diff -r ${top}/source ${top}/destination`), "");
      assert.equal(await world.space.sh(`find ${top}/destination -name '.sluice*'`), "");
    },
  });

  Deno.test({
    name: `sync goes on by itself when its ${side} answers again`,
    ignore,
    async fn() {
      await using world = await HungWorld.make(side);
      const run = world.run("--bwlimit", "4M");
      await run.line((line) =>
        line.type === "progress" && (line.copied as { files: number }).files > 2
      );
      world.share.stall();
      await run.line((line) => hanging(line).length > 0);
      world.share.goOn();
      assert.equal((await run.end()).code, 0);
      assert.deepEqual(hanging({ ...run.lines.at(-1)!, type: "progress" }), []);
      assert.equal(world.copies().size, 48);
    },
  });
}
