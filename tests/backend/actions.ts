/** What tests of backends do again and again. */
import assert from "node:assert/strict";
import type { Backend, FileReader, ListBatch } from "../../src/backend/backend.ts";
import type { Entry } from "../../src/entry.ts";
import { SyncError } from "../../src/errors.ts";

/** 2001-09-09 01:46:40.123456789, in nanoseconds. */
export const TIME = 1_000_000_000_123_456_789n;
export const TIMES = { mtime: TIME, atime: TIME + 1_000_000_001n };

/** A time as the backend can keep it. */
export function kept(backend: Backend, time: bigint): bigint {
  const { timePrecision } = backend.capabilities;
  return time - (((time % timePrecision) + timePrecision) % timePrecision);
}

/** Writes a whole file. */
export async function put(
  backend: Backend,
  path: string,
  content: Uint8Array | string = "content",
  times = TIMES,
): Promise<void> {
  const writer = await backend.create(path);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (bytes.length > 0) await writer.write(bytes, 0);
  await writer.finish(times);
  await writer.commit();
}

export async function readAll(reader: FileReader): Promise<Uint8Array> {
  // one more than its size: the end of the file shows as a short read
  const into = new Uint8Array(reader.entry.size + 1);
  return into.subarray(0, await reader.read(into, 0));
}

/** The text of a whole file. */
export async function text(backend: Backend, path: string): Promise<string> {
  await using reader = await backend.open(path);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await readAll(reader));
}

/** All batches of a listing in one, sorted by name. */
export async function listAll(backend: Backend, path: string): Promise<ListBatch> {
  const entries: Entry[] = [];
  const temporaries: string[] = [];
  const problems: ListBatch["problems"][number][] = [];
  for await (const batch of backend.list(path)) {
    entries.push(...batch.entries);
    temporaries.push(...batch.temporaries);
    problems.push(...batch.problems);
  }
  const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  return {
    entries: entries.sort(byName),
    temporaries: temporaries.sort(),
    problems: problems.sort(byName),
  };
}

export async function namesIn(backend: Backend, path: string): Promise<string[]> {
  return (await listAll(backend, path)).entries.map((entry) => entry.name);
}

/** Asserts that a promise rejects with a SyncError of one of these codes. */
export async function rejectsWith(
  promise: Promise<unknown>,
  ...codes: string[]
): Promise<SyncError> {
  const error = await promise.then(() => assert.fail("did not reject"), (error) => error);
  assert.ok(error instanceof SyncError, `not a SyncError: ${error?.stack ?? error}`);
  assert.ok(codes.includes(error.code), `${error.code} is none of ${codes}: ${error.message}`);
  return error;
}
