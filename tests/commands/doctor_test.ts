import assert from "node:assert/strict";
import { shell } from "../testing/bytes.ts";
import { sluice, start } from "../testing/command.ts";
import { canMount, type ImageKind, mountImage } from "../testing/loop_mount.ts";
import { DiskWorld } from "../testing/world.ts";

const everything = async (directory: string) =>
  await shell('find "$1" -printf "%P %s %T@ %y\\n" | LC_ALL=C sort', directory);

Deno.test("doctor prints what the destination keeps and changes nothing", async () => {
  using world = new DiskWorld({ "a:b": "1", "README": "2", "Readme": "3" }, { "there": "x" });
  const before = [await everything(world.source), await everything(world.destination)];
  const { code, stdout, stderr } = await sluice(["doctor", world.source, world.destination]);
  assert.equal(stderr, "");
  assert.equal(code, 0, stdout);
  assert.match(stdout, / ok {2}different names {5}kept apart, byte for byte\n/);
  assert.match(stdout, / ok {2}longest name {8}255 bytes\n/);
  assert.match(stdout, /nothing is in the way\n$/);
  assert.deepEqual(before, [await everything(world.source), await everything(world.destination)]);
});

Deno.test("doctor prints JSON lines for scripts", async () => {
  using world = new DiskWorld({ "a": "1" });
  const { code, stdout } = await sluice(["doctor", world.source, world.destination, "--json"]);
  assert.equal(code, 0);
  const [place, summary, ...rest] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(rest, []);
  assert.equal(place.type, "place");
  assert.deepEqual(place.nameLimit, { found: { length: 255, unit: "bytes" } });
  assert.equal(place.names.found["x:y"], "kept");
  assert.equal(summary.type, "summary");
  assert.deepEqual(summary.source, { directories: 1, files: 1, bytes: 1, specials: 0 });
  assert.equal(summary.exit_code, 0);
});

Deno.test("doctor says when the destination has not enough room", async () => {
  using world = new DiskWorld({ "big": "" });
  Deno.truncateSync(`${world.source}/big`, 15 * 2 ** 40);
  const { code, stdout } = await sluice(["doctor", world.source, world.destination]);
  assert.equal(code, 1);
  assert.match(stdout, /NOT ENOUGH\nsomething is in the way\n$/);
});

Deno.test("doctor takes the names from a database", async () => {
  using world = new DiskWorld({ "a": "1", "b": "2" });
  const db = ["--db", world.db];
  const early = await sluice(["doctor", world.source, world.destination, ...db]);
  assert.equal(early.code, 2);
  await sluice([world.source, world.destination, ...db, "--log", world.log, "-q"]);
  const { code, stdout } = await sluice(["doctor", world.source, world.destination, ...db]);
  assert.equal(code, 0);
  assert.match(stdout, /2 files.*as scanned/);
  assert.match(stdout, /pending: 0 B/);
});

Deno.test("doctor refuses wrong usage before it touches anything", async () => {
  using world = new DiskWorld();
  for (
    const args of [
      [],
      [world.source],
      [world.source, world.source],
      [world.source, `${world.top}/none`],
      [world.source, world.destination, "--nonsense"],
      [world.source, world.destination, "x"],
    ]
  ) {
    const { code, stdout, stderr } = await sluice(["doctor", ...args]);
    assert.equal(code, 2, args.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, /^sluice: .+\n$/);
  }
});

Deno.test("doctor leaves nothing behind when it is interrupted", async () => {
  using world = new DiskWorld();
  await shell('cd "$1"; mkdir -p d{1..3000}/e', world.source);
  await using running = start(["doctor", world.source, world.destination]);
  await running.printed(/room/);
  running.kill("SIGINT");
  const { code } = await running.ended;
  // it may have come to its end before the signal came to it
  assert.ok(code === 130 || code === 0, String(code));
  assert.deepEqual([...Deno.readDirSync(world.destination)], []);
});

const root = Deno.uid() === 0;

Deno.test({
  name: "doctor says what it could not try when it may not write",
  ignore: Deno.build.os !== "linux" || !root,
  fn: async () => {
    using world = new DiskWorld({ "a": "1" });
    await shell('mount -t tmpfs -o ro,size=1m none "$1"', world.destination);
    try {
      const { code, stdout } = await sluice(["doctor", world.source, world.destination]);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /cannot be put at this destination.*\nsomething is in the way\n$/);
      assert.match(stdout, / \? {3}different names {5}could not be tried: .*read-only/);
      assert.match(stdout, /room .*free of/);
    } finally {
      await shell('umount "$1"', world.destination);
    }
  },
});

const FOLDING: Readonly<Record<string, ImageKind & { readonly prepare: string }>> = {
  "ext4 with casefold": {
    type: "ext4",
    make: ["mkfs.ext4", "-q", "-O", "casefold"],
    prepare: 'rmdir "$1/lost+found"; chattr +F "$1"',
  },
  "xfs with version=ci": { type: "xfs", make: ["mkfs.xfs", "-q", "-n", "version=ci"], prepare: "" },
  "vfat": { type: "vfat", make: ["mkfs.vfat"], prepare: "" },
};

for (const [name, kind] of Object.entries(FOLDING)) {
  Deno.test({
    name: `doctor and sync refuse names that collide on ${name}`,
    ignore: Deno.build.os !== "linux" || !await canMount(kind),
    fn: async () => {
      using world = new DiskWorld({ "README": "1", "Readme": "2", "D/x": "3", "d/x": "4" });
      await using _mount = await mountImage(`${world.top}/image`, world.destination, kind);
      await shell(kind.prepare, world.destination);
      const { code, stdout } = await sluice(["doctor", world.source, world.destination, "--all"]);
      assert.equal(code, 1);
      assert.match(stdout, /Readme: taken for README/);
      assert.match(stdout, /d: taken for D/);
      const { summary } = await world.run({ deleteExtras: true });
      assert.equal(summary.exitCode, 1);
      assert.deepEqual(summary.failures.map(({ path }) => path).sort(), ["Readme", "d"]);
      assert.equal(Deno.readTextFileSync(`${world.destination}/README`), "1");
      assert.equal(Deno.readTextFileSync(`${world.destination}/D/x`), "3");
    },
  });
}
