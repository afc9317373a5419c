/** A look that makes the client of a share ask its server: by opening the file anew. */
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Backend, CallOptions } from "./backend.ts";

/** What a regular file is now; undefined when it is gone. Rejects as `open` does. */
export async function lookByOpening(
  backend: Pick<Backend, "open">,
  path: string,
  options?: CallOptions,
): Promise<Entry | undefined> {
  try {
    await using reader = await backend.open(path, options);
    return reader.entry;
  } catch (error) {
    if (error instanceof SyncError && error.code === "ENOENT") return undefined;
    throw error;
  }
}
