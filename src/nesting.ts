/**
 * Nesting: whether one root is the other, or lies in it, by their paths and by what the directories are.
 * A bind mount gives a directory a second path, so paths that have nothing in common may lead into one
 * another.
 */
import { dirname } from "node:path";
import { isSameDirectory, type LookedAt } from "./backend/same_directory.ts";
import type { Side } from "./event.ts";
import { type Place, placeOf } from "./share_paths.ts";

/** How long a directory above a root may take to answer, in ms: it may be on another, dead server. */
const PATIENCE = 1000;

/** How two roots lie to each other where they are not apart. */
export type Nesting =
  | { readonly type: "same" }
  /** `inner` is below the directory `at`, which is the other root. */
  | { readonly type: "nested"; readonly inner: Side; readonly at: string };

/**
 * How two roots lie to each other; null when they are apart, or that cannot be told. Not seen is that
 * two exports of a server overlap, or two mounts with device numbers of their own.
 *
 * @param roots by their real paths
 */
export async function nestingOf(roots: Readonly<Record<Side, LookedAt>>): Promise<Nesting | null> {
  return byPaths(roots) ?? await byNumbers(roots) ?? byMounts(roots);
}

const PAIRS = [["source", "destination"], ["destination", "source"]] as const;

function byPaths(roots: Readonly<Record<Side, LookedAt>>): Nesting | null {
  if (roots.source.path === roots.destination.path) return { type: "same" };
  for (const [inner, outer] of PAIRS) {
    const { path } = roots[outer];
    if (isInside(roots[inner].path, path)) return { type: "nested", inner, at: path };
  }
  return null;
}

/** By device and inode, of the directories above the roots too. */
async function byNumbers(roots: Readonly<Record<Side, LookedAt>>): Promise<Nesting | null> {
  const { source, destination } = roots;
  const over = { source: await above(source), destination: await above(destination) };
  for (const [side] of PAIRS) if (!await hasNumber(roots[side], over[side])) return null;
  if (await isSameDirectory(source, destination)) return { type: "same" };
  for (const [inner, outer] of PAIRS) {
    for (const at of over[inner]) {
      if (await isSameDirectory(at, roots[outer])) return { type: "nested", inner, at: at.path };
    }
  }
  return null;
}

/**
 * By what the table of mounts says. Only so it is seen that a root is itself a bind mount of something
 * below the other, since none of the directories above it is.
 */
function byMounts(roots: Readonly<Record<Side, LookedAt>>): Nesting | null {
  const places = { source: placeIn(roots.source), destination: placeIn(roots.destination) };
  for (const [inner, outer] of PAIRS) {
    const below = places[inner], top = places[outer];
    if (below === null || top === null || below.device !== top.device) continue;
    if (below.path === top.path) return { type: "same" };
    if (isInside(below.path, top.path)) return { type: "nested", inner, at: roots[outer].path };
  }
  return null;
}

/** Null where the mount that was found is not the one that is seen: another may be mounted over it. */
function placeIn({ path, info: { dev } }: LookedAt): Place | null {
  const place = placeOf(path);
  // as makedev(3) puts the two numbers together
  const high = Math.floor(dev / 2 ** 32), low = dev >>> 0;
  const major = (high & ~0xfff) | ((low >>> 8) & 0xfff),
    minor = ((low >>> 12) & ~0xff) | (low & 0xff);
  return place?.device === `${major}:${minor}` ? place : null;
}

/** Whether `path` is `root` or below it; both are real paths. */
export function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/** The directories above one, as far as they can be looked at, the nearest first. */
async function above({ path }: LookedAt): Promise<LookedAt[]> {
  const paths: string[] = [];
  for (let at = path; dirname(at) !== at;) paths.push(at = dirname(at));
  const looks = await Promise.all(paths.map(lookInTime));
  return looks.filter((look) => look !== null);
}

async function lookInTime(path: string): Promise<LookedAt | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), PATIENCE);
  try {
    const info = await Promise.race([Deno.stat(path), late]);
    return info === null ? null : { path, info };
  } catch (error) {
    // what cannot be looked at is not compared
    if (error instanceof Error) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether the number of a root is its own: some file systems give all directories the same one, which
 * the directory above it then has too.
 */
async function hasNumber(root: LookedAt, over: readonly LookedAt[]): Promise<boolean> {
  const parent = over.find(({ path }) => path === dirname(root.path));
  return parent === undefined || !await isSameDirectory(root, parent);
}
