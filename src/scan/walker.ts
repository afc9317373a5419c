/** The walker's hands: lists one directory of one side, completely, in chunks of bounded size. */
import type { Backend } from "../backend/backend.ts";
import { TRASH_NAME } from "../backend/trash.ts";
import type { FailedListing, ListedChunk, Problem, QueuedDirectory } from "../backlog/backlog.ts";
import { SyncError } from "../errors.ts";
import { fingerprint, ListingPacker } from "../listing.ts";

/** Entries in a chunk; a directory with more comes in several. */
const CHUNK = 4096;

/**
 * Lists `directory`. The last thing yielded is a chunk with `last` set, or a failure; after a failure
 * what came before is not a listing. `packer` is used by one listing at a time, and need not be a new
 * one.
 */
export async function* listDirectory(
  backend: Backend,
  directory: QueuedDirectory,
  { signal, packer = new ListingPacker(), complete }: {
    readonly signal: AbortSignal;
    readonly packer?: ListingPacker;
    /** Whether what is recorded of the source is fingerprinted too. Default: true. */
    readonly complete?: boolean;
  },
): AsyncGenerator<ListedChunk | FailedListing> {
  let problems: Problem[] = [];
  let temporaries: string[] = [];
  let index = 0;
  const chunk = (last: boolean): ListedChunk => {
    const whole = last && index === 0;
    const { data, specials } = packer.take();
    const fingerprints = whole ? fingerprint(data, { specials, complete }) : null;
    const listed = { ...directory, index, last, data, fingerprints, problems, temporaries };
    problems = [];
    temporaries = [];
    index += 1;
    return listed;
  };
  try {
    for await (const batch of backend.list(directory.path, { signal, into: packer })) {
      for (const entry of batch.entries) {
        if (entry.name === TRASH_NAME && directory.path === "") temporaries.push(entry.name);
        else packer.add(entry);
      }
      // one by one: a spread of a very large batch would overflow the stack
      for (const problem of batch.problems) problems.push(problem);
      for (const name of batch.temporaries) temporaries.push(name);
      if (packer.length >= CHUNK) yield chunk(false);
    }
    yield chunk(true);
  } catch (error) {
    packer.take();
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    yield { ...directory, error: error.toData() };
  }
}

/**
 * Lists `directory` at once, where the backend can and there is nothing to tell but what is in it.
 * Undefined, and nothing is in the packer, where that cannot be: {@link listDirectory} can.
 */
export function listAtOnce(
  backend: Backend,
  directory: QueuedDirectory,
  { signal, packer, complete }: {
    readonly signal: AbortSignal;
    readonly packer: ListingPacker;
    /** Whether what is recorded of the source is fingerprinted too. Default: true. */
    readonly complete?: boolean;
  },
): ListedChunk | undefined {
  const { atOnce } = backend.list(directory.path, { signal, into: packer });
  if (atOnce === undefined || !atOnce()) return undefined;
  const { data, specials } = packer.take();
  const { id, path } = directory;
  const fingerprints = fingerprint(data, { specials, complete });
  return { id, path, index: 0, last: true, data, fingerprints, problems: [], temporaries: [] };
}

/** Whether a walker's yield is a failure. */
export function isFailure(listed: ListedChunk | FailedListing): listed is FailedListing {
  return "error" in listed;
}
