/** Whether a name of the source fits into a place. Pure. */
import type { Entry } from "../entry.ts";
import { encodeName } from "../name.ts";
import {
  CHARACTERS,
  ENDS,
  type Fate,
  type NameLimit,
  nameWith,
  ODD_BYTES,
  type Place,
  RESERVED_NAMES,
  type Tried,
} from "./place.ts";

/** What is in the way, by kind, in the order in which a report tells of them. */
export const PROBLEMS = {
  merged: "would be taken for another name",
  character: "have a character that is refused",
  encoding: "are not UTF-8, which is refused",
  end: "have a dot or space at an end, which is not kept",
  reserved: "are names that are kept for devices",
  name: "are too long as a name",
  path: "are too long as a path",
  link: "are symbolic links, which are refused",
  size: "are too large for a file",
  unreadable: "could not be read at the source",
} as const;

/** One of {@link PROBLEMS}. */
export type ProblemKind = keyof typeof PROBLEMS;

/** One thing in the way. */
export interface Problem {
  readonly kind: ProblemKind;
  /** Relative to the root. */
  readonly path: string;
  /** What exactly. */
  readonly why: string;
}

/** FAT has 32 bits for a file's size; nothing else that can be mounted is as narrow. */
const LARGEST: Readonly<Record<string, number>> = { vfat: 2 ** 32 - 1 };

/** Makes the function that finds what is in the way of one entry by itself. */
export function fitting(
  place: Place,
): (entry: Pick<Entry, "name" | "kind" | "size">, path: string) => Problem[] {
  const fates = found(place.names);
  const bad = (names: readonly string[], wrap: (name: string) => string) =>
    names.flatMap((name): [string, Fate][] => {
      const fate = fates?.get(wrap(name)) ?? "kept";
      return fate === "kept" ? [] : [[name, fate]];
    });
  const characters = bad([...CHARACTERS], nameWith);
  const odd = bad([...ODD_BYTES], nameWith);
  const ends = bad(Object.values(ENDS), (name) => name);
  const endsBadly = (end: string) => ends.find(([name]) => name === end)?.[1];
  const reserved = bad(RESERVED_NAMES, (name) => name).length > 0;
  const nameLimit = found(place.nameLimit), pathLimit = found(place.pathLimit);
  const links = found(place.symbolicLinks);
  const largest = LARGEST[place.kind];
  return ({ name, kind, size }, path) => {
    const problems: Problem[] = [];
    const tell = (kind: ProblemKind, why: string) => problems.push({ kind, path, why });
    for (const [character, fate] of characters) {
      if (name.includes(character)) tell("character", `${shown(character)} is ${fateText(fate)}`);
    }
    if (odd.length > 0 && !name.isWellFormed()) {
      tell("encoding", `bytes that are not UTF-8 are ${fateText(odd[0]![1])}`);
    }
    const at = (fate: Fate | undefined, what: string) =>
      fate !== undefined && tell("end", `${what} is ${fateText(fate)}`);
    if (name.endsWith(".")) at(endsBadly(ENDS.dot), "a dot at the end");
    if (name.endsWith(" ")) at(endsBadly(ENDS.space), "a space at the end");
    if (name.startsWith(" ")) at(endsBadly(ENDS.leadingSpace), "a space at the start");
    if (reserved && DEVICE.test(name)) tell("reserved", "a device has this name on Windows");
    if (nameLimit !== undefined) {
      const length = lengthOf(name, nameLimit);
      if (length > nameLimit.length) {
        tell("name", `${length} ${nameLimit.unit}, at most ${nameLimit.length} fit`);
      }
    }
    if (pathLimit !== undefined && pathLimit !== null && path.length > pathLimit / 4) {
      const length = encodeName(path).length;
      if (length > pathLimit) tell("path", `${length} bytes, at most ${pathLimit} fit`);
    }
    if (kind === "symlink" && links === false) tell("link", "symbolic links are refused");
    if (largest !== undefined && kind === "file" && size > largest) {
      tell("size", `${size} bytes, at most ${largest} fit`);
    }
    return problems;
  };
}

/** What a try found; undefined when it found nothing out. */
export function found<T>(tried: Tried<T>): T | undefined {
  return "found" in tried ? tried.found : undefined;
}

/** A fate in a word or two. */
export function fateText(fate: Fate): string {
  if (fate === "kept") return "kept";
  return fate === "changed" ? "stored as something else" : `refused (${fate.refused})`;
}

/** A character as a person reads it. */
export function shown(character: string): string {
  const code = character.codePointAt(0)!;
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  return code > 0x20 && code < 0x7f ? character : `\\x${code.toString(16).padStart(2, "0")}`;
}

const DEVICE = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?$/is;

function lengthOf(name: string, { unit }: NameLimit): number {
  if (unit === "bytes") return encodeName(name).length;
  return unit === "UTF-16 units" ? name.length : [...name].length;
}
