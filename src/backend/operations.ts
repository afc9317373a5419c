/**
 * A limit for operations on names and attributes, which cost a file server more than bytes do.
 *
 * What counts is what a server has to do for a call, roughly: looking, opening, creating, renaming,
 * removing, setting times or attributes. Reading and writing do not count, and neither does the look
 * whether a root is still there. A listing counts once for so many names: servers give them out by the
 * page, with their attributes.
 */
import type { TokenBucket } from "../lib/token_bucket.ts";
import { type Around, type Call, LISTS, withAround, within } from "./around.ts";
import type { Backend, ListBatch } from "./backend.ts";

/** Names of a listing that count as one operation. */
const NAMES = 64;

/** What calls count; those that are not here count nothing. */
const COSTS: ReadonlyMap<Call, number> = new Map([
  ...["look", "list", "open", "lookAgain", "create", "finish", "commit", "link", "extend"] as const,
  ...["makeDirectory", "nameDirectory", "setTimes", "xattrs", "removeFile"] as const,
  ...["removeDirectory", "openTrash", "take"] as const,
].map((call): [Call, number] => [call, 1])).set("createLink", 3).set("setAttributes", 2);

/** Paces the calls to one side; put around them by {@link withOperations}. */
export class Operations implements Around {
  readonly holdsBack = true;
  readonly #bucket: TokenBucket;
  readonly #signal: AbortSignal;

  /** @param bucket of operations, shared by all threads */
  constructor(bucket: TokenBucket, { signal }: { signal: AbortSignal }) {
    this.#bucket = bucket;
    this.#signal = signal;
  }

  async call<T>(call: Call, _path: string, make: () => Promise<T>): Promise<T> {
    await this.#take(COSTS.get(call) ?? 0);
    const result = await make();
    if (LISTS.has(call)) {
      // how many there are is known only now: the next call waits for them
      const batch = result as ListBatch | null;
      await this.#take(Math.floor((batch?.entries.length ?? 0) / NAMES));
    }
    return result;
  }

  /** There is no short way with a limit, see {@link withOperations}. */
  now<T>(_call: Call, _path: string, make: () => T): T {
    return make();
  }

  async #take(operations: number): Promise<void> {
    await this.#bucket.take(operations, { signal: this.#signal });
  }
}

/**
 * `around` within a budget of operations, and how it is put around a backend: where there is no limit,
 * there is nothing within which it would be, and the short ways stay.
 */
export function paced(
  around: Around,
  operations: TokenBucket,
  { signal }: { signal: AbortSignal },
): { readonly around: Around; readonly put: (inner: Backend, around: Around) => Backend } {
  if (operations.rate === null) return { around, put: withAround };
  return { around: within(new Operations(operations, { signal }), around), put: withOperations };
}

/**
 * Puts `around`, which has {@link Operations} in it, around `inner`. The short ways, which make many
 * operations in one call, are not there any more.
 */
export function withOperations(inner: Backend, around: Around): Backend {
  const { small: _small, holdNames: _names, ...outer } = withAround(inner, around);
  return { ...outer, list: (path, options) => outer.list(path, { signal: options?.signal }) };
}
