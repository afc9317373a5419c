import assert from "node:assert/strict";
import type { Identity } from "../../src/backend/backend.ts";
import { isSameAsRecorded, isSameRoot } from "../../src/backend/identity.ts";
import { mountIn } from "../../src/backend/posix/mounts.ts";

const NFS: Identity = { device: 40n, inode: 2n, type: "nfs4", source: "server:/export" };
const SSHFS: Identity = { device: 41n, inode: 0n, type: "fuse", source: "server:/data" };
const EXT4: Identity = { device: 2049n, inode: 2n, type: "ext4", fsid: "abc" };
const F2FS: Identity = { device: 2065n, inode: 3n, type: "f2fs" };

/** What is there before and after; same within a run, and for a later run. */
const TABLE: readonly [string, Identity, Identity, boolean, boolean][] = [
  ["the same mount", NFS, NFS, true, true],
  ["a share that was mounted again", NFS, { ...NFS, device: 41n }, true, true],
  ["another export of the server", NFS, { ...NFS, source: "server:/other" }, false, false],
  ["another directory of the share", NFS, { ...NFS, inode: 3n }, false, false],
  ["a share whose numbers are its client's own", SSHFS, { ...SSHFS, device: 42n }, true, true],
  ["another share of that kind", SSHFS, { ...SSHFS, source: "server:/other" }, false, false],
  ["a mount that has come to use its server's numbers", SSHFS, { ...SSHFS, inode: 5n }, true, true],
  ["a number from before that was known", { ...SSHFS, inode: 5n }, SSHFS, true, true],
  ["the bare mount point of such a share", SSHFS, { ...EXT4, inode: 77n }, false, false],
  ["the bare mount point", NFS, { ...EXT4, inode: 77n }, false, false],
  ["a bare mount point with the same inode number", NFS, EXT4, false, false],
  ["a disk that got another device number", EXT4, { ...EXT4, device: 7n }, true, true],
  ["another disk of its kind", EXT4, { ...EXT4, fsid: "def" }, false, false],
  ["a disk without a number of its own", F2FS, F2FS, true, true],
  ["one that may be another disk", F2FS, { ...F2FS, device: 7n }, false, true],
  ["a look from before numbers were kept", { device: 1n, inode: 2n }, EXT4, false, true],
];

for (const [what, before, now, within, later] of TABLE) {
  Deno.test(`isSameRoot says ${within}, and for a later run ${later}, when there is ${what}`, () => {
    assert.equal(isSameRoot(before, now), within);
    assert.equal(isSameAsRecorded(before, now), later);
  });
}

const MOUNTINFO = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
57 22 0:52 / /mnt/old rw,relatime shared:9 - nfs4 server:/export\\040x rw,vers=4.2,hard
58 22 0:53 / /mnt/new rw,relatime - cifs //server/share rw,nounix,soft
60 22 0:55 / /mnt/smb rw,relatime - smb3 //server/share rw,nounix,serverino,soft
59 22 0:54 / /mnt/ssh rw,relatime - fuse.sshfs root@server:/data rw,user_id=0,default_permissions
`;

Deno.test("mountIn finds a mount by its number", () => {
  assert.deepEqual(mountIn(MOUNTINFO, "57"), {
    type: "nfs4",
    source: "server:/export\\040x",
    ownInodes: false,
  });
  assert.deepEqual(mountIn(MOUNTINFO, "58"), {
    type: "cifs",
    source: "//server/share",
    ownInodes: true,
  });
  assert.equal(mountIn(MOUNTINFO, "60")!.ownInodes, false);
  assert.deepEqual(mountIn(MOUNTINFO, "59"), {
    type: "fuse.sshfs",
    source: "root@server:/data",
    ownInodes: true,
  });
  assert.equal(mountIn(MOUNTINFO, "5"), null);
});
