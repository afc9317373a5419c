/**
 * Mounts: which file system a path or an open handle is on, and how much room it has.
 *
 * Every call is made on the pool: a dead mount may never answer, and this is what finds out.
 */
import { showPath } from "../../name.ts";
import type { Identity, Space } from "../backend.ts";
import { portableError } from "../portable_errors.ts";
import { nulTerminated } from "./directories.ts";
import { posixError } from "./errno.ts";
import { type FileSystem, fileSystemOf, isKnownByBirth, numberOf } from "./file_systems.ts";
import { AT, type Libc, O, SELF } from "./libc.ts";
import { STATX_MNT_ID, STATX_MNT_ID_UNIQUE, STATX_WANTED, StatxBuffer } from "./statx.ts";

/** Kinds whose client sends what is written past the page cache, of any length, from any memory. */
const DIRECT = new Set(["nfs", "cifs", "smb3"]);

/** Bytes of what is best sent at once: about what one or two requests to a server carry. */
const BLOCKS: Readonly<Record<string, number>> = {
  nfs: 2 * 2 ** 20,
  cifs: 4 * 2 ** 20,
  smb3: 4 * 2 ** 20,
};

const MOUNTS = "/proc/self/mountinfo";

/** What the kernel says of one mount. */
interface Mount {
  readonly type: string;
  readonly source: string;
  /**
   * Inode numbers are the client's own, and others after each mount: CIFS where those of the server are
   * not used, and sshfs, which counts what it is asked for.
   */
  readonly ownInodes: boolean;
}

/** Identifies the root of one backend, again and again. */
export class Mounts {
  readonly #libc: Libc;
  #system: FileSystem | null = null;
  /** As the table of mounts names it; "" where it was not looked up. */
  #type = "";
  /** The mount that was looked up last, by a number that no other mount ever has. */
  #known: { readonly id: bigint; readonly mount: Mount | null } | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The kind of file system that was identified last; only after a look. */
  get system(): FileSystem {
    return this.#system!;
  }

  /**
   * When the times of a small file are set: as soon as it is `written`, before it is flushed; when it
   * is `flushed`; or when it is `closed`. Only after a look.
   *
   * Times that are set on an open file outlive its close on NFS and sshfs, which spares the way by its
   * name; a CIFS mount loses them, and of others nothing is assumed. On sshfs, setting them goes after
   * the write to the same server, which works in that order, so nobody waits for the write alone.
   */
  get timesWhen(): "written" | "flushed" | "closed" {
    if (this.#type === "fuse.sshfs") return "written";
    return this.#isNfs ? "flushed" : "closed";
  }

  /**
   * Giving a directory a name is one step here, whatever is in it, and nothing keeps it from that: so
   * it was seen on NFS and sshfs. On SMB it fails while the server holds a file in it open, which it
   * does for a while after each close; others copy every file in it. Only after a look.
   */
  get renamesDirectories(): boolean {
    return !this.#system!.network || this.#type === "fuse.sshfs" || this.#isNfs;
  }

  get #isNfs(): boolean {
    return this.#type === "nfs" || this.#type === "nfs4";
  }

  /**
   * How a block leaves this system at once. Only after a look. Past the page cache there is nothing to
   * copy and to give up again, and a call ends when the server has the block, which a signal can cut
   * short; what waits in the cache for a server that is gone keeps a process from ending. 4 x 256 MB
   * over NFS took 12% less time than with sync_file_range(2) for each block. What other kinds make of
   * it is not known.
   */
  get flushStyle(): "direct" | "flushed" {
    return DIRECT.has(this.#system!.name) ? "direct" : "flushed";
  }

  /**
   * What is best sent at once. More of it would be on its way at the same time, and until the first is
   * there, and while the last leaves, one direction of the line is idle; less makes more requests (4 x
   * 256 MB over NFS with 1, 2 and 4 MiB: 11.8 to 14.2 s, 11.5 to 13.4 s and 11.5 to 12.8 s, and 8.3, 6.8
   * and 6.0 s of the client's processor). Two requests of NFS are sent together and then brought to the
   * server's disk; one would have to be there before it is answered. What is flushed to the disk block
   * by block had better be large.
   */
  get block(): number | undefined {
    return BLOCKS[this.#system!.name];
  }

  /** What a path leads to now. */
  async identifyPath(path: string): Promise<Identity> {
    const { pooled, now } = this.#libc;
    const flags = O.PATH | O.DIRECTORY | O.CLOEXEC;
    const fd = await pooled.openat(AT.FDCWD, nulTerminated(path), flags, 0);
    if (fd < 0) throw posixError(fd, "find the root", "");
    try {
      return await this.identify(fd);
    } finally {
      now.close(fd);
    }
  }

  /** What an open handle is. */
  async identify(fd: number): Promise<Identity> {
    const buffer = new StatxBuffer();
    const mask = STATX_WANTED | STATX_MNT_ID_UNIQUE;
    const result = await this.#libc.pooled.statx(fd, SELF, AT.EMPTY_PATH, mask, buffer.bytes);
    if (result < 0) throw posixError(result, "look at the root", "");
    const { device, inode, birthtime } = buffer.entry("");
    const statfs = await this.#statfs(fd);
    this.#system = fileSystemOf(statfs.getUint32(0, true));
    const { name, network } = this.#system;
    const number = numberOf(name, statfs.getBigUint64(56, true));
    const fsid = (number ?? (isKnownByBirth(name) ? birthtime : null))?.toString(16);
    const mount = network ? await this.#mountOf(fd, buffer.mount(STATX_MNT_ID_UNIQUE)) : null;
    this.#type = mount?.type ?? "";
    return {
      device,
      inode: mount?.ownInodes ? 0n : inode,
      type: name,
      ...(fsid === undefined ? {} : { fsid }),
      ...(mount === null || fsid !== undefined ? {} : { source: mount.source }),
    };
  }

  /** The room that is left for whoever is not root. */
  async space(fd: number): Promise<Space> {
    const statfs = await this.#statfs(fd);
    const number = (at: number) => Number(statfs.getBigUint64(at, true));
    // f_frsize is the unit of f_bavail; the kernel fills it in for all file systems
    return {
      bytes: number(32) * (number(72) || number(8)),
      files: number(40) === 0 ? null : number(48),
    };
  }

  async #statfs(fd: number): Promise<DataView> {
    const buffer = new Uint8Array(128);
    const result = await this.#libc.pooled.fstatfs(fd, buffer, 0);
    if (result < 0) throw posixError(result, "look at the file system", "");
    return new DataView(buffer.buffer);
  }

  async #mountOf(fd: number, unique: bigint | null): Promise<Mount | null> {
    if (unique !== null && this.#known?.id === unique) return this.#known.mount;
    const buffer = new StatxBuffer();
    const { pooled } = this.#libc;
    const result = await pooled.statx(fd, SELF, AT.EMPTY_PATH, STATX_MNT_ID, buffer.bytes);
    const id = result < 0 ? null : buffer.mount(STATX_MNT_ID);
    if (id === null) return null;
    let text: string;
    try {
      text = await Deno.readTextFile(MOUNTS);
    } catch (error) {
      // without /proc there is less to compare, which is no reason not to run
      if (error instanceof Deno.errors.NotFound) return null;
      throw portableError(error, `read ${showPath(MOUNTS)}`, "");
    }
    const mount = mountIn(text, String(id));
    if (unique !== null) this.#known = { id: unique, mount };
    return mount;
  }
}

/** A mount by its number in the text of `/proc/self/mountinfo`; see proc_pid_mountinfo(5). */
export function mountIn(text: string, id: string): Mount | null {
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${id} `)) continue;
    const [, type, source, options = ""] = line.slice(line.indexOf(" - ")).trim().split(" ");
    if (type === undefined || source === undefined) return null;
    const cifs = type === "cifs" || type === "smb3";
    // which it says only where it does
    const ownInodes = type === "fuse.sshfs" || cifs && !options.split(",").includes("serverino");
    return { type, source, ownInodes };
  }
  return null;
}
