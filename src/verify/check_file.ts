/** The check of one file: reads it again, and says what of it is not as recorded. */
import type { Backend, FileReader } from "../backend/backend.ts";
import type { VerifyFile, VerifyResult } from "../backlog/verify_store.ts";
import type { Entry } from "../entry.ts";
import { SyncError } from "../errors.ts";
import type { Gate } from "../lib/gate.ts";
import type { TokenBucket } from "../lib/token_bucket.ts";
import { type Algorithm, ALGORITHMS } from "../options.ts";
import { isoTime } from "../report/operation_record.ts";
import { isSameTime, type TimeRule } from "../times.ts";
import { newHash } from "../transfer/digest.ts";

/** What was found about a file. */
export interface Finding {
  readonly result: VerifyResult;
  /** What is wrong; null where it is as recorded. */
  readonly detail: string | null;
  /** What is there now, as far as it was found out. */
  readonly size: number | null;
  readonly mtime: bigint | null;
  readonly hash: string | null;
}

/** What a check works with. */
export interface CheckContext {
  readonly backend: Backend;
  readonly times: TimeRule;
  readonly bucket: TokenBucket;
  /** Closed while the verification is paused. */
  readonly gate: Gate;
  /** Two pieces of memory of the same size, for this check alone. */
  readonly buffers: readonly [Uint8Array, Uint8Array];
  readonly signal: AbortSignal;
  /** Is told of bytes that were read. */
  readonly read: (bytes: number) => void;
  /** Is told once a file's content comes from what this system remembers. */
  readonly cached: () => void;
}

/**
 * Checks a file. What is wrong with it is a finding; what stops everything (the root is gone) rejects
 * with a SyncError of scope `run`, an abort with the signal's reason.
 */
export async function checkFile(file: VerifyFile, context: CheckContext): Promise<Finding> {
  const { backend, signal } = context;
  try {
    await using reader = await backend.open(file.path, { signal });
    return await compare(file, reader, context);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    const nothing = { size: null, mtime: null, hash: null };
    if (error.code === "ENOENT") {
      return { result: "missing", detail: "it is not there", ...nothing };
    }
    const entry = await whatIsThere(file, context);
    if (entry !== undefined && entry.kind !== "file") {
      const kind = entry.kind === "special" ? "special file" : entry.kind;
      return { result: "different", detail: `it is a ${kind}, not a regular file`, ...nothing };
    }
    return { result: "unreadable", detail: error.message, ...nothing };
  }
}

async function whatIsThere(
  { path }: VerifyFile,
  { backend, signal }: CheckContext,
): Promise<Entry | undefined> {
  try {
    return await backend.look(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SyncError && error.scope === "entry") return undefined;
    throw error;
  }
}

async function compare(
  file: VerifyFile,
  reader: FileReader,
  context: CheckContext,
): Promise<Finding> {
  const { signal, times } = context;
  const { size, mtime } = reader.entry;
  const wrong: string[] = [];
  if (size !== file.size) wrong.push(`size ${size}, recorded ${file.size}`);
  if (!isSameTime(file.mtime, mtime, times)) {
    wrong.push(`modified ${isoTime(mtime)}, recorded ${isoTime(file.mtime)}`);
  }
  let hash: string | null = null;
  // a file of another size has another content; it need not be read
  if (size === file.size && file.hash !== null) {
    const algorithm = ALGORITHMS.find((name) => name === file.algorithm);
    if (algorithm === undefined) {
      const detail = `this version does not know the algorithm ${file.algorithm}`;
      return { result: "unreadable", detail, size, mtime, hash };
    }
    hash = await hashOf(reader, algorithm, context);
    if (hash !== file.hash) wrong.push(`content: ${algorithm} ${hash}, recorded ${file.hash}`);
    const after = await reader.look({ signal });
    if (after === undefined || !isUntouched(reader.entry, after)) {
      wrong.push("changed while it was read");
    }
  }
  const same = wrong.length === 0;
  const detail = same ? null : wrong.join("; ");
  return { result: same ? "as recorded" : "different", detail, size, mtime, hash };
}

function isUntouched(before: Entry, after: Entry): boolean {
  return before.size === after.size && before.mtime === after.mtime &&
    before.ctime === after.ctime && before.inode === after.inode;
}

/** Hashes all of a file; the next piece is on its way while one is hashed. */
async function hashOf(
  reader: FileReader,
  algorithm: Algorithm,
  context: CheckContext,
): Promise<string> {
  const { bucket, gate, buffers, signal, read } = context;
  await uncache(reader, context);
  const hash = newHash(algorithm);
  const { size } = reader.entry;
  const piece = async (into: Uint8Array, position: number) => {
    // no more than there is, so that a small file costs what it is of the budget; whether there is
    // more by now is what the look afterwards tells
    const length = Math.min(bucket.slice(into.length), size - position);
    if (length <= 0) return into.subarray(0, 0);
    await bucket.take(length, { signal });
    await gate.pass({ signal });
    return into.subarray(0, await reader.read(into.subarray(0, length), position, { signal }));
  };
  let pending = piece(buffers[0], 0);
  try {
    for (let turn = 0, position = 0;; turn = 1 - turn) {
      const data = await pending;
      if (data.length === 0) break;
      position += data.length;
      pending = piece(buffers[1 - turn]!, position);
      hash.update(data);
      read(data.length);
    }
  } finally {
    // the memory belongs to the next file only when nothing is read into it any more
    await Promise.allSettled([pending]);
  }
  // reading it has filled the cache, at the expense of who works on this system
  await uncache(reader, context);
  return hash.digest("hex");
}

/** What a file system says that has no such call. */
const NO_SUCH_CALL = ["EINVAL", "EOPNOTSUPP", "ENOSYS"];

async function uncache(reader: FileReader, { signal, cached }: CheckContext): Promise<void> {
  if (reader.uncache === undefined) return cached();
  try {
    await reader.uncache({ signal });
  } catch (error) {
    if (!(error instanceof SyncError) || !NO_SUCH_CALL.includes(error.code)) throw error;
    cached();
  }
}
