import assert from "node:assert/strict";
import { hasShares, placeOf, type Share, shareLookup } from "../src/share_paths.ts";

const MOUNTS = `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:25 / /mnt/nas rw,relatime shared:5 - nfs4 server:/export rw,vers=4.2
31 22 0:26 / /mnt/two\\040words rw - fuse.sshfs x:/ rw
32 22 0:27 / /mnt/was rw - cifs //server/share rw
33 22 8:2 / /mnt/was rw - xfs /dev/sdb1 rw
34 22 0:30 / /dev/shm rw - tmpfs tmpfs rw
36 22 0:31 / /mnt/v3 rw,relatime - nfs server:/export rw,vers=3,rsize=1048576,proto=tcp
37 22 0:32 / /mnt/v4 rw,relatime - nfs server:/export rw,rsize=1048576
35 30 8:3 / /mnt/nas/local rw - ext4 /dev/sdc1 rw
`;

function share(path: string, links: Record<string, string> = {}): Share | null {
  return shareLookup({
    mounts: () => MOUNTS,
    link(path) {
      assert.ok(!/^\/mnt\/nas($|\/)/.test(path), `a call to a share: ${path}`);
      return links[path] ?? null;
    },
  })(path);
}

Deno.test("shareLookup tells shares from local disks by the table of mounts", () => {
  const table: [string, Share | null][] = [
    ["/mnt/nas", "hanging"],
    ["/mnt/nas/deep/below", "hanging"],
    ["/mnt/nasty", null],
    ["/mnt/two words/a", "hanging"],
    ["/mnt/v3/a", "interruptible"],
    // it says nothing of its version
    ["/mnt/v4/a", "hanging"],
    // the one mounted over it
    ["/mnt/was/a", null],
    ["/dev/shm/x", null],
    ["/home/anna", null],
    ["/mnt/nas/../was", null],
    ["/", null],
  ];
  for (const [path, expected] of table) assert.equal(share(path), expected, path);
});

Deno.test("shareLookup takes a disk mounted below a share for one that needs the share", () => {
  assert.equal(share("/mnt/nas/local/x"), "hanging");
});

Deno.test("shareLookup follows links as far as they are local", () => {
  const links = { "/old": "mnt/nas/x", "/home/data": "../srv/data", "/srv/data": "/mnt/was" };
  assert.equal(share("/old/y", links), "hanging");
  assert.equal(share("/home/data/y", links), null);
  assert.equal(share("/a/b", { "/a": "b", "/b": "a" }), null);
});

Deno.test("shareLookup knows of none where there is no table of mounts", () => {
  assert.equal(shareLookup({ mounts: () => null, link: () => null })("/mnt/nas"), null);
});

Deno.test("hasShares goes by what is mounted", () => {
  assert.equal(hasShares({ mounts: () => MOUNTS }), true);
  const local = MOUNTS.split("\n").filter((line) => !/ - (nfs|fuse)/.test(line)).join("\n");
  // the share at /mnt/was is hidden by a disk
  assert.equal(hasShares({ mounts: () => local }), false);
  assert.equal(hasShares({ mounts: () => null }), false);
});

Deno.test("placeOf tells where in its file system a path leads, but for shares", () => {
  const bound = `${MOUNTS}40 22 8:1 /data/two\\040words /mnt/bound rw - ext4 /dev/sda1 rw\n`;
  const place = (path: string) => placeOf(path, { mounts: () => bound });
  assert.deepEqual(place("/mnt/bound"), { device: "8:1", path: "/data/two words" });
  assert.deepEqual(place("/mnt/bound/x/y"), { device: "8:1", path: "/data/two words/x/y" });
  assert.deepEqual(place("/data/two words/x"), { device: "8:1", path: "/data/two words/x" });
  assert.deepEqual(place("/mnt/was/x"), { device: "8:2", path: "/x" });
  assert.deepEqual(place("/"), { device: "8:1", path: "/" });
  assert.equal(place("/mnt/nas/x"), null);
  assert.deepEqual(place("/mnt/nas/local/x"), { device: "8:3", path: "/x" });
  assert.equal(placeOf("/x", { mounts: () => null }), null);
});
