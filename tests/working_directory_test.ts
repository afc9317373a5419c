import assert from "node:assert/strict";
import { UsageError } from "../src/errors.ts";
import { absolute } from "../src/working_directory.ts";
import { DiskWorld, readTree } from "./testing/world.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** The command, typed in a directory of the world with a name that is not UTF-8. */
async function sluice(world: DiskWorld, args: readonly string[]) {
  const { INIT_CWD: _, ...env } = Deno.env.toObject();
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: [
      ...["-c", 'd=$(printf "caf\\351") && mkdir -p "$d" && cd "$d" && exec "$@"', "sh"],
      ...[Deno.execPath(), "run", "-A", "-q", MAIN, ...args],
    ],
    cwd: world.top,
    clearEnv: true,
    env: { ...env, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test({
  name: "a working directory that is not UTF-8 is in nobody's way who gives full paths",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using world = new DiskWorld({ "a/b": "1", "c": "2" });
    assert.equal((await sluice(world, world.args("-q"))).stderr, "");
    assert.deepEqual(readTree(world.destination), readTree(world.source));
    for (const args of [["--version"], ["--help"], ["manifest", world.db], ["audit", world.log]]) {
      const { code, stdout, stderr } = await sluice(world, args);
      assert.equal(stderr, "");
      assert.notEqual(stdout, "");
      assert.equal(code, 0);
    }
  },
});

Deno.test({
  name: "a working directory that is not UTF-8 makes relative paths a wrong usage",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using world = new DiskWorld({ "a/b": "1" });
    const table = [
      [[world.source, "../destination"], "../destination"],
      [[world.source, world.destination], "sluice.db"],
      [["manifest"], "sluice.db"],
      [["doctor", "../source", world.destination], "../source"],
    ] as const;
    for (const [args, relative] of table) {
      const { code, stdout, stderr } = await sluice(world, args);
      assert.equal(
        stderr,
        `sluice: cannot find ${relative}: the working directory has a name that is not UTF-8; go to ` +
          "another one, or give full paths, those of --db and --log too\n",
      );
      assert.equal(stdout, "");
      assert.equal(code, 2);
    }
  },
});

Deno.test({
  name: "a link to a root that is not UTF-8 is refused with a way out",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using world = new DiskWorld({ "a/b": "1" });
    // what it leads to is made by the first call
    await sluice(world, ["--version"]);
    await new Deno.Command("sh", {
      args: ["-c", 'ln -s "$(printf "caf\\351")" plain'],
      cwd: world.top,
    }).output();
    const { code, stderr } = await sluice(world, [`${world.top}/plain`, ...world.args().slice(1)]);
    assert.match(stderr, /^sluice: the source \S+plain leads to a path that is not UTF-8; .*bind/);
    assert.equal(code, 2);
  },
});

Deno.test("absolute refuses what is relative to nothing", () => {
  assert.equal(absolute("/a", null), "/a");
  assert.equal(absolute("a", "/b"), "/b/a");
  assert.throws(() => absolute("a", null), UsageError);
});
