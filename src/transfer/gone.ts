/** Files that are not at the source any more: removed after the scan, or something else has the name. */
import type { Backend, CallOptions } from "../backend/backend.ts";
import type { Carried } from "../block.ts";
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";

/** What reading fails with when there is no such file, or something else has its name or one above it. */
const CODES = ["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO"];

/** Whether a failure to read a file may mean that it is gone. One that changed is tried again first. */
export function mayBeGone({ code, retryable }: SyncError): boolean {
  return CODES.includes(code) || code === "ECHANGED" && !retryable;
}

/**
 * Whether the source says for certain that a file is not there any more. What has its name now is for
 * the next scan to find, and there is none while the file stays pending.
 */
export async function isGone(
  { path, file }: Pick<Carried, "path" | "file">,
  { source, signal }: { readonly source: Backend; readonly signal: AbortSignal },
): Promise<boolean> {
  try {
    return (await lookIfThere(source, path, { signal }))?.kind !== file.kind;
  } catch (error) {
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return false;
  }
}

/** A look that takes what is below something else than a directory for what it is: not there. */
export async function lookIfThere(
  place: Pick<Backend, "look">,
  path: string,
  options: CallOptions,
): Promise<Entry | undefined> {
  try {
    return await place.look(path, options);
  } catch (error) {
    if (error instanceof SyncError && error.code === "ENOTDIR") return undefined;
    throw error;
  }
}
