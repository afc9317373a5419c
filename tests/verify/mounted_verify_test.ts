/** Verifications of file systems of their own, on loop devices where root may mount them. */
import assert from "node:assert/strict";
import { sluice } from "../testing/command.ts";
import { canMount, mountImage } from "../testing/loop_mount.ts";
import { shell } from "../testing/bytes.ts";
import { DiskWorld } from "../testing/world.ts";

const EXT4 = { type: "ext4", make: ["mkfs.ext4", "-q", "-F"] };
const VFAT = { type: "vfat", make: ["mkfs.vfat"] };

Deno.test({
  name: "verify finds a bit that flipped on the disk while the cache still has the good one",
  ignore: !(await canMount(EXT4)),
  async fn() {
    const marker = "this is the very place ".repeat(40);
    using world = new DiskWorld({ big: "x".repeat(2 ** 20) + marker + "y".repeat(2 ** 20) });
    const image = `${world.top}/image`;
    await using _mount = await mountImage(image, world.destination, EXT4);
    const run = world.args("-q");
    assert.equal((await sluice(run)).code, 0);
    const verify = ["verify", world.db, "--log", world.log, "-q"];
    assert.deepEqual(await sluice(verify), { code: 0, stdout: "", stderr: "" });
    const good = Deno.readTextFileSync(`${world.destination}/big`);
    await shell('sync -f "$1"', world.destination);
    const bytes = Deno.readFileSync(image);
    const at = new TextDecoder("latin1").decode(bytes).indexOf(marker);
    assert.ok(at > 0);
    {
      using file = Deno.openSync(image, { write: true });
      file.seekSync(at, Deno.SeekMode.Start);
      file.writeSync(Uint8Array.of(bytes[at]! ^ 1));
    }
    // whoever reads through the cache finds nothing
    assert.equal(Deno.readTextFileSync(`${world.destination}/big`), good);
    const { code, stdout } = await sluice(verify);
    assert.equal(code, 1);
    assert.match(stdout, /^different +big: content: sha256 [^\n]*\n$/);
  },
});

Deno.test({
  name: "verify compares times as a destination with whole pairs of seconds keeps them",
  ignore: !(await canMount(VFAT)),
  async fn() {
    using world = new DiskWorld({ odd: "1" });
    await shell('touch -d "2001-09-09 01:46:41.9 UTC" "$1/odd"', world.source);
    await using _mount = await mountImage(`${world.top}/image`, world.destination, VFAT);
    const run = world.args("-q");
    assert.equal((await sluice(run)).code, 0);
    const verify = ["verify", world.db, "--log", world.log, "-q"];
    assert.deepEqual(await sluice(verify), { code: 0, stdout: "", stderr: "" });
  },
});
