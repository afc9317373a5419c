/** Roots on file systems without a number of their own, on loop devices where root may mount them. */
import assert from "node:assert/strict";
import { isSameAsRecorded, isSameRoot } from "../../src/backend/identity.ts";
import { openBackend } from "../../src/backend/open.ts";
import { canMount, type ImageKind, mountImage } from "../testing/loop_mount.ts";
import { DiskWorld } from "../testing/world.ts";

const XFS: ImageKind = { type: "xfs", make: ["mkfs.xfs", "-q"], size: 320 };

Deno.test({
  name: "identify tells two xfs disks apart that have one device number and one inode number",
  ignore: !(await canMount(XFS)),
  fn: async () => {
    using world = new DiskWorld();
    const identify = async (image: string) => {
      await using _mount = await mountImage(`${world.top}/${image}`, world.destination, XFS);
      const options = { temporaryName: () => "none" };
      const first = await openBackend(world.destination, options);
      try {
        assert.ok(isSameRoot(first.identity, await first.identify()));
        return first.identity;
      } finally {
        await first[Symbol.asyncDispose]();
      }
    };
    const one = await identify("one");
    const other = await identify("other");
    assert.equal(one.inode, other.inode);
    assert.ok(!isSameAsRecorded(one, other));
    // also where the second disk gets the device number of the first
    assert.ok(!isSameRoot(one, { ...other, device: one.device }));
  },
});
