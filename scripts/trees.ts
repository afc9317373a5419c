/**
 * Trees to test and to measure with: each is data first, the same for the same seed, and then files.
 *
 * Usage: `deno run -A scripts/trees.ts KIND DIRECTORY [--seed N] [--scale X]`
 */
import { parseArgs } from "node:util";
import { awkwardNames } from "./awkward_names.ts";
import { randomNumbers } from "./random_numbers.ts";

/** One thing of a tree; directories come before what is in them. */
export type TreeEntry =
  | { readonly type: "directory"; readonly path: string }
  | { readonly type: "file"; readonly path: string; readonly size: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string };

/** What a tree adds up to. */
export interface TreeTotals {
  readonly directories: number;
  readonly files: number;
  readonly symlinks: number;
  readonly bytes: number;
}

/** Options of {@link planTree}. */
export interface TreeOptions {
  /** Any whole number; the same one gives the same tree. Default 1. */
  readonly seed?: number;
  /** What the size of the tree is multiplied by. Default 1. */
  readonly scale?: number;
}

/** Options of {@link writeTree}. */
export interface ContentOptions {
  /** The same one gives the same content. Default 1. */
  readonly seed?: number;
}

/** The kinds of tree, and what each is for people. */
export const TREES = {
  small: "20,000 x 4 KiB",
  large: "4 x 512 MiB",
  mixed: "a mixed tree: 4,000 files of 0 B to 32 MiB, links, empty directories",
  names: "a file, a directory and a link for every awkward legal UTF-8 name",
  many: "100,000 files in 2,000 directories, awkward names among them",
  scan: "1,000,000 empty files, 500 in a directory",
  "limit-one": "100 MiB in one file",
  "limit-many": "100 MiB in 5,000 files",
} as const;

/** One of {@link TREES}. */
export type TreeKind = keyof typeof TREES;

const KIB = 2 ** 10, MIB = 2 ** 20;
const encoder = new TextEncoder();

/** The entries of a tree. */
export function planTree(kind: TreeKind, options: TreeOptions = {}): Iterable<TreeEntry> {
  const { seed = 1, scale = 1 } = options;
  const random = randomNumbers(seed);
  const scaled = (count: number) => Math.max(1, Math.round(count * scale));
  switch (kind) {
    case "small":
      return flat(scaled(20_000), 100, () => 4 * KIB);
    case "large":
      return flat(4, 4, () => scaled(512 * MIB));
    case "mixed":
      return mixed(scaled(4_000), random);
    case "names":
      return everyName();
    case "many":
      return many(scaled(2_000), 50, random);
    case "scan":
      return flat(scaled(1_000_000), 500, () => 0, "a name of usual length ");
    case "limit-one":
      return flat(1, 1, () => scaled(100 * MIB));
    case "limit-many":
      return limitMany(scaled(5_000), scaled(100 * MIB));
  }
}

function* flat(
  files: number,
  perDirectory: number,
  size: (number: number) => number,
  prefix = "f",
): Iterable<TreeEntry> {
  for (let i = 0; i < files; i++) {
    const directory = `d${padded(Math.floor(i / perDirectory), 5)}`;
    if (i % perDirectory === 0) yield { type: "directory", path: directory };
    yield { type: "file", path: `${directory}/${prefix}${padded(i, 7)}`, size: size(i) };
  }
}

/** Exactly `bytes` in all, in whole pages: what they take up is what they hold. */
function limitMany(files: number, bytes: number): Iterable<TreeEntry> {
  const pages = Math.round(bytes / (4 * KIB));
  const until = (file: number) => Math.floor((file * pages) / files);
  return flat(files, 50, (i) => (until(i + 1) - until(i)) * 4 * KIB);
}

/** As shares are: directories in directories, very many small files, a few that have the bytes. */
function* mixed(files: number, random: () => number): Iterable<TreeEntry> {
  const directories = [""];
  const into = () => directories[Math.floor(random() * directories.length)]!;
  const join = (directory: string, name: string) => directory ? `${directory}/${name}` : name;
  for (let i = 0; i < files; i++) {
    if (i % 25 === 0) {
      const parent = into();
      const path = join(parent.split("/").length > 12 ? "" : parent, `dir ${padded(i, 4)}`);
      yield { type: "directory", path };
      // one in six stays empty
      if (random() > 1 / 6) directories.push(path);
    }
    // sizes are spread evenly over the powers of two from 0 B to 2 MiB; one in 400 has 32 MiB
    const size = i % 400 === 399 ? 32 * MIB : Math.floor(2 ** (random() * 21)) - 1;
    const path = join(into(), `file ${padded(i, 5)}.bin`);
    yield { type: "file", path, size };
    if (i % 40 === 0) {
      yield { type: "symlink", path: `${path}.link`, target: path.split("/").at(-1)! };
    }
  }
}

/** The first directory has every awkward name; in the others, some names are awkward. */
function* many(
  directories: number,
  filesEach: number,
  random: () => number,
): Iterable<TreeEntry> {
  const names = awkwardNames();
  let left = directories * filesEach;
  const size = () => Math.floor(random() ** 3 * 3000);
  for (let d = 0, parent = ""; d < directories; d++) {
    // every fortieth is at the top and holds those that follow
    const name = d % 3 === 0 ? names[(d / 3) % names.length]! : `directory ${padded(d, 4)}`;
    const path = d % 40 === 0 ? `${padded(d, 4)} top` : `${parent}/${name}`;
    if (d % 40 === 0) parent = path;
    yield { type: "directory", path };
    const here = new Set<string>();
    const last = d === directories - 1;
    const wanted = Math.ceil(left / (directories - d));
    const count = last ? left : d === 0 ? Math.max(wanted, Math.min(left, names.length)) : wanted;
    for (let i = 0; i < count; i++) {
      const awkward = d === 0 ? names[i] : i < 5 ? names[(d * 5 + i) % names.length] : undefined;
      const file = awkward === undefined || here.has(awkward) ? `file ${padded(i, 5)}` : awkward;
      here.add(file);
      // a file of that name must not stand where a directory will be
      yield { type: "file", path: `${path}/${d % 40 === 0 ? fileName(file) : file}`, size: size() };
    }
    left -= count;
  }
}

/** In a directory that has directories of awkward names, files end with a letter that those lack. */
function fileName(name: string): string {
  return byteLength(name) < 255 ? `${name}F` : name;
}

function* everyName(): Iterable<TreeEntry> {
  for (const path of ["files", "directories", "links"]) yield { type: "directory", path };
  for (const name of awkwardNames()) {
    yield { type: "file", path: `files/${name}`, size: byteLength(name) };
    yield { type: "directory", path: `directories/${name}` };
    yield { type: "file", path: `directories/${name}/${name}`, size: 1 };
    yield { type: "symlink", path: `links/${name}`, target: name };
  }
}

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}

/** Writes the entries into `directory`, which is made. Returns what they add up to. */
export function writeTree(
  directory: string,
  entries: Iterable<TreeEntry>,
  options: ContentOptions = {},
): TreeTotals {
  Deno.mkdirSync(directory, { recursive: true });
  const content = new Content(options.seed ?? 1);
  const totals = { directories: 0, files: 0, symlinks: 0, bytes: 0 };
  for (const entry of entries) {
    const path = `${directory}/${entry.path}`;
    if (entry.type === "directory") {
      Deno.mkdirSync(path, { recursive: true });
      totals.directories += 1;
    } else if (entry.type === "symlink") {
      Deno.symlinkSync(entry.target, path);
      totals.symlinks += 1;
    } else {
      using file = Deno.openSync(path, { write: true, createNew: true });
      content.write(file, totals.files, entry.size);
      totals.files += 1;
      totals.bytes += entry.size;
    }
  }
  return totals;
}

/** Bytes that do not compress, other ones for each file and each block of it. */
class Content {
  readonly #pool: Uint8Array;

  constructor(seed: number) {
    const random = randomNumbers(seed);
    const words = new Uint32Array(MIB);
    for (let i = 0; i < words.length; i++) words[i] = random() * 2 ** 32;
    this.#pool = new Uint8Array(words.buffer);
  }

  write(file: Deno.FsFile, number: number, size: number): void {
    const stamp = new Uint32Array(2);
    for (let offset = 0; offset < size; offset += this.#pool.length) {
      stamp.set([number + 1, offset / this.#pool.length]);
      const length = Math.min(this.#pool.length, size - offset);
      // a small file takes its part from elsewhere in the pool than its neighbour
      const room = this.#pool.length - length;
      const start = room === 0 ? 0 : (number * 4104) % room;
      const block = this.#pool.subarray(start, start + length);
      const under = block.slice(0, 8);
      block.set(new Uint8Array(stamp.buffer).subarray(0, under.length));
      for (let done = 0; done < length;) done += file.writeSync(block.subarray(done));
      block.set(under);
    }
  }
}

/** What entries add up to, without writing them. */
export function totalsOf(entries: Iterable<TreeEntry>): TreeTotals {
  const totals = { directories: 0, files: 0, symlinks: 0, bytes: 0 };
  for (const entry of entries) {
    if (entry.type === "directory") totals.directories += 1;
    else if (entry.type === "symlink") totals.symlinks += 1;
    else {
      totals.files += 1;
      totals.bytes += entry.size;
    }
  }
  return totals;
}

function main(args: readonly string[]): number {
  const kinds = Object.entries(TREES).map(([kind, what]) => `  ${kind.padEnd(10)} ${what}`);
  const usage =
    `Usage: deno run -A scripts/trees.ts KIND DIRECTORY [--seed N] [--scale X]\n\nKinds:\n${
      kinds.join("\n")
    }`;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { seed: { type: "string" }, scale: { type: "string" } },
  });
  const [kind, directory] = positionals;
  const seed = Number(values.seed ?? 1), scale = Number(values.scale ?? 1);
  if (
    kind === undefined || directory === undefined || positionals.length > 2 ||
    !Object.hasOwn(TREES, kind) || !Number.isInteger(seed) || !(scale > 0)
  ) {
    console.error(usage);
    return 2;
  }
  const tree = planTree(kind as TreeKind, { seed, scale });
  const { directories, files, symlinks, bytes } = writeTree(directory, tree, { seed });
  console.log(
    `${directory}: ${files} files with ${bytes} bytes, ${directories} directories, ` +
      `${symlinks} links`,
  );
  return 0;
}

if (import.meta.main) Deno.exit(main(Deno.args));
