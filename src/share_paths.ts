/** Whether a path leads to a share, found out from the table of mounts, without a call to the share. */
import { dirname, resolve } from "node:path";

/** Types of mounts whose calls wait for another machine or another process. */
const SHARES =
  /^(nfs4?|cifs|smb3|smbfs|fuse|fuseblk|fuse\..*|9p|ceph|afs|coda|lustre|gpfs|gfs2|ocfs2|beegfs)$/;

/** More links than this on the way are a loop. */
const MOST_LINKS = 40;

/** Whether anything that is mounted is a share. False where that cannot be told. */
export function hasShares({ mounts }: Pick<Surroundings, "mounts"> = system()): boolean {
  return [...typesIn(mounts() ?? "").values()].some((type) => SHARES.test(type));
}

/** What {@link isOnShare} looks at; for tests. */
export interface Surroundings {
  /** The text of Linux's /proc/self/mountinfo; null where there is none. */
  readonly mounts: () => string | null;
  /** What a symbolic link leads to; null for anything else. */
  readonly link: (path: string) => string | null;
}

/** Whether `path` is on a share. False where that cannot be told. */
export function isOnShare(path: string, { mounts, link }: Surroundings = system()): boolean {
  const table = mounts();
  if (table === null) return false;
  const types = typesIn(table);
  let rest = resolve(path).split("/").filter((name) => name !== "");
  let here = "/";
  for (let links = 0;;) {
    // nothing below a share is looked at: it may never answer
    if (SHARES.test(types.get(here) ?? "")) return true;
    const name = rest.shift();
    if (name === undefined) return false;
    const next = resolve(here, name);
    const target = types.has(next) ? null : link(next);
    if (target === null) here = next;
    else if (++links > MOST_LINKS) return false;
    else {
      rest = [...resolve(dirname(next), target).split("/").filter((name) => name !== ""), ...rest];
      here = "/";
    }
  }
}

/** The types of what is mounted, by the place. */
function typesIn(table: string): Map<string, string> {
  const types = new Map<string, string>();
  for (const line of table.split("\n")) {
    const [before, after] = line.split(" - ");
    const at = before!.split(" ")[4];
    // of several mounts at one place, the last one is seen
    if (at !== undefined && after !== undefined) types.set(unescaped(at), after.split(" ")[0]!);
  }
  return types;
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
