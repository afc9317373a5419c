/** Evidence: what the live looks at both sides say that come before each removal. */
import type { NameLook } from "../backend/backend.ts";
import type { Extra } from "../backlog/backlog.ts";
import { SyncError } from "../errors.ts";
import { showPath } from "../name.ts";
import { recordedTime } from "../times.ts";
import type { Found } from "./extra_place.ts";

/** What a look at the source says about an extra. */
export type Absence =
  | { readonly refusal: string }
  | {
    readonly refusal: null;
    /** In words, for the record. */
    readonly proof: string;
    /** An errno, or the kind of what the source has there. */
    readonly answer: string;
  };

const NOT_THERE: Absence = { refusal: null, proof: "not at the source", answer: "ENOENT" };

/**
 * What a live look at the source proves: only "no such file" proves that it is not there. An error
 * where it proves nothing.
 *
 * @param spelled the path under which the source lists what was found, where that is another one
 */
export function absenceOf(
  extra: Extra,
  found: Found,
  spelled?: string,
): Absence | SyncError {
  if (found instanceof SyncError) {
    // below a path at which the source has a file, nothing can be: the scan saw that file, and
    // the kernel says the same now
    if (!extra.conflict || found.code !== "ENOTDIR") return found;
    const proof = "the source has a file where this directory was";
    return { refusal: null, proof, answer: found.code };
  }
  if (found === undefined) return NOT_THERE;
  if (spelled !== undefined) {
    const proof = `the source has it spelled otherwise: ${showPath(spelled)}`;
    return { refusal: null, proof, answer: found.kind };
  }
  const kindsDiffer = (found.kind === "directory") !== (extra.kind === "directory");
  if (extra.conflict && kindsDiffer) {
    return { refusal: null, proof: `the source has a ${found.kind} here`, answer: found.kind };
  }
  return { refusal: "not deleted: the source has it now" };
}

/** How what is at the destination differs from what the scan saw there; null when it does not. */
export function difference(extra: Extra, there: NameLook): string | null {
  if (there.kind !== extra.kind) return "it changed its kind";
  if (extra.kind === "directory") return null;
  if (there.size !== extra.size) return "its size changed";
  return recordedTime(there.mtime) === extra.mtime ? null : "its time changed";
}
