/**
 * The tree of nodes of a backend in memory: where a path leads, and what a file system does with
 * names, times and links when something changes.
 */
import { baseOf, type Entry, type Kind, parentOf, type Times } from "../entry.ts";
import { encodeName } from "../name.ts";
import { componentsOf, failure } from "./failures.ts";
import { contentOf, type MemoryNode, newNode, type TreeNode } from "./memory_node.ts";
import { type NameHabits, NameMap } from "./name_map.ts";

/** How a tree behaves. */
export interface MemoryTreeOptions {
  /** Nanoseconds since the epoch, for the times that it sets itself. */
  readonly now: () => bigint;
  /** What is made of a modification time that is set. Default: it is kept. */
  readonly keepTime?: (time: bigint, kind: Kind) => bigint;
  /** What it does with names. Default: keeps them apart and as they are. */
  readonly names?: NameHabits;
}

/** A tree, or one below a directory of another. Its calls throw the SyncErrors of a backend. */
export class MemoryTree {
  /** The number of its file system, of each tree another. */
  readonly device = BigInt(crypto.getRandomValues(new Uint32Array(1))[0]!);
  /** What is made of a modification time that is set. */
  readonly keepTime: (time: bigint, kind: Kind) => bigint;
  /** The root. */
  readonly top: MemoryNode;
  readonly #now: () => bigint;
  readonly #habits: NameHabits | undefined;
  #inodes = 1n;

  constructor({ now, keepTime = (time) => time, names }: MemoryTreeOptions, top?: MemoryNode) {
    this.#now = now;
    this.keepTime = keepTime;
    this.#habits = names;
    this.top = top ?? this.make({ kind: "directory" });
  }

  /** Puts a node at a path in place of what was there, with the directories above it. */
  put(path: string, node: TreeNode): void {
    let directory = this.top;
    const names = componentsOf(path);
    const last = names.pop();
    if (last === undefined) throw new TypeError('Cannot put a node as "path" must not be the root');
    for (const name of names) {
      let next = directory.children.get(name);
      if (next?.kind !== "directory") {
        next = this.make({ kind: "directory" });
        directory.children.set(name, next);
      }
      directory = next;
    }
    directory.children.set(last, this.make(node));
  }

  /** Gives the node at a path a further name, whose directory is there. */
  putLink(existing: string, path: string): void {
    const node = this.node(existing, "link");
    node.links += 1;
    this.directory(parentOf(path), "link").children.set(baseOf(path), node);
  }

  /** Removes a node with everything below it; nothing happens when it is not there. */
  remove(path: string): void {
    const names = componentsOf(path);
    const last = names.pop()!;
    let directory: MemoryNode | undefined = this.top;
    for (const name of names) directory = directory?.children.get(name);
    const node = directory?.children.get(last);
    if (node !== undefined) node.links -= 1;
    directory?.children.delete(last);
  }

  /** Everything below the top by path, sorted: `put` takes each of them. */
  data(): Record<string, TreeNode> {
    const found: [string, TreeNode][] = [];
    const walk = (node: MemoryNode, path: string) => {
      for (const [name, child] of node.children) {
        const at = path === "" ? name : `${path}/${name}`;
        const { kind, mtime, atime, mode, target } = child;
        const content = contentOf(child).slice();
        found.push([at, {
          kind,
          mtime,
          atime,
          mode,
          ...(kind === "file" && { content }),
          ...(kind === "symlink" && { target }),
        }]);
        walk(child, at);
      }
    };
    walk(this.top, "");
    return Object.fromEntries(found.sort(([a], [b]) => a < b ? -1 : 1));
  }

  /** A new node that is nowhere yet. */
  make(node: TreeNode): MemoryNode {
    this.#inodes += 1n;
    const children = this.#habits === undefined ? undefined : new NameMap<MemoryNode>(this.#habits);
    return newNode(node, this.#inodes, this.#now(), children);
  }

  /** The node at a path; no link is followed on the way. */
  node(path: string, doing: string): MemoryNode {
    let node = this.top;
    for (const name of componentsOf(path)) {
      if (node.kind !== "directory") throw failure("ENOTDIR", doing, path);
      const next = node.children.get(name);
      if (next === undefined) throw failure("ENOENT", doing, path);
      node = next;
    }
    return node;
  }

  /** The same, which must be a directory. */
  directory(path: string, doing: string): MemoryNode {
    const node = this.node(path, doing);
    if (node.kind !== "directory") throw failure("ENOTDIR", doing, path);
    return node;
  }

  /** Changes a directory as a file system does, with its times. */
  set(directory: MemoryNode, name: string, node: MemoryNode | undefined): void {
    const before = directory.children.get(name);
    if (before !== undefined) before.links -= 1;
    if (node === undefined) directory.children.delete(name);
    else directory.children.set(name, node);
    directory.mtime = directory.ctime = this.#now();
  }

  /** Sets times as far as they can be kept. */
  setTimes(node: MemoryNode, { mtime, atime }: Pick<Times, "mtime" | "atime">): void {
    node.mtime = this.keepTime(mtime, node.kind);
    node.atime = atime;
    node.ctime = this.#now();
  }

  /** Gives a file or link its final name, from a temporary one in the same directory. */
  rename(temporary: string, path: string): void {
    const doing = "rename over the final name";
    const directory = this.directory(parentOf(path), doing);
    const node = directory.children.get(temporary);
    if (node === undefined) throw failure("ENOENT", doing, path);
    demandLength(path, doing);
    if (directory.children.get(baseOf(path))?.kind === "directory") {
      throw failure("EISDIR", doing, path);
    }
    this.set(directory, temporary, undefined);
    node.links += 1;
    this.set(directory, baseOf(path), node);
  }

  /** What a listing or a look says of a node. */
  entry(node: MemoryNode, name: string): Entry {
    const { kind, size, mtime, atime, ctime, birthtime, mode, inode, links, target } = node;
    const times = { mtime, atime, ctime, birthtime };
    const owner = { mode, uid: 0, gid: 0, device: this.device, inode, links };
    return { name, kind, size, ...times, ...owner, target };
  }
}

/** @throws SyncError ENAMETOOLONG, after what was tried: "make the directory" */
export function demandLength(path: string, doing: string): void {
  if (encodeName(baseOf(path)).length > 255) throw failure("ENAMETOOLONG", doing, path);
}
