/** Kinds of file systems by the magic number that statfs(2) reports (linux/magic.h). */

/** What the kind of a file system says about how to call it. */
export interface FileSystem {
  readonly name: string;
  /** Calls wait for another machine (or a process), so many are kept in flight. */
  readonly network: boolean;
  /** The finest time that it can keep, in nanoseconds; a mount may keep less. */
  readonly timePrecision: bigint;
}

const NETWORK: Readonly<Record<number, string>> = {
  0x6969: "nfs",
  0xff534d42: "cifs",
  0xfe534d42: "smb3",
  0x517b: "smb",
  0x65735546: "fuse",
  0x01021997: "9p",
  0x00c36400: "ceph",
  0x5346414f: "afs",
  0x6b414653: "afs",
  0x73757245: "coda",
  0x0bd00bd0: "lustre",
  0x47504653: "gpfs",
  0x01161970: "gfs2",
  0x7461636f: "ocfs2",
};

const LOCAL: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x01021994: "tmpfs",
  0x2fc12fc1: "zfs",
  0xf2f52010: "f2fs",
  0x794c7630: "overlay",
  0x4d44: "vfat",
  0x2011bab0: "exfat",
  0x5346544e: "ntfs",
  0x7366746e: "ntfs3",
  0x4244: "hfs",
  0xca451a4e: "bcachefs",
};

const COARSE: Readonly<Record<string, bigint>> = {
  vfat: 2_000_000_000n,
  exfat: 10_000_000n,
  hfs: 1_000_000_000n,
  ntfs: 100n,
  ntfs3: 100n,
  cifs: 100n,
  smb: 100n,
  smb3: 100n,
};

/**
 * Those whose f_fsid belongs to the file system and outlives a mount and a reboot. That of others is
 * made of a device number, or 0.
 */
const NUMBERED = new Set([
  "ext4",
  "btrfs",
  "tmpfs",
  "zfs",
  "bcachefs",
  "cifs",
  "smb3",
  "smb",
  "ceph",
]);

/** Those whose number is only the lower half: the serial number of the volume. */
const SERIAL = new Set(["cifs", "smb3", "smb"]);

/**
 * The number that tells a file system of this kind from all others, and stays; null where it has none.
 *
 * The upper half of an SMB share's f_fsid is when it was made, which Samba takes from the times of the
 * share's root where the disk below does not keep that: it changes with what is put there.
 *
 * @param fsid f_fsid, its first word in the lower half
 */
export function numberOf(name: string, fsid: bigint): bigint | null {
  if (!NUMBERED.has(name)) return null;
  const number = SERIAL.has(name) ? BigInt.asUintN(32, fsid) : fsid;
  return number === 0n ? null : number;
}

/**
 * Those whose f_fsid is only their device number, but whose directories know to the nanosecond when
 * they were made: for the root of a disk, that is when the file system was made.
 */
const KNOWN_BY_BIRTH = new Set(["xfs"]);

/** Whether the birth time of a directory tells a file system of this kind from others. */
export function isKnownByBirth(name: string): boolean {
  return KNOWN_BY_BIRTH.has(name);
}

/** The file system with this magic number; one that is not known is taken for a local disk. */
export function fileSystemOf(magic: number): FileSystem {
  const network = NETWORK[magic];
  const name = network ?? LOCAL[magic] ?? `0x${magic.toString(16)}`;
  return { name, network: network !== undefined, timePrecision: COARSE[name] ?? 1n };
}
