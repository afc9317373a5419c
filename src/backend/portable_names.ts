/** Names and entries as Deno's own API can carry them. */
import { baseOf, type Entry, type Kind } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { componentsOf, failure } from "./failures.ts";

/** What Windows takes for something else than a part of a name, and names that it gives to devices. */
// deno-lint-ignore no-control-regex
const NOT_ON_WINDOWS = /[\x00-\x1f\\:*?"<>|]|[. ]$/;
const DEVICES = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/**
 * A path's components, checked to mean the same to the operating system.
 *
 * @throws SyncError EILSEQ when a name is not Unicode (or has U+FFFD, as such names arrive);
 *   EINVAL when it is no name, or none on Windows
 */
export function portableNames(path: string, os: string = Deno.build.os): string[] {
  const names = componentsOf(path);
  for (const name of names) {
    if (!name.isWellFormed() || name.includes("\ufffd")) {
      throw new SyncError(
        "EILSEQ",
        "the name is not Unicode (or has U+FFFD in it) and cannot be reached in this way (EILSEQ)",
        { path },
      );
    }
    if (os === "windows" && (NOT_ON_WINDOWS.test(name) || DEVICES.test(name))) {
      throw new SyncError("EINVAL", "Windows does not accept this name (EINVAL)", { path });
    }
  }
  return names;
}

/**
 * What Deno says about an object as an entry. What the platform does not tell is 0.
 *
 * @throws SyncError EOVERFLOW when a time is outside of what a Date can hold
 */
export function entryOf(info: Deno.FileInfo, path: string, target = ""): Entry {
  const time = (date: Date | null) => {
    if (date === null) return 0n;
    if (Number.isNaN(date.getTime())) throw failure("EOVERFLOW", "read the times", path);
    return BigInt(date.getTime()) * 1_000_000n;
  };
  return {
    name: baseOf(path),
    kind: kindOf(info),
    size: info.size,
    mtime: time(info.mtime),
    atime: time(info.atime),
    ctime: time(info.ctime),
    birthtime: info.birthtime === null ? null : time(info.birthtime),
    mode: (info.mode ?? 0) & 0o7777,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    device: BigInt(info.dev),
    inode: BigInt(info.ino ?? 0),
    links: info.nlink ?? 1,
    target,
  };
}

function kindOf(info: Deno.FileInfo): Kind {
  if (info.isSymlink) return "symlink";
  if (info.isDirectory) return "directory";
  return info.isFile ? "file" : "special";
}
