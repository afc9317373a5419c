/** One file, directory, link or special file of the backend in memory. */
import type { Entry, Kind } from "../entry.ts";
import { encodeName } from "../name.ts";

/** A node as data: what tests write down and read back. */
export interface TreeNode {
  /** Default: a symlink with a target, a file with content, else a directory. */
  readonly kind?: Kind;
  /** Bytes of a file, or its text. */
  readonly content?: Uint8Array | string;
  readonly target?: string;
  /** Nanoseconds since the epoch. Default: now. */
  readonly mtime?: bigint;
  readonly atime?: bigint;
  /** Permission bits. Default: 0o755 of a directory, 0o644. */
  readonly mode?: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A node: its own fields of an entry, its bytes (`size` of them count), its children. */
export interface MemoryNode extends
  Mutable<
    Pick<
      Entry,
      | "kind"
      | "size"
      | "mtime"
      | "atime"
      | "ctime"
      | "birthtime"
      | "mode"
      | "inode"
      | "links"
      | "target"
    >
  > {
  bytes: Uint8Array;
  readonly children: Map<string, MemoryNode>;
}

export function newNode(
  node: TreeNode,
  inode: bigint,
  now: bigint,
  children = new Map<string, MemoryNode>(),
): MemoryNode {
  const { content = "", target = "" } = node;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content.slice();
  const kind = node.kind ?? kindOf(node);
  return {
    kind,
    size: kind === "symlink" ? encodeName(target).length : bytes.length,
    mtime: node.mtime ?? now,
    atime: node.atime ?? now,
    ctime: now,
    birthtime: now,
    mode: node.mode ?? (kind === "directory" ? 0o755 : 0o644),
    inode,
    links: 1,
    target,
    bytes,
    children,
  };
}

/** The content of a file; a view that is good until the next write. */
export function contentOf(node: MemoryNode): Uint8Array {
  return node.bytes.subarray(0, node.size);
}

/** Makes a file's content `size` bytes long; what is added is zeros. */
export function resize(node: MemoryNode, size: number): void {
  if (size > node.bytes.length) {
    // twice the size, so that a file written in many small pieces is not copied for each of them
    const larger = new Uint8Array(Math.max(size, 2 * node.bytes.length));
    larger.set(contentOf(node));
    node.bytes = larger;
  }
  node.size = size;
}

function kindOf({ content, target }: TreeNode): Kind {
  if (target !== undefined) return "symlink";
  return content === undefined ? "directory" : "file";
}
