/** Attributes: what a run was asked to keep beside content and times, from one side to the other. */
import type { Backend } from "../backend/backend.ts";
import type { Kind } from "../entry.ts";
import { failure } from "../backend/failures.ts";
import { unlessRefused } from "../backend/refused.ts";
import { SyncError } from "../errors.ts";
import type { Attributes, Preservable, Refusal } from "../preserve.ts";
import type { LinkTimes } from "../times.ts";

/** What is to be kept, and of what. */
export interface KeepOptions {
  readonly preserve: readonly Preservable[];
  /** What the destination does with what its symbolic links are given. */
  readonly links: LinkTimes;
  readonly signal: AbortSignal;
  /** Its path at the destination now; default: the same as at the source. */
  readonly to?: string;
}

/** The owner and mode of an object of the source. */
export interface Owned {
  readonly kind: Kind;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/**
 * Gives what the destination has at a path the attributes of the source's. What it refuses is
 * returned, and fails nothing.
 */
export async function keepAttributes(
  source: Backend,
  destination: Backend,
  path: string,
  { kind, uid, gid, mode }: Owned,
  { preserve, links, signal, to = path }: KeepOptions,
): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  // links have no mode of their own, and no attributes that a user may set
  const wanted = (what: Preservable) =>
    preserve.includes(what) && (what === "owner" || kind !== "symlink");
  const owned = wanted("owner");
  const followed = owned && kind === "symlink" && links === "followed";
  if (followed) {
    // sshfs refuses to read links that lead out of the mount
    const there = await unlessRefused(() => destination.look(to, { signal }), undefined);
    if (there?.uid !== uid || there.gid !== gid) {
      refusals.push(refusalOf("owner", failure("EOPNOTSUPP", "set a symbolic link's owner", to)));
    }
  }
  let xattrs: Attributes["xattrs"];
  try {
    if (wanted("xattr")) xattrs = await source.xattrs(path, { signal });
  } catch (error) {
    refusals.push(refusalOf("xattr", error));
  }
  const attributes: Attributes = {
    ...(owned && !followed && { owner: { uid, gid } }),
    ...(wanted("mode") && { mode }),
    ...(xattrs !== undefined && { xattrs }),
  };
  if (Object.keys(attributes).length === 0) return refusals;
  return [...refusals, ...await destination.setAttributes(to, attributes, { signal })];
}

function refusalOf(what: Preservable, error: unknown): Refusal {
  if (!(error instanceof SyncError) || error.scope === "run") throw error;
  return { what, code: error.code, message: error.message };
}
