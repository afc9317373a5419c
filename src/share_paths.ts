/** Which share, or which place of a local disk, a path leads to, found out from the table of mounts, without a call to the share. */
import { dirname, resolve } from "node:path";

/** Types of mounts whose calls wait for another machine or another process. */
const SHARES =
  /^(nfs4?|cifs|smb3|smbfs|fuse|fuseblk|fuse\..*|9p|ceph|afs|coda|lustre|gpfs|gfs2|ocfs2|beegfs)$/;

/** More links than this on the way are a loop. */
const MOST_LINKS = 40;

/**
 * What becomes of calls to a share whose server is gone when the process that made them ends: they
 * are cut short (`interruptible`), or it may have to wait for them (`hanging`).
 *
 * NFS before version 4 keeps nothing at the server that a close would give back, and all its waits
 * can be cut short (`rpc_wait_bit_killable`, since Linux 2.6.25), except for what waits in the page
 * cache to be written, where sluice puts nothing (see `Mounts.flushStyle`). The last close of a file
 * asks the server with NFS 4 and SMB, which nothing cuts short in a process that is ending already.
 */
export type Share = "interruptible" | "hanging";

/** Whether anything that is mounted is a share. False where that cannot be told. */
export function hasShares({ mounts }: Pick<Surroundings, "mounts"> = system()): boolean {
  return [...mountsIn(mounts() ?? "").values()].some((mount) => shareOf(mount) !== null);
}

/** What {@link shareLookup} looks at; for tests. */
export interface Surroundings {
  /** The text of Linux's /proc/self/mountinfo; null where there is none. */
  readonly mounts: () => string | null;
  /** What a symbolic link leads to; null for anything else. */
  readonly link: (path: string) => string | null;
}

/**
 * Finds the kind of share that a path is on; null where it is on none, or that cannot be told. What is
 * mounted is read once, when somebody asks.
 */
export function shareLookup(
  { mounts, link }: Surroundings = system(),
): (path: string) => Share | null {
  let table: ReadonlyMap<string, Mount> | null = null;
  return (path) => shareAt(path, table ??= mountsIn(mounts() ?? ""), link);
}

function shareAt(
  path: string,
  table: ReadonlyMap<string, Mount>,
  link: Surroundings["link"],
): Share | null {
  let rest = resolve(path).split("/").filter((name) => name !== "");
  let here = "/";
  for (let links = 0;;) {
    // nothing below a share is looked at: it may never answer
    const share = shareOf(table.get(here));
    if (share !== null) return share;
    const name = rest.shift();
    if (name === undefined) return null;
    const next = resolve(here, name);
    const target = table.has(next) ? null : link(next);
    if (target === null) here = next;
    else if (++links > MOST_LINKS) return null;
    else {
      rest = [...resolve(dirname(next), target).split("/").filter((name) => name !== ""), ...rest];
      here = "/";
    }
  }
}

/** Where something lies in its file system, whatever is mounted where. */
export interface Place {
  /** Of the file system, as "major:minor". */
  readonly device: string;
  readonly path: string;
}

/**
 * The place of what a real path leads to. Null on a share, whose mounts do not tell what they show of it,
 * and where it cannot be told.
 */
export function placeOf(
  path: string,
  { mounts }: Pick<Surroundings, "mounts"> = system(),
): Place | null {
  const table = mountsIn(mounts() ?? "");
  for (let at = path;; at = dirname(at)) {
    const mount = table.get(at);
    if (mount === undefined && dirname(at) !== at) continue;
    if (mount === undefined || shareOf(mount) !== null) return null;
    return {
      device: mount.device,
      path: resolve(mount.root, `.${path.slice(at === "/" ? 0 : at.length)}`),
    };
  }
}

interface Mount {
  readonly device: string;
  /** What of the file system is seen. */
  readonly root: string;
  readonly type: string;
  readonly options: readonly string[];
}

function shareOf(mount: Mount | undefined): Share | null {
  if (mount === undefined || !SHARES.test(mount.type)) return null;
  const early = mount.type === "nfs" && mount.options.some((option) => /^vers=[23]/.test(option));
  return early ? "interruptible" : "hanging";
}

/** What is mounted, by the place. */
function mountsIn(table: string): Map<string, Mount> {
  const mounts = new Map<string, Mount>();
  for (const line of table.split("\n")) {
    const [before, after] = line.split(" - ");
    const [, , device = "", root = "", at] = before!.split(" ");
    if (at === undefined || after === undefined) continue;
    const [type, , options = ""] = after.split(" ");
    // of several mounts at one place, the last one is seen
    mounts.set(unescaped(at), {
      device,
      root: unescaped(root),
      type: type!,
      options: options.split(","),
    });
  }
  return mounts;
}

/** The kernel writes a space as \040. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}

function system(): Surroundings {
  return {
    mounts: () => Deno.build.os === "linux" ? orNull(() => Deno.readTextFileSync(MOUNTS)) : null,
    link: (path) => orNull(() => Deno.readLinkSync(path)),
  };
}

const MOUNTS = "/proc/self/mountinfo";

function orNull(read: () => string): string | null {
  try {
    return read();
  } catch (error) {
    // whatever the reason, what works on the path finds it too and says it
    if (error instanceof Error) return null;
    throw error;
  }
}
