/**
 * A tree as it is on disk, looked at with `find` and `sha256sum` instead of sluice's own code.
 *
 * Paths are relative to the root; each byte of a name is one character (latin1), so that names that
 * are not UTF-8 stay apart.
 */
import { Buffer } from "node:buffer";

/** One thing of a tree. */
export interface Found {
  /** As `find -printf %y` says: `f`, `d`, `l`, `p`, ... */
  readonly kind: string;
  /** Bytes; 0 for directories, whose size means nothing. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly inode: string;
  /** Where a symbolic link leads; "" for everything else. */
  readonly target: string;
}

/** A tree by path. */
export type Tree = ReadonlyMap<string, Found>;

/** The SHA-256 of each regular file, by path. */
export type Hashes = ReadonlyMap<string, string>;

/** The temporary names that sluice is documented to use, written down a second time on purpose. */
const TEMPORARY = /(^|\/)\.sluice-[0-9a-f]{8}-\d+-\d+-[0-9a-z]+\.part(\/|$)/;

/** Whether a path is that of a temporary of sluice. */
export function isTemporaryPath(path: string): boolean {
  return TEMPORARY.test(path);
}

/** The directory of a temporary; of what is in one, which is a directory then, that of the outermost. */
export function placeOfTemporary(path: string): string {
  return parentOf(path.slice(0, TEMPORARY.exec(path)!.index + 1));
}

/** The directory that a path is in; "" is the root. */
export function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** Everything below a directory, the directory itself as "". */
async function listTree(root: string): Promise<Map<string, Found>> {
  const text = await run("find", [".", "-printf", "%y\\0%s\\0%T@\\0%i\\0%l\\0%P\\0"], root);
  const fields = text.split("\0");
  const found = new Map<string, Found>();
  for (let i = 0; i + 5 < fields.length; i += 6) {
    const [kind, size, time, inode, target, path] = fields.slice(i, i + 6) as Fields;
    const [seconds, fraction = ""] = time.split(".");
    found.set(path, {
      kind,
      size: kind === "d" ? 0 : Number(size),
      mtime: BigInt(seconds! + fraction.padEnd(9, "0").slice(0, 9)),
      inode,
      target,
    });
  }
  return found;
}

type Fields = [string, string, string, string, string, string];

/** Reads every regular file below a directory, temporaries included. */
async function hashTree(root: string): Promise<Map<string, string>> {
  const all = "find . -type f -print0 | xargs -0 -r sha256sum -z --";
  return parseHashes(await run("sh", ["-c", all], root));
}

function parseHashes(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const line of text.split("\0")) {
    if (line !== "") hashes.set(line.slice(66).replace(/^\.\//, ""), line.slice(0, 64));
  }
  return hashes;
}

/** A tree together with what is in its files. */
export interface Seen {
  readonly tree: Tree;
  readonly hashes: Hashes;
}

/** Looks at a tree and reads its files. */
export async function see(root: string): Promise<Seen> {
  const tree = await listTree(root);
  return { tree, hashes: await hashTree(root) };
}

/** How two trees differ that ought to be the same: one sentence for each difference. */
export function differences(source: Seen, destination: Seen): string[] {
  const problems: string[] = [];
  for (const path of new Set([...source.tree.keys(), ...destination.tree.keys()])) {
    const a = source.tree.get(path), b = destination.tree.get(path);
    const name = show(path);
    if (a === undefined) {
      const what = isTemporaryPath(path) ? "a temporary was left" : "only at the destination";
      problems.push(`${what}: ${name}`);
    } else if (b === undefined) problems.push(`not at the destination: ${name}`);
    else if (a.kind !== b.kind) problems.push(`of another kind: ${name}`);
    else if (a.size !== b.size) problems.push(`${b.size} bytes instead of ${a.size}: ${name}`);
    else if (a.target !== b.target) problems.push(`leads elsewhere: ${name}`);
    else if (a.mtime !== b.mtime) problems.push(`time ${b.mtime} instead of ${a.mtime}: ${name}`);
    else if (source.hashes.get(path) !== destination.hashes.get(path)) {
      problems.push(`other content: ${name}`);
    }
  }
  return problems;
}

/** A path for people. */
export function show(path: string): string {
  return path === "" ? "the root" : JSON.stringify(path);
}

/** A path of this module for calls that take text; null when it is not UTF-8. */
export function asText(path: string): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(Buffer.from(path, "latin1"));
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

async function run(command: string, args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { LC_ALL: "C" },
  }).output();
  if (!success) {
    throw new Error(`${command} failed in ${cwd}: ${new TextDecoder().decode(stderr).trim()}`);
  }
  return Buffer.from(stdout).toString("latin1");
}
