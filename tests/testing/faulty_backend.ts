/** A backend that fails, lies, or hangs where a test says so; everything else it passes on. */
import type {
  Backend,
  CallOptions,
  FileReader,
  FileWriter,
  Identity,
  ListBatch,
  Space,
} from "../../src/backend/backend.ts";
import { SyncError } from "../../src/errors.ts";
import { failure } from "../../src/backend/failures.ts";
import type { Clock } from "../../src/lib/clock.ts";

/** The calls that a rule can name; those of readers and writers go by the path of their file. */
export type Call =
  | "identify"
  | "look"
  | "list"
  | "open"
  | "read"
  | "lookAgain"
  | "create"
  | "write"
  | "finish"
  | "commit"
  | "createLink"
  | "link"
  | "makeDirectory"
  | "setTimes"
  | "setAttributes"
  | "removeFile"
  | "removeDirectory"
  | "openTrash"
  | "take"
  | "flush"
  | "space";

/** What goes wrong, and where. The first rule that fits decides. */
export interface Rule {
  readonly call: Call;
  /** The path it is about: exactly, by a pattern, or any (default). */
  readonly path?: string | RegExp;
  /** Calls that fit and still go well before the rule begins. Default 0. */
  readonly after?: number;
  /** Calls that the rule then decides. Default: all. */
  readonly times?: number;
  /** Fails with this errno. */
  readonly errno?: string;
  /** Lets a read give at most so many bytes. */
  readonly short?: number;
  /** In a look: nothing is there. */
  readonly absent?: boolean;
  /** In space: what there is. */
  readonly space?: Space;
  /** In identify: what there is. */
  readonly identity?: Identity;
  /** In a list: the entry of this name cannot be looked at. */
  readonly problem?: string;
  /** In a list: the names that fit are left out, and nothing says so. */
  readonly omits?: RegExp;
  /** In a list: the first file is there once more, under this name. */
  readonly phantom?: string;
  /** The call goes on so many milliseconds later, by the clock that the backend was given. */
  readonly stall?: number;
  /** Runs first: changes the tree under the reader's feet, or throws. May return a promise. */
  readonly act?: () => void | Promise<void>;
  /** The call does not go on before this resolves; it then goes on, also when its signal aborted. */
  readonly until?: Promise<void>;
}

/** A faulty backend, and how often each call was made. */
export type FaultyBackend<B extends Backend> = B & { readonly calls: Map<Call, number> };

/**
 * Wraps a backend. The calls of tests themselves (`put`, `tree`) go to the inner one. Rules that
 * stall need the `clock`.
 */
export function withFaults<B extends Backend>(
  inner: B,
  rules: readonly Rule[],
  { clock }: { clock?: Clock } = {},
): FaultyBackend<B> {
  const seen = rules.map(() => 0);
  const calls = new Map<Call, number>();

  async function enter(call: Call, path: string): Promise<Rule | null> {
    calls.set(call, (calls.get(call) ?? 0) + 1);
    for (const [i, rule] of rules.entries()) {
      if (rule.call !== call || !fits(rule.path, path)) continue;
      const nth = seen[i]!++;
      const first = rule.after ?? 0;
      if (nth < first || nth >= first + (rule.times ?? Infinity)) continue;
      await rule.until;
      if (rule.stall !== undefined) await clock!.sleep(rule.stall);
      await rule.act?.();
      if (rule.errno !== undefined) throw failure(rule.errno, `${call} (injected)`, path);
      return rule;
    }
    return null;
  }

  const reader = (path: string, file: FileReader): FileReader => ({
    entry: file.entry,
    sparse: file.sparse,
    dataFrom: (position, options) => file.dataFrom(position, options),
    async read(into, position, options) {
      const rule = await enter("read", path);
      const part = rule?.short === undefined ? into : into.subarray(0, rule.short);
      return await file.read(part, position, options);
    },
    async look(options) {
      await enter("lookAgain", path);
      return await file.look(options);
    },
    uncache: file.uncache?.bind(file),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  });

  const writer = (path: string, file: FileWriter): FileWriter => ({
    path: file.path,
    temporary: file.temporary,
    async write(data, position, options) {
      await enter("write", path);
      await file.write(data, position, options);
    },
    extend: (size, options) => file.extend(size, options),
    async finish(times, options) {
      await enter("finish", path);
      await file.finish(times, options);
    },
    async commit(options) {
      await enter("commit", path);
      await file.commit(options);
    },
    abort: () => file.abort(),
  });

  const outer: Backend = {
    root: inner.root,
    capabilities: inner.capabilities,
    identity: inner.identity,
    async identify(options) {
      const rule = await enter("identify", "");
      return rule?.identity ?? await inner.identify(options);
    },
    async space(options) {
      const rule = await enter("space", "");
      return rule?.space ?? await inner.space(options);
    },
    async look(path, options) {
      const rule = await enter("look", path);
      if (rule?.absent) return undefined;
      return await inner.look(path, options);
    },
    async *list(path: string, { signal }: CallOptions = {}) {
      // not into a packer, where no rule could reach the entries
      const options = { signal };
      const rule = await enter("list", path);
      if (rule === null) yield* inner.list(path, options);
      else for await (const batch of inner.list(path, options)) yield tampered(batch, rule);
    },
    async open(path, options) {
      await enter("open", path);
      return reader(path, await inner.open(path, options));
    },
    async create(path, options) {
      await enter("create", path);
      return writer(path, await inner.create(path, options));
    },
    async createLink(path, link, options) {
      await enter("createLink", path);
      await inner.createLink(path, link, options);
    },
    async link(existing, path, options) {
      await enter("link", path);
      await inner.link(existing, path, options);
    },
    async makeDirectory(path, options) {
      await enter("makeDirectory", path);
      return await inner.makeDirectory(path, options);
    },
    async setTimes(path, times, options) {
      await enter("setTimes", path);
      await inner.setTimes(path, times, options);
    },
    xattrs: (path, options) => inner.xattrs(path, options),
    /** An errno is what a place answers that refuses the owner. */
    async setAttributes(path, attributes, options) {
      try {
        await enter("setAttributes", path);
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        return [{ what: "owner", code: error.code, message: error.message }];
      }
      return await inner.setAttributes(path, attributes, options);
    },
    async removeFile(path, options) {
      await enter("removeFile", path);
      await inner.removeFile(path, options);
    },
    async removeDirectory(path, options) {
      await enter("removeDirectory", path);
      await inner.removeDirectory(path, options);
    },
    async openTrash(root, options) {
      await enter("openTrash", root);
      const trash = await inner.openTrash(root, options);
      return {
        root: trash.root,
        look: (path, options) => trash.look(path, options),
        makeDirectory: (path, options) => trash.makeDirectory(path, options),
        setTimes: (path, times, options) => trash.setTimes(path, times, options),
        async take(path, to, options) {
          await enter("take", path);
          await trash.take(path, to, options);
        },
        [Symbol.asyncDispose]: () => trash[Symbol.asyncDispose](),
      };
    },
    async flush(options) {
      await enter("flush", "");
      await inner.flush(options);
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
  // what only the inner one has (put, tree) stays reachable
  return new Proxy(inner, {
    get(target, key) {
      if (key === "calls") return calls;
      if (key in outer) return outer[key as keyof Backend];
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as FaultyBackend<B>;
}

/** Lets timers and messages between threads of one process have some turns. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

function tampered(batch: ListBatch, { problem, omits, phantom }: Rule): ListBatch {
  const { entries, problems, temporaries } = batch;
  const told = entries.filter(({ name }) => name !== problem && !omits?.test(name));
  const file = entries.find(({ kind }) => kind === "file");
  return {
    temporaries,
    entries: phantom === undefined || file === undefined
      ? told
      : [...told, { ...file, name: phantom }],
    problems: entries.filter(({ name }) => name === problem)
      .map(({ name }) => ({ name, code: "EIO", message: "cannot look at (injected): EIO" }))
      .concat(problems),
  };
}

function fits(wanted: string | RegExp | undefined, path: string): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === "string" ? wanted === path : wanted.test(path);
}
