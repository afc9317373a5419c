/** What a place keeps and what it refuses, found out by trying in a directory of sluice's own. */
import type { Backend, CallOptions } from "../backend/backend.ts";
import { probe } from "../backend/probe.ts";
import { probeNameRules } from "../backend/probe_names.ts";
import { join } from "../entry.ts";
import { SyncError } from "../errors.ts";
import { encodeName } from "../name.ts";
import type { NameRules } from "../name_rules.ts";
import type { TimeKeeping } from "../times.ts";

/** What became of a name that was tried: kept exactly, stored as another one, or refused. */
export type Fate = "kept" | "changed" | { readonly refused: string };

/** The longest name, and what it is counted in. */
export interface NameLimit {
  readonly length: number;
  readonly unit: "bytes" | "UTF-16 units" | "characters";
}

/** What was found out; what could not be is the reason why. */
export interface Place {
  /** The kind of file system. */
  readonly kind: string;
  readonly rules: Tried<NameRules>;
  /** Whether a listing gives a name in the letters that it was made with. */
  readonly casePreserved: Tried<boolean>;
  /** In which Unicode form names are stored. */
  readonly form: Tried<"as given" | "NFC" | "NFD">;
  /** Characters and odd bytes, one by one, and names with something special at an end. */
  readonly names: Tried<ReadonlyMap<string, Fate>>;
  readonly nameLimit: Tried<NameLimit>;
  /** The longest path below the root in bytes; null: longer than was tried. */
  readonly pathLimit: Tried<number | null>;
  readonly times: Tried<TimeKeeping>;
  readonly symbolicLinks: Tried<boolean>;
  readonly hardLinks: Tried<boolean>;
  readonly renameOver: Tried<boolean>;
  readonly fsync: Tried<boolean>;
}

/** The outcome of a try. */
export type Tried<T> = { readonly found: T } | { readonly unknown: string };

/** Characters that some places refuse, in the order in which a table names them. */
export const CHARACTERS: readonly string[] = [
  ...Array.from({ length: 31 }, (_, i) => String.fromCharCode(i + 1)),
  ...'\\:*?"<>|\x7f',
];
/** Bytes that are not UTF-8: of Latin-1, and one that no encoding of the kind has. */
export const ODD_BYTES: readonly string[] = ["\udce9", "\udcff"];
/** Names with something special at an end. */
export const ENDS = { dot: "end.", space: "end ", leadingSpace: " start" } as const;
/** Names that Windows keeps for devices. */
export const RESERVED_NAMES: readonly string[] = [
  ...["CON", "PRN", "AUX", "NUL", "COM1", "COM9", "LPT1", "LPT9", "con.txt", "nul.tar.gz"],
];
/** Paths are tried up to this many bytes. */
const LONGEST_PATH = 8000;
const LONGEST_NAME = 1100;

/** A name in which `character` stands where nothing else is special. */
export function nameWith(character: string): string {
  return `x${character}y`;
}

/** Tries everything in `directory`, which is empty and removed by the caller. */
export async function tryPlace(
  backend: Backend,
  directory: string,
  options: CallOptions = {},
): Promise<Place> {
  const area = async (name: string) => {
    const path = join(directory, name);
    await backend.makeDirectory(path, options);
    return path;
  };
  const attempt = async <T>(
    name: string,
    body: (area: string) => Promise<T>,
  ): Promise<Tried<T>> => {
    options.signal?.throwIfAborted();
    try {
      return { found: await body(await area(name)) };
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      return { unknown: error.message };
    }
  };
  return {
    kind: backend.capabilities.kind,
    rules: await attempt("rules", (at) => probeNameRules(backend, at, options)),
    casePreserved: await attempt("case", async (at) => {
      await backend.makeDirectory(join(at, "MiXed"), options);
      return (await namesIn(backend, at, options)).includes("MiXed");
    }),
    form: await attempt("form", (at) => tryForm(backend, at, options)),
    names: await attempt("names", (at) => tryNames(backend, at, options)),
    nameLimit: await attempt("longest", (at) => tryLength(backend, at, options)),
    pathLimit: await attempt("deep", (at) => tryDepth(backend, at, options)),
    times: await attempt("times", async (at) => (await probe(backend, at, options)).times),
    symbolicLinks: await attempt("links", async (at) => {
      const path = join(at, "link"), target = "no/such\u00e9 place";
      await backend.createLink(path, { target }, options);
      const there = await backend.look(path, options);
      return there?.kind === "symlink" && there.target === target;
    }).then(asRefused),
    hardLinks: await attempt("hard", async (at) => {
      await putFile(backend, join(at, "one"), 1, options);
      await backend.link(join(at, "one"), join(at, "two"), options);
      const [one, two] = [await backend.look(join(at, "one")), await backend.look(join(at, "two"))];
      return one !== undefined && one.inode === two?.inode;
    }).then(asRefused),
    renameOver: await attempt("rename", async (at) => {
      await putFile(backend, join(at, "file"), 1, options);
      await putFile(backend, join(at, "file"), 2, options);
      return (await backend.look(join(at, "file"), options))?.size === 2;
    }).then(asRefused),
    fsync: await attempt("fsync", async (at) => {
      await putFile(backend, join(at, "file"), 4096, options);
      await backend.flush(options);
      return true;
    }).then(asRefused),
  };
}

/** Where the answer is yes or no, an error of the place is a no. */
function asRefused(tried: Tried<boolean>): Tried<boolean> {
  return "unknown" in tried ? { found: false } : tried;
}

async function putFile(
  backend: Backend,
  path: string,
  size: number,
  options: CallOptions,
): Promise<void> {
  const writer = await backend.create(path, options);
  try {
    await writer.write(new Uint8Array(size), 0, options);
    await writer.finish({ mtime: 0n, atime: 0n }, options);
    await writer.commit(options);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function namesIn(backend: Backend, path: string, options: CallOptions): Promise<string[]> {
  const names: string[] = [];
  for await (const { entries, problems } of backend.list(path, options)) {
    for (const { name } of [...entries, ...problems]) names.push(name);
  }
  return names;
}

async function tryForm(
  backend: Backend,
  at: string,
  options: CallOptions,
): Promise<"as given" | "NFC" | "NFD"> {
  const composed = "\u00e9", decomposed = "e\u0301";
  const stored: string[] = [];
  for (const [i, name] of [composed, decomposed].entries()) {
    const own = join(at, String(i));
    await backend.makeDirectory(own, options);
    await backend.makeDirectory(join(own, name), options);
    stored.push(...await namesIn(backend, own, options));
  }
  if (stored[0] === composed && stored[1] === composed) return "NFC";
  return stored[0] === decomposed && stored[1] === decomposed ? "NFD" : "as given";
}

/** Makes each name and looks for it in the listing: a place may take a name and store another. */
async function tryNames(
  backend: Backend,
  at: string,
  options: CallOptions,
): Promise<ReadonlyMap<string, Fate>> {
  const fates = new Map<string, Fate>();
  const names = [
    ...[...CHARACTERS, ...ODD_BYTES].map(nameWith),
    ...Object.values(ENDS),
    ...RESERVED_NAMES,
  ];
  for (const [i, name] of names.entries()) {
    // each in a directory of its own: one that is stored as another must not pass for that one
    const own = join(at, String(i));
    await backend.makeDirectory(own, options);
    fates.set(name, await fateOf(backend, own, name, options));
  }
  return fates;
}

async function fateOf(
  backend: Backend,
  directory: string,
  name: string,
  options: CallOptions,
): Promise<Fate> {
  try {
    await backend.makeDirectory(join(directory, name), options);
    return (await namesIn(backend, directory, options)).includes(name) ? "kept" : "changed";
  } catch (error) {
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return { refused: error.code };
  }
}

async function tryLength(
  backend: Backend,
  at: string,
  options: CallOptions,
): Promise<NameLimit> {
  const longest = async (letter: string) => {
    let fits = 0, not = LONGEST_NAME;
    while (not - fits > 1) {
      const length = (fits + not) >> 1;
      const fate = await fateOf(backend, at, letter.repeat(length), options);
      if (fate === "kept") fits = length;
      else not = length;
    }
    return fits;
  };
  const ascii = await longest("a");
  const wide = await longest("\u00e4");
  if (wide <= ascii / 2) return { length: ascii, unit: "bytes" };
  // a letter beyond the first plane is two units of UTF-16
  const astral = await longest("\u{10400}");
  return { length: ascii, unit: astral <= ascii / 2 ? "UTF-16 units" : "characters" };
}

async function tryDepth(
  backend: Backend,
  at: string,
  options: CallOptions,
): Promise<number | null> {
  const name = "d".repeat(99);
  let path = at;
  while (encodeName(path).length < LONGEST_PATH) {
    const next = join(path, name);
    const parent = path;
    path = next;
    const there = await reach(backend, next, options);
    if (!there) return encodeName(parent).length;
  }
  return null;
}

async function reach(backend: Backend, path: string, options: CallOptions): Promise<boolean> {
  try {
    await backend.makeDirectory(path, options);
    return await backend.look(path, options) !== undefined;
  } catch (error) {
    if (!(error instanceof SyncError) || error.scope === "run") throw error;
    return false;
  }
}
