/** Evidence: the live looks at both sides that come before each removal. */
import type { Extra } from "../backlog/backlog.ts";
import type { RunContext } from "../context.ts";
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { recordedTime } from "../times.ts";

/** What a look at the source says about an extra. */
export type Absence =
  | { readonly refusal: string }
  | {
    readonly refusal: null;
    /** In words, for the record. */
    readonly proof: string;
    /** An errno, or the kind of what the source has there. */
    readonly answer: string;
    /** In ms since the epoch. */
    readonly lookedAt: number;
  };

/** A live look at the source: only "no such file" proves that it is not there. */
export async function absence(
  { source, signal }: RunContext,
  extra: Extra,
): Promise<Absence> {
  const lookedAt = Date.now();
  let there: Entry | undefined;
  try {
    there = await source.look(extra.path, { signal });
  } catch (error) {
    // below a path at which the source has a file, nothing can be: the scan saw that file, and
    // the kernel says the same now
    if (extra.conflict && error instanceof SyncError && error.code === "ENOTDIR") {
      const proof = "the source has a file where this directory was";
      return { refusal: null, proof, answer: error.code, lookedAt };
    }
    throw error;
  }
  if (there === undefined) {
    return { refusal: null, proof: "not at the source", answer: "ENOENT", lookedAt };
  }
  const kindsDiffer = (there.kind === "directory") !== (extra.kind === "directory");
  if (extra.conflict && kindsDiffer) {
    const proof = `the source has a ${there.kind} here`;
    return { refusal: null, proof, answer: there.kind, lookedAt };
  }
  return { refusal: "not deleted: the source has it now" };
}

/** How what is at the destination differs from what the scan saw there; null when it does not. */
export function difference(extra: Extra, there: Entry): string | null {
  if (there.kind !== extra.kind) return "it changed its kind";
  if (extra.kind === "directory") return null;
  if (there.size !== extra.size) return "its size changed";
  return recordedTime(there.mtime) === extra.mtime ? null : "its time changed";
}
