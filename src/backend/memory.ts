/**
 * A backend held in memory, for tests: a tree of nodes that behaves like a POSIX file system, with
 * the same error codes, and that can be built and looked at as data.
 */
import { baseOf, type Entry, join, type Kind, parentOf, type Times } from "../entry.ts";
import type { Attributes, Refusal } from "../preserve.ts";
import type {
  Backend,
  CallOptions,
  Capabilities,
  FileReader,
  FileWriter,
  Identity,
  ListBatch,
  NewLink,
  Space,
  Trash,
} from "./backend.ts";
import { checkName, componentsOf, failure, inTheWay, notAFile } from "./failures.ts";
import { contentOf, type MemoryNode, resize, type TreeNode } from "./memory_node.ts";
import { demandLength, MemoryTree } from "./memory_tree.ts";
import type { NameHabits } from "./name_map.ts";
import { isTemporary, temporaryNames } from "./temporary.ts";
import { trashIn } from "./trash.ts";

export type { TreeNode } from "./memory_node.ts";

/** Entries in one batch of a listing. */
const BATCH = 1000;

/** Options of {@link memoryBackend}. */
export interface MemoryOptions {
  /** Nanoseconds since the epoch, for the times that a file system sets itself. Default: now. */
  readonly now?: () => bigint;
  /** Gives out temporary names. Default: names of a process of its own. */
  readonly temporaryName?: () => string;
  /** Overrides of the capabilities: immediate, file, exact names, 1 ns, "memory". */
  readonly capabilities?: Partial<Capabilities>;
  /** What is made of a modification time that is set, as a coarse file system does. */
  readonly keepTime?: (time: bigint, kind: Kind) => bigint;
  /** What it does with names. Default: keeps them apart and as they are. */
  readonly names?: NameHabits;
  /** Default: "memory:". */
  readonly root?: string;
}

/** The backend, and the side door for tests: these calls need no signal and happen at once. */
export interface MemoryBackend extends Backend {
  /** Puts a node at a path in place of what was there, with the directories above it. */
  put(path: string, node: TreeNode): void;
  /** Gives the node at a path a further name, whose directory is there. */
  putLink(existing: string, path: string): void;
  /** Removes a node with everything below it; nothing happens when it is not there. */
  remove(path: string): void;
  /** Everything below the root by path, sorted, temporaries too: `put` takes each of them. */
  tree(): Record<string, TreeNode>;
  /** What was moved out of the tree, by the full path of the trash. */
  readonly trashes: ReadonlyMap<string, MemoryBackend>;
}

/** An empty backend in memory. */
export function memoryBackend(options: MemoryOptions = {}): MemoryBackend {
  return new Memory(options);
}

class Memory implements MemoryBackend {
  readonly root: string;
  readonly capabilities: Capabilities;
  readonly identity: Identity;
  readonly #now: () => bigint;
  readonly #temporaryName: () => string;
  readonly #tree: MemoryTree;
  readonly trashes = new Map<string, Memory>();

  constructor(options: MemoryOptions, top?: MemoryNode) {
    this.root = options.root ?? "memory:";
    this.#now = options.now ?? (() => BigInt(Date.now()) * 1_000_000n);
    this.#temporaryName = options.temporaryName ?? temporaryNames("00000000-1-1", 0);
    this.capabilities = {
      latency: "immediate",
      durability: "file",
      exactNames: true,
      timePrecision: 1n,
      kind: "memory",
      ...options.capabilities,
    };
    this.#tree = new MemoryTree({ ...options, now: this.#now }, top);
    this.identity = { device: this.#tree.device, inode: this.#tree.top.inode, type: "memory" };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  put(path: string, node: TreeNode): void {
    this.#tree.put(path, node);
  }

  putLink(existing: string, path: string): void {
    this.#tree.putLink(existing, path);
  }

  remove(path: string): void {
    this.#tree.remove(path);
  }

  tree(): Record<string, TreeNode> {
    return this.#tree.data();
  }

  async identify(options: CallOptions = {}): Promise<Identity> {
    await enter(options);
    return this.identity;
  }

  async space(options: CallOptions = {}): Promise<Space | null> {
    await enter(options);
    return null;
  }

  async look(path: string, options: CallOptions = {}): Promise<Entry | undefined> {
    await enter(options);
    if (path === "") return this.#tree.entry(this.#tree.top, "");
    const names = componentsOf(path);
    names.pop();
    let directory = this.#tree.top;
    for (const name of names) {
      const next = directory.children.get(name);
      if (next === undefined) return undefined;
      if (next.kind !== "directory") throw failure("ENOTDIR", "open the directory", path);
      directory = next;
    }
    const node = directory.children.get(baseOf(path));
    return node && this.#tree.entry(node, baseOf(path));
  }

  async *list(path: string, options: CallOptions = {}): AsyncIterable<ListBatch> {
    await enter(options);
    const children = [...this.#tree.directory(path, "list the directory").children];
    for (let at = 0; at < children.length; at += BATCH) {
      await enter(options);
      const part = children.slice(at, at + BATCH);
      yield {
        entries: part.filter(([name]) => !isTemporary(name))
          .map(([name, node]) => this.#tree.entry(node, name)),
        temporaries: part.map(([name]) => name).filter(isTemporary),
        problems: [],
      };
    }
  }

  async open(path: string, options: CallOptions = {}): Promise<FileReader> {
    await enter(options);
    const node = this.#tree.node(path, "open");
    if (node.kind === "symlink") throw failure("ELOOP", "open", path);
    if (node.kind !== "file") throw notAFile(node.kind, path);
    return {
      entry: this.#tree.entry(node, baseOf(path)),
      sparse: false,
      dataFrom: (position) => Promise.resolve(position),
      async read(into, position, options) {
        await enter(options);
        const part = contentOf(node).subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      look: (options) => this.look(path, options),
      async [Symbol.asyncDispose]() {},
    };
  }

  async create(path: string, options: CallOptions = {}): Promise<FileWriter> {
    await enter(options);
    const doing = "create a temporary file next to the file";
    demandName(path);
    const directory = this.#tree.directory(parentOf(path), doing);
    const temporary = this.#temporaryName();
    if (directory.children.has(temporary)) throw failure("EEXIST", doing, path);
    const node = this.#tree.make({ kind: "file", content: "" });
    this.#tree.set(directory, temporary, node);
    let open = true;
    return {
      path,
      temporary: join(parentOf(path), temporary),
      write: async (data, position, options) => {
        await enter(options);
        if (!open) throw failure("EBADF", "write", path);
        resize(node, Math.max(node.size, position + data.length));
        node.bytes.set(data, position);
        node.mtime = node.ctime = this.#now();
      },
      extend: async (size, options) => {
        await enter(options);
        resize(node, size);
      },
      finish: async (times, options) => {
        await enter(options);
        open = false;
        this.#tree.setTimes(node, times);
      },
      commit: async (options) => {
        await enter(options);
        this.#tree.rename(temporary, path);
      },
      abort: async () => {
        await Promise.resolve();
        open = false;
        if (directory.children.get(temporary) === node) {
          this.#tree.set(directory, temporary, undefined);
        }
      },
    };
  }

  async createLink(
    path: string,
    { target, times }: NewLink,
    options: CallOptions = {},
  ): Promise<void> {
    await enter(options);
    demandName(path);
    const directory = this.#tree.directory(parentOf(path), "make the symbolic link");
    if (target === "") throw failure("ENOENT", "make the symbolic link", path);
    const temporary = this.#temporaryName();
    const node = this.#tree.make({ kind: "symlink", target });
    this.#tree.set(directory, temporary, node);
    if (times !== undefined) this.#tree.setTimes(node, times);
    try {
      this.#tree.rename(temporary, path);
    } catch (error) {
      this.#tree.set(directory, temporary, undefined);
      throw error;
    }
  }

  async link(existing: string, path: string, options: CallOptions = {}): Promise<void> {
    await enter(options);
    demandName(path);
    const doing = "make the hard link";
    const node = this.#tree.node(existing, doing);
    if (node.kind === "directory") throw failure("EPERM", doing, path);
    const directory = this.#tree.directory(parentOf(path), doing);
    if (directory.children.get(baseOf(path)) === node) return;
    demandLength(path, doing);
    if (directory.children.get(baseOf(path))?.kind === "directory") {
      throw failure("EISDIR", doing, path);
    }
    this.#tree.set(directory, baseOf(path), node);
    node.links += 1;
    node.ctime = this.#now();
  }

  async makeDirectory(path: string, options: CallOptions = {}): Promise<boolean> {
    await enter(options);
    const doing = "make the directory";
    demandName(path);
    const directory = this.#tree.directory(parentOf(path), doing);
    const there = directory.children.get(baseOf(path));
    if (there?.kind === "directory") return false;
    if (there !== undefined) throw inTheWay(there.kind, path);
    demandLength(path, doing);
    this.#tree.set(directory, baseOf(path), this.#tree.make({ kind: "directory" }));
    return true;
  }

  async setTimes(
    path: string,
    times: Pick<Times, "mtime" | "atime">,
    options: CallOptions = {},
  ): Promise<void> {
    await enter(options);
    this.#tree.setTimes(this.#tree.node(path, "set the times"), times);
  }

  async xattrs(_path: string, options: CallOptions = {}): Promise<ReadonlyMap<string, Uint8Array>> {
    await enter(options);
    return new Map();
  }

  /** Keeps modes; its files have no owners and no extended attributes. */
  async setAttributes(
    path: string,
    { owner, mode }: Attributes,
    options: CallOptions = {},
  ): Promise<Refusal[]> {
    await enter(options);
    const node = this.#tree.node(path, "set the attributes");
    if (mode !== undefined) node.mode = mode;
    node.ctime = this.#now();
    if (owner === undefined || (owner.uid === 0 && owner.gid === 0)) return [];
    const { code, message } = failure("EPERM", "set the owner", path);
    return [{ what: "owner", code, message }];
  }

  async removeFile(path: string, options: CallOptions = {}): Promise<void> {
    await enter(options);
    const node = this.#tree.node(path, "remove");
    if (node.kind === "directory") throw failure("EISDIR", "remove", path);
    this.#tree.set(this.#tree.directory(parentOf(path), "remove"), baseOf(path), undefined);
  }

  async removeDirectory(path: string, options: CallOptions = {}): Promise<void> {
    await enter(options);
    demandName(path);
    const doing = "remove the directory";
    const node = this.#tree.node(path, doing);
    if (node.kind !== "directory") throw failure("ENOTDIR", doing, path);
    if (node.children.size > 0) throw failure("ENOTEMPTY", doing, path);
    this.#tree.set(this.#tree.directory(parentOf(path), doing), baseOf(path), undefined);
  }

  async openTrash(
    root: string,
    options: CallOptions & { readonly make?: boolean } = {},
  ): Promise<Trash> {
    await enter(options);
    const place = this.#trashAt(root, options.make === true);
    return trashIn(place, async (path, to, options) => {
      await enter(options);
      const doing = "move into the trash";
      const node = this.#tree.node(path, doing);
      const into = place.#tree.directory(parentOf(to), doing);
      if (into.children.has(baseOf(to))) throw failure("EEXIST", doing, path);
      this.#tree.set(this.#tree.directory(parentOf(path), doing), baseOf(path), undefined);
      this.#tree.set(into, baseOf(to), node);
    });
  }

  #trashAt(root: string, make: boolean): Memory {
    const places = [[this.root, this] as const, ...this.trashes];
    const above = places.find(([at]) => root === at || root.startsWith(`${at}/`));
    if (above === undefined) {
      if (!make) throw failure("ENOENT", "open the trash", "");
      const made = new Memory({ now: this.#now, root });
      this.trashes.set(root, made);
      return made;
    }
    const [at, place] = above;
    const path = root.slice(at.length + 1);
    if (path === "") return place;
    const parent = place.#tree.directory(parentOf(path), "open the trash");
    if (make && !parent.children.has(baseOf(path))) {
      this.#tree.set(parent, baseOf(path), this.#tree.make({ kind: "directory" }));
    }
    return new Memory({ now: this.#now, root }, place.#tree.directory(path, "open the trash"));
  }

  async flush(options: CallOptions = {}): Promise<void> {
    await enter(options);
  }
}

/** Every call answers later, as on a real backend, and not at all when its signal has aborted. */
async function enter({ signal }: CallOptions = {}): Promise<void> {
  signal?.throwIfAborted();
  await Promise.resolve();
}

/** @throws SyncError EINVAL for the root and for a path that is none */
function demandName(path: string): void {
  if (componentsOf(path).length === 0) checkName("", path);
}
