/** The sample of a verification: which files are in it depends on their paths and the seed alone. */

/** All of it, in millionths. */
export const WHOLE = 1_000_000;

/** A share such as `5%`, `0.1%` or `100%` in millionths; RangeError when it is none. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*%$/.exec(text.trim());
  const millionths = match === null ? NaN : Math.round(Number(match[1]) * (WHOLE / 100));
  if (millionths >= 1 && millionths <= WHOLE) return millionths;
  throw new RangeError(
    `Cannot read "${text}" as a share: write a percentage above 0 and up to 100%, such as 5%`,
  );
}

/**
 * Whether a file is in the sample. Of the same seed, a larger sample has all the files of a smaller
 * one.
 */
export function isInSample(
  path: string,
  { millionths, seed }: { millionths: number; seed: number },
): boolean {
  return millionths >= WHOLE || scatter(path, seed) < (millionths / WHOLE) * 2 ** 32;
}

/** A number from 0 to 2 ** 32 - 1 that looks like chance: FNV-1a, mixed as MurmurHash3 does. */
function scatter(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ mix(seed);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >> 8), 0x01000193);
  }
  return mix(hash) >>> 0;
}

function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
