/** The directory that relative paths of the command line are relative to. */
import { UsageError } from "./errors.ts";

/** Its full path; null where its name is not UTF-8, and so cannot be had. */
export type Base = string | null;

/** A task runs in the project's directory; the user's own is in INIT_CWD then. */
export function workingDirectory(): Base {
  const typed = Deno.build.standalone ? undefined : Deno.env.get("INIT_CWD");
  try {
    return typed ?? Deno.cwd();
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return null;
    throw error;
  }
}

/** The same; leaves a directory without a name, in which the runtime can start no threads. */
export function leaveNameless(): Base {
  const base = workingDirectory();
  if (base === null) Deno.chdir("/");
  return base;
}

/**
 * A path that may be relative to `base`.
 *
 * @throws UsageError when it is relative and there is no base
 */
export function absolute(path: string, base: Base): string {
  if (path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path)) return path;
  if (base !== null) return `${base}/${path}`;
  throw new UsageError(
    `cannot find ${path}: the working directory has a name that is not UTF-8; go to another one, or ` +
      "give full paths, those of --db and --log too",
  );
}
