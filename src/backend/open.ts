/** From a path to a backend: the best one that this system allows. */
import { SyncError } from "../errors.ts";
import type { Backend, CallOptions, Capabilities } from "./backend.ts";
import { openPortable } from "./portable.ts";
import { type Libc, loadLibc } from "./posix/libc.ts";
import { openPosix } from "./posix/posix.ts";

/** Options of {@link openBackend}. */
export interface OpenOptions extends CallOptions {
  /** Gives out temporary names, as `temporaryNames` makes them. */
  readonly temporaryName: () => string;
  /** Overrides what the kind of file system says. */
  readonly latency?: Capabilities["latency"];
  /** Overrides what the kind of file system says; the portable backend has `file` only. */
  readonly durability?: Capabilities["durability"];
  /** Takes Deno's own API although system calls may be possible. Default: false. */
  readonly portable?: boolean;
  /** The system calls to use. Default: loads them (some milliseconds) and unloads them at the end. */
  readonly libc?: Libc;
}

/**
 * Opens the directory at the full path `path`. System calls where they can be made (Linux on x86_64
 * and aarch64), Deno's own API elsewhere; `capabilities.kind` is "portable" then.
 */
export async function openBackend(path: string, options: OpenOptions): Promise<Backend> {
  options.signal?.throwIfAborted();
  if (options.portable) return await openPortable(path, options);
  if (options.libc !== undefined) return await openPosix(path, options.libc, options);
  const libc = loadLibcIfPossible();
  if (libc === null) {
    demandAllNames();
    return await openPortable(path, options);
  }
  try {
    return await openPosix(path, libc, { ...options, ownsLibc: true });
  } catch (error) {
    libc[Symbol.dispose]();
    throw error;
  }
}

/** The system calls; null where the system is another one, or forbids loading. */
export function loadLibcIfPossible(): Libc | null {
  if (Deno.build.os !== "linux") return null;
  try {
    return loadLibc();
  } catch {
    // whatever the reason (no glibc, no permission), the portable backend does not need it
    return null;
  }
}

/** Below Deno 2.8, names that are not UTF-8 are missing from listings, and nobody could tell. */
function demandAllNames(): void {
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  if (Deno.build.os !== "linux" || major > 2 || (major === 2 && minor >= 8)) return;
  throw new SyncError(
    "ENOSYS",
    "libc cannot be loaded, and without it this version of Deno leaves files out whose names are " +
      "not UTF-8; allow FFI (--allow-ffi), or use Deno 2.8 or newer",
    { scope: "run" },
  );
}
