import assert from "node:assert/strict";
import { isSameDirectory } from "../src/backend/same_directory.ts";
import { nestingOf } from "../src/nesting.ts";
import { mayMount, MountNamespace } from "./testing/mount_namespace.ts";

const ignore = !mayMount();

/** A namespace with the directories `s/in`, `s-too`, `d/in` and `db`, and a script run in it. */
async function withMounts(script: string, test: (space: MountNamespace) => Promise<void>) {
  await using space = await MountNamespace.make();
  await space.sh(`cd ${space.top}
    mkdir -p s/in d/in b db && echo x > s/f && echo y > s/in/g
    ${script}`);
  await test(space);
}

const MAIN = new URL("../main.ts", import.meta.url).pathname;

async function sluice(space: MountNamespace, source: string, destination: string) {
  const own = ["--db", "db/x", "--log", "db/y", "-q"];
  const args = ["run", "-A", "--quiet", MAIN, ...own, source, destination];
  const { code, stderr } = await space.command("env", [
    `INIT_CWD=${space.top}`,
    ...[Deno.execPath(), ...args],
  ]).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test({
  name: "a root that lies in the other by another path is refused before anything is touched",
  ignore,
  fn: () =>
    withMounts("mount --bind s b && mkdir c && mount --bind s/in c", async (space) => {
      const { top } = space;
      const before = await space.sh(`find ${top}`);
      const table = [
        ["b", "s/in", `destination is inside the source: ${top}/s/in is inside ${top}/s, which`],
        ["b/in", "s", `source is inside the destination: ${top}/b/in is inside ${top}/b, which`],
        ["s", "b/in", `destination is inside the source: ${top}/b/in is inside ${top}/b, which`],
        ["s", "c", `destination is inside the source: ${top}/c is inside ${top}/s;`],
        ["c", "b", `source is inside the destination: ${top}/c is inside ${top}/b;`],
        ["c", "s/in", `are the same directory (${top}/c, which is also ${top}/s/in)`],
        ["s", "b", `are the same directory (${top}/s, which is also ${top}/b)`],
      ] as const;
      for (const [source, destination, says] of table) {
        const { code, stderr } = await sluice(space, source, destination);
        assert.ok(stderr.includes(says), `${says}: ${stderr}`);
        assert.equal(code, 2, stderr);
      }
      assert.equal(await space.sh(`find ${top}`), before);
    }),
});

Deno.test({
  name: "roots that are apart are taken whatever is mounted above them",
  ignore,
  fn: () =>
    // the file systems are alike to the last inode number
    withMounts(
      `mkdir m n && mount -t tmpfs none m && mount -t tmpfs none n && mkdir -p m/x/y n/x/y
       mount --bind s b && mkdir s/other && mkdir c && mount --bind s/in c`,
      async (space) => {
        for (
          const [source, destination] of [["m/x", "n/x/y"], ["m/x/y", "n/x"], ["b/in", "s/other"], [
            "c",
            "s/other",
          ]]
        ) {
          await space.sh(`rm -f ${space.top}/db/*`);
          const { code, stderr } = await sluice(space, source!, destination!);
          assert.equal(code, 0, `${source} ${destination}: ${stderr}`);
        }
      },
    ),
});

const at = (path: string, ino: number | null, dev = 7) => ({ path, info: { dev, ino } });

Deno.test("isSameDirectory goes by device and number, and takes 0 for no number", async () => {
  assert.equal(await isSameDirectory(at("/a", 5), at("/b", 5)), true);
  assert.equal(await isSameDirectory(at("/a", 5), at("/b", 6)), false);
  assert.equal(await isSameDirectory(at("/a", 5), at("/b", 5, 8)), false);
  assert.equal(await isSameDirectory(at("/a", 0), at("/b", 0)), false);
  assert.equal(await isSameDirectory(at("/a", null), at("/b", null)), false);
});

Deno.test({
  name: "isSameDirectory looks again where numbers were rounded",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const rounded = 2 ** 57;
    assert.equal(await isSameDirectory(at("/", rounded), at("/usr", rounded)), false);
    assert.equal(await isSameDirectory(at("/", rounded), at("/usr/..", rounded)), true);
    assert.equal(await isSameDirectory(at("/", rounded), at("/none", rounded)), false);
  },
});

Deno.test("nestingOf tells nothing where a directory has the number of the one above it", async () => {
  const top = Deno.makeTempDirSync({ prefix: "sluice-test-" });
  try {
    const { dev, ino } = Deno.statSync(top);
    Deno.mkdirSync(`${top}/a`);
    Deno.mkdirSync(`${top}/b`);
    // as a file system has it that gives each the same one
    const [source, destination] = [at(`${top}/a`, ino, dev), at(`${top}/b`, ino, dev)];
    assert.equal(await nestingOf({ source, destination }), null);
    const other = { path: `${top}/b`, info: Deno.statSync(`${top}/b`) };
    assert.equal(await nestingOf({ source, destination: other }), null);
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
});
