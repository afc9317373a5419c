/** The walker's hands: lists one directory of one side, completely, in chunks of bounded size. */
import type { Backend } from "../backend/backend.ts";
import { TRASH_NAME } from "../backend/trash.ts";
import type {
  DirectoryToList,
  FailedListing,
  ListedChunk,
  Problem,
  QueuedDirectory,
} from "../backlog/backlog.ts";
import { SyncError } from "../errors.ts";
import { fingerprint, type Fingerprints } from "../listing.ts";
import { ListingPacker } from "../listing_packer.ts";

/** Entries in a chunk; a directory with more comes in several. */
const CHUNK = 4096;

/**
 * Entries of a directory that are kept together, so that all of it can be fingerprinted: some 150
 * bytes each. A scan that finds the fingerprint unchanged does without a look at every name, which
 * takes four times as long.
 */
const KEPT = 131_072;

/** A chunk is held back no longer than this for the whole to come, in ms. */
const LONGEST_HELD = 1000;

/** How a directory is listed. */
export interface ListOptions {
  readonly signal: AbortSignal;
  /** Used by one listing at a time; need not be a new one, which is the default. */
  readonly packer?: ListingPacker;
  /** Whether what is recorded of the source is fingerprinted too. Default: true. */
  readonly complete?: boolean;
  /**
   * Whether a directory of several chunks is kept as a whole: to be fingerprinted, or, where its last
   * listing was known as a whole, to come in one chunk. Default: false.
   */
  readonly keep?: boolean;
}

/**
 * Lists `directory`. The last thing yielded is a chunk with `last` set, or a failure; after a failure
 * what came before is not a listing.
 */
export async function* listDirectory(
  backend: Backend,
  { id, path, known = false }: DirectoryToList,
  { signal, packer = new ListingPacker(), complete = true, keep = false }: ListOptions,
): AsyncGenerator<ListedChunk | FailedListing> {
  let problems: Problem[] = [];
  let temporaries: string[] = [];
  let index = 0;
  /** What was given out is still in the packer, and nothing is missing. */
  let isKept = keep, isWhole = true;
  const began = performance.now();
  const chunk = (last: boolean): ListedChunk => {
    const isFirst = index === 0;
    isWhole &&= problems.length === 0;
    isKept &&= packer.length <= KEPT;
    const { data, specials } = isKept ? packer.part() : packer.rest();
    let fingerprints: Fingerprints | null = null;
    if (last && isFirst) fingerprints = fingerprint(data, { specials, complete });
    else if (last && isKept && isWhole && complete) {
      const all = packer.take();
      fingerprints = fingerprint(all.data, all);
    }
    if (last) packer.clear();
    const listed = { id, path, index, last, data, fingerprints, problems, temporaries };
    problems = [];
    temporaries = [];
    index += 1;
    return listed;
  };
  const isHeld = () =>
    keep && known && index === 0 && packer.length <= KEPT &&
    performance.now() - began < LONGEST_HELD;
  try {
    for await (const batch of backend.list(path, { signal, into: packer })) {
      for (const entry of batch.entries) {
        if (entry.name === TRASH_NAME && path === "") temporaries.push(entry.name);
        else packer.add(entry);
      }
      // one by one: a spread of a very large batch would overflow the stack
      for (const problem of batch.problems) problems.push(problem);
      for (const name of batch.temporaries) temporaries.push(name);
      if (packer.added >= CHUNK && !isHeld()) yield chunk(false);
    }
    yield chunk(true);
  } catch (error) {
    packer.clear();
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    yield { id, path, error: error.toData() };
  }
}

/**
 * Lists `directory` at once, where the backend can and there is nothing to tell but what is in it.
 * Undefined, and nothing is in the packer, where that cannot be: {@link listDirectory} can.
 */
export function listAtOnce(
  backend: Backend,
  { id, path }: QueuedDirectory,
  { signal, packer = new ListingPacker(), complete }: ListOptions,
): ListedChunk | undefined {
  const { atOnce } = backend.list(path, { signal, into: packer });
  if (atOnce === undefined || !atOnce()) return undefined;
  const { data, specials } = packer.take();
  const fingerprints = fingerprint(data, { specials, complete });
  return { id, path, index: 0, last: true, data, fingerprints, problems: [], temporaries: [] };
}

/** Whether a walker's yield is a failure. */
export function isFailure(listed: ListedChunk | FailedListing): listed is FailedListing {
  return "error" in listed;
}
