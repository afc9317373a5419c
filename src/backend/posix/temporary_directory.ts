/** A directory that has a temporary name, and how it is made: what is put into it is seen by nobody. */
import { parentOf } from "../../entry.ts";
import { type Directories, type HeldDirectory, HOLDING, nulTerminated } from "./directories.ts";
import { AT, type Syscalls } from "./libc.ts";

/** A directory that is to get its own name later. */
export interface TemporaryDirectory {
  /** In which it is, and will be; held until disposed of. */
  readonly parent: HeldDirectory;
  /** Its name there, as the kernel wants it. */
  readonly temporary: Uint8Array;
  /** Its handle, which is the caller's. */
  readonly fd: number;
}

/** Makes a directory beside the one that will be at `path`. Rejects with a SyncError. */
export async function makeTemporaryDirectory(
  path: string,
  { sys, directories, temporaryName }: {
    readonly sys: Syscalls;
    readonly directories: Directories;
    readonly temporaryName: () => string;
  },
): Promise<TemporaryDirectory> {
  const parent = await directories.hold(parentOf(path));
  try {
    const temporary = nulTerminated(temporaryName());
    const made = await sys.mkdirat(parent.fd, temporary, 0o777);
    if (made < 0) throw directories.failure(made, "make the directory", path);
    const fd = await sys.openat(parent.fd, temporary, HOLDING, 0);
    if (fd < 0) {
      await sys.unlinkat(parent.fd, temporary, AT.REMOVEDIR);
      throw directories.failure(fd, "open the directory", path);
    }
    return { parent, temporary, fd };
  } catch (error) {
    parent[Symbol.dispose]();
    throw error;
  }
}

/**
 * The same at once, on the calling thread. Undefined where that fails, and nothing was made, which
 * {@link makeTemporaryDirectory} finds out about.
 */
export function temporaryDirectoryAtOnce(
  path: string,
  { sys, directories, temporaryName }: {
    /** On the calling thread. */
    readonly sys: Syscalls;
    readonly directories: Directories;
    readonly temporaryName: () => string;
  },
): TemporaryDirectory | undefined {
  const parent = directories.holdAtOnce(parentOf(path));
  if (parent === undefined) return undefined;
  const temporary = nulTerminated(temporaryName());
  if (sys.mkdirat(parent.fd, temporary, 0o777) === 0) {
    const fd = sys.openat(parent.fd, temporary, HOLDING, 0) as number;
    if (fd >= 0) return { parent, temporary, fd };
    sys.unlinkat(parent.fd, temporary, AT.REMOVEDIR);
  }
  parent[Symbol.dispose]();
  return undefined;
}
