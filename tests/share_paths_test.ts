import assert from "node:assert/strict";
import { hasShares, isOnShare } from "../src/share_paths.ts";

const MOUNTS = `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:25 / /mnt/nas rw,relatime shared:5 - nfs4 server:/export rw,vers=4.2
31 22 0:26 / /mnt/two\\040words rw - fuse.sshfs x:/ rw
32 22 0:27 / /mnt/was rw - cifs //server/share rw
33 22 8:2 / /mnt/was rw - xfs /dev/sdb1 rw
34 22 0:30 / /dev/shm rw - tmpfs tmpfs rw
35 30 8:3 / /mnt/nas/local rw - ext4 /dev/sdc1 rw
`;

function onShare(path: string, links: Record<string, string> = {}): boolean {
  return isOnShare(path, {
    mounts: () => MOUNTS,
    link(path) {
      assert.ok(!/^\/mnt\/nas($|\/)/.test(path), `a call to a share: ${path}`);
      return links[path] ?? null;
    },
  });
}

Deno.test("isOnShare tells shares from local disks by the table of mounts", () => {
  const table: [string, boolean][] = [
    ["/mnt/nas", true],
    ["/mnt/nas/deep/below", true],
    ["/mnt/nasty", false],
    ["/mnt/two words/a", true],
    // the one mounted over it
    ["/mnt/was/a", false],
    ["/dev/shm/x", false],
    ["/home/anna", false],
    ["/mnt/nas/../was", false],
    ["/", false],
  ];
  for (const [path, expected] of table) assert.equal(onShare(path), expected, path);
});

Deno.test("isOnShare takes a disk mounted below a share for one that needs the share", () => {
  assert.equal(onShare("/mnt/nas/local/x"), true);
});

Deno.test("isOnShare follows links as far as they are local", () => {
  const links = { "/old": "mnt/nas/x", "/home/data": "../srv/data", "/srv/data": "/mnt/was" };
  assert.equal(onShare("/old/y", links), true);
  assert.equal(onShare("/home/data/y", links), false);
  assert.equal(onShare("/a/b", { "/a": "b", "/b": "a" }), false);
});

Deno.test("isOnShare says no where there is no table of mounts", () => {
  assert.equal(isOnShare("/mnt/nas", { mounts: () => null, link: () => null }), false);
});

Deno.test("hasShares goes by what is mounted", () => {
  assert.equal(hasShares({ mounts: () => MOUNTS }), true);
  const local = MOUNTS.split("\n").filter((line) => !/ - (nfs4|fuse)/.test(line)).join("\n");
  // the share at /mnt/was is hidden by a disk
  assert.equal(hasShares({ mounts: () => local }), false);
  assert.equal(hasShares({ mounts: () => null }), false);
});
