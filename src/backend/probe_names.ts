/**
 * Probes: what a place does with names, found out by trying in a directory of sluice's own, which
 * is a temporary like any other: it goes when the probe ends, and a killed probe's is a leftover.
 */
import { join, type Times } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import { ALL_APART, type NameRules, SPELLINGS } from "../name_rules.ts";
import type { Backend, CallOptions } from "./backend.ts";
import { unlessRefused } from "./refused.ts";

/** Calls at the same time: on a share a run would wait for some seventy, one after the other. */
const WIDTH = 16;

/** Options of {@link withProbeDirectory}. */
export interface ProbeOptions extends CallOptions {
  /** A temporary name, as `temporaryNames` makes them. */
  readonly name: string;
  /** Told when the directory could not be removed; a later run tries again. */
  readonly stays: (error: SyncError) => void;
}

/**
 * Makes a directory in the root, hands its path to `body`, and removes it with all that is in it,
 * whatever happens. The root keeps its times where they can be set.
 */
export async function withProbeDirectory<T>(
  backend: Backend,
  { name, signal, stays }: ProbeOptions,
  body: (directory: string) => Promise<T>,
): Promise<T> {
  const root = await backend.look("", { signal });
  await backend.makeDirectory(name, { signal });
  try {
    return await body(name);
  } finally {
    // without the signal: an interrupt leaves nothing behind
    await orElse(removeTree(backend, name), stays);
    // a root of another owner: its times are set again at the end of a run, or cannot be at all
    if (root !== undefined) await orElse(putBack(backend, root), () => {});
  }
}

async function putBack(backend: Backend, times: Pick<Times, "mtime" | "atime">): Promise<void> {
  await backend.setTimes("", times);
  // a place that keeps local time gives back another hour than it was given
  const apart = ((await backend.look(""))?.mtime ?? times.mtime) - times.mtime;
  if (apart === 0n) return;
  await backend.setTimes("", { mtime: times.mtime - apart, atime: times.atime - apart });
}

async function orElse(call: Promise<void>, failed: (error: SyncError) => void): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    failed(error);
  }
}

/** Removes a directory of sluice's own with all that is in it; links are removed, not followed. */
export async function removeTree(
  backend: Backend,
  directory: string,
  options: CallOptions = {},
): Promise<void> {
  const files: string[] = [], directories: string[] = [];
  for await (const { entries, temporaries } of backend.list(directory, options)) {
    for (const { name, kind } of entries) {
      (kind === "directory" ? directories : files).push(join(directory, name));
    }
    for (const name of temporaries) files.push(join(directory, name));
  }
  await mapConcurrently(files, WIDTH, (path) => removeTemporary(backend, path, options));
  await mapConcurrently(directories, WIDTH, (path) => removeTree(backend, path, options));
  await backend.removeDirectory(directory, options);
}

/** Removes a temporary, which is a file, a link, or the directory of a probe. */
export async function removeTemporary(
  backend: Backend,
  path: string,
  options: CallOptions = {},
): Promise<void> {
  try {
    await backend.removeFile(path, options);
  } catch (error) {
    // Linux says EISDIR, POSIX allows EPERM
    const directory = error instanceof SyncError && ["EISDIR", "EPERM"].includes(error.code) &&
      (await backend.look(path, options))?.kind === "directory";
    if (!directory) throw error;
    await removeTree(backend, path, options);
  }
}

/**
 * Finds out which names a place takes for one, with some ten calls where it keeps them all apart.
 *
 * @param directory an empty directory made for this
 */
export async function probeNameRules(
  backend: Backend,
  directory: string,
  { signal }: CallOptions = {},
): Promise<NameRules> {
  if (await keepsApart(backend, directory, signal)) return ALL_APART;
  const rules: { -readonly [R in keyof NameRules]: boolean } = { ...ALL_APART };
  const all = Object.keys(SPELLINGS) as (keyof NameRules)[];
  await mapConcurrently(all, WIDTH, async (rule) => {
    const [made, other] = SPELLINGS[rule];
    // each pair in a directory of its own: what one name is taken for must not answer for another
    const own = join(directory, `of-${rule}`);
    await backend.makeDirectory(own, { signal });
    if (!(await canMake(backend, join(own, made), signal))) return;
    rules[rule] = await isThere(backend, join(own, other), signal);
  });
  return rules;
}

/** The quick answer for most places: none of the usual other spellings leads to a name. */
async function keepsApart(
  backend: Backend,
  directory: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const usual = "e\u0301tage";
  if (!(await canMake(backend, join(directory, usual), signal))) return false;
  const others = ["\u00e9tage", "E\u0301TAGE", `${usual}.`, `${usual} `, `${usual}\u200d`];
  const there = (other: string) => isThere(backend, join(directory, other), signal);
  return !(await mapConcurrently(others, WIDTH, there)).includes(true);
}

/** Whether a name leads to something; a name that is refused leads nowhere. */
async function isThere(backend: Backend, path: string, signal?: AbortSignal): Promise<boolean> {
  return await unlessRefused(
    async () => await backend.look(path, { signal }) !== undefined,
    false,
  );
}

async function canMake(backend: Backend, path: string, signal?: AbortSignal): Promise<boolean> {
  return await unlessRefused(() => backend.makeDirectory(path, { signal }), false);
}
