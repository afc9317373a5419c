/** A source that somebody works in: random edits, and every state that each of its files has had. */
import { createHash } from "node:crypto";
import { randomNumbers } from "../random_numbers.ts";
import { parentOf } from "./tree.ts";

/** The algorithms of `--checksum`, and what they are called elsewhere. */
const ALGORITHMS = { md5: "md5", sha1: "sha1", sha256: "sha256", blake2b: "blake2b512" } as const;

/** The hashes of one content, by the name of `--checksum`. */
export type ContentHashes = Readonly<Record<keyof typeof ALGORITHMS, string>>;

const NAMES = ["a", "b", "c d", "é", "x\ny", "report.txt", "$HOME", "'quoted'", ".hidden", "-rf"];

/** Among the states of a file: a part of what was being written may have been one, too. */
const TORN = "torn";

/**
 * A write that takes longer than this (ms) was itself held up by a busy machine: whoever looks twice
 * at the file meanwhile, the time of a tick apart, sees a part of it that nothing tells from a whole.
 */
const HELD_UP = 10;

/** Edits a tree and remembers. Paths are UTF-8, relative to the root. */
export class EditedTree {
  readonly #root: string;
  /** A directory beside the root whose content must never arrive anywhere. */
  readonly #outside: string;
  readonly #random: () => number;
  readonly #files = new Set<string>();
  readonly #directories = new Set<string>([""]);
  readonly #links = new Set<string>();
  /** By path, by SHA-256: what has been there. */
  readonly #states = new Map<string, Map<string, ContentHashes | null>>();
  /** What was renamed since the last {@link arrived}, the oldest first. */
  readonly #moves: (readonly [from: string, to: string])[] = [];
  #count = 0;

  /** @param root where the tree is edited, @param seed what makes the edits repeatable */
  constructor(root: string, { seed, outside }: { seed: number; outside: string }) {
    this.#root = root;
    this.#outside = outside;
    this.#random = randomNumbers(seed);
    Deno.mkdirSync(outside, { recursive: true });
    for (const name of NAMES) Deno.writeTextFileSync(`${outside}/${name}`, "OUTSIDE");
    for (let i = 0; i < 40; i++) this.#makeDirectory();
    for (let i = 0; i < 400; i++) this.#create(i % 100 === 0 ? 4_000_000 : 40_000);
  }

  /** All hashes of a state that a file has had; undefined when it never was so. */
  stateOf(path: string, sha256: string): ContentHashes | undefined {
    return this.#states.get(path)?.get(sha256) ?? undefined;
  }

  /** Whether a state of the file that is not known may have been there for a while. */
  mayBeTorn(path: string): boolean {
    return this.#states.get(path)?.has(TORN) ?? false;
  }

  /** The destination is as the source now: what is gone from the source is nowhere any more. */
  arrived(): void {
    this.#moves.length = 0;
    for (const path of [...this.#states.keys()]) {
      if (!this.#files.has(path)) this.#states.delete(path);
      else this.#states.get(path)!.delete(TORN);
    }
  }

  /** One random edit. */
  async edit(): Promise<void> {
    const edits: readonly (readonly [weight: number, edit: () => void | Promise<void>])[] = [
      [20, () => this.#create(this.#random() < 0.02 ? 3_000_000 : 30_000)],
      [15, () => this.#append()],
      [10, () => this.#truncate()],
      [15, () => this.#replace()],
      [15, () => this.#rewrite()],
      [12, () => this.#remove()],
      [8, () => this.#rename()],
      [5, () => this.#makeDirectory()],
      [2, () => this.#removeDirectory()],
      [3, () => this.#link()],
      [2, () => this.#swap()],
      [3, () => this.#touch()],
    ];
    let at = this.#random() * edits.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, edit] of edits) {
      at -= weight;
      if (at < 0) return await edit();
    }
  }

  #full(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  #pick(all: ReadonlySet<string>): string | undefined {
    return [...all][Math.floor(this.#random() * all.size)];
  }

  #newPath(): string {
    const directory = this.#pick(this.#directories)!;
    const name = `${NAMES[Math.floor(this.#random() * NAMES.length)]} ${this.#count++}`;
    return directory === "" ? name : `${directory}/${name}`;
  }

  #bytes(most: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.floor(this.#random() ** 2 * most));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#random() * 256;
    return bytes;
  }

  #remember(path: string, content: Uint8Array): void {
    const hashes = Object.fromEntries(
      Object.entries(ALGORITHMS).map(([name, algorithm]) => [
        name,
        createHash(algorithm).update(content).digest("hex"),
      ]),
    ) as unknown as ContentHashes;
    this.#note(path, hashes.sha256, hashes);
  }

  #note(path: string, state: string, hashes: ContentHashes | null): void {
    for (const name of this.#namesOf(path)) {
      const states = this.#states.get(name) ?? new Map();
      this.#states.set(name, states.set(state, hashes));
    }
  }

  /** Writes to a file, in a single call. */
  #write(path: string, write: () => void): void {
    const began = performance.now();
    write();
    if (performance.now() - began > HELD_UP) this.#note(path, TORN, null);
  }

  /**
   * The path, and those that it would have had where directories above it were before they moved: a
   * run that is at work in a directory that moves finishes what it lists there under the old name.
   */
  #namesOf(path: string): Set<string> {
    const names = new Set([path]);
    // the latest first: what it leads to may have moved before
    for (const [from, to] of this.#moves.toReversed()) {
      for (const name of [...names]) {
        if (name.startsWith(`${to}/`)) names.add(from + name.slice(to.length));
      }
    }
    return names;
  }

  /** Before the file can be seen so: whoever reads it at once reads a state that is known. */
  #create(most: number): void {
    const path = this.#newPath(), content = this.#bytes(most);
    this.#remember(path, new Uint8Array());
    this.#remember(path, content);
    this.#write(path, () => Deno.writeFileSync(this.#full(path), content));
    this.#files.add(path);
  }

  #withFile(edit: (path: string, content: Uint8Array<ArrayBuffer>) => void): void {
    const path = this.#pick(this.#files);
    if (path !== undefined) edit(path, Deno.readFileSync(this.#full(path)));
  }

  #append(): void {
    this.#withFile((path, old) => {
      const more = this.#bytes(20_000);
      const content = new Uint8Array(old.length + more.length);
      content.set(old);
      content.set(more, old.length);
      this.#remember(path, content);
      this.#write(path, () => Deno.writeFileSync(this.#full(path), more, { append: true }));
    });
  }

  #truncate(): void {
    this.#withFile((path, old) => {
      const size = Math.floor(this.#random() * old.length);
      this.#remember(path, old.subarray(0, size));
      Deno.truncateSync(this.#full(path), size);
    });
  }

  #replace(): void {
    this.#withFile((path) => {
      const content = this.#bytes(30_000), beside = this.#newPath();
      for (const one of [beside, path]) this.#remember(one, content);
      this.#remember(beside, new Uint8Array());
      this.#write(beside, () => Deno.writeFileSync(this.#full(beside), content));
      Deno.renameSync(this.#full(beside), this.#full(path));
    });
  }

  /** In place, at equal size. */
  #rewrite(): void {
    this.#withFile((path, content) => {
      if (content.length === 0) return;
      const at = Math.floor(this.#random() * content.length);
      const part = this.#bytes(Math.min(100_000, content.length - at));
      content.set(part, at);
      this.#remember(path, content);
      using file = Deno.openSync(this.#full(path), { write: true });
      file.seekSync(at, Deno.SeekMode.Start);
      this.#write(path, () => file.writeSync(part));
    });
  }

  #remove(): void {
    const path = this.#pick(this.#random() < 0.9 ? this.#files : this.#links);
    // a directory that becomes empty is doubted: one file stays in each
    if (path === undefined || this.#siblings(path) < 2) return;
    Deno.removeSync(this.#full(path));
    this.#files.delete(path);
    this.#links.delete(path);
  }

  #siblings(path: string): number {
    return [...Deno.readDirSync(this.#full(parentOf(path)))].length;
  }

  #rename(): void {
    const directories = this.#random() < 0.3;
    const from = this.#pick(directories ? this.#directories : this.#files);
    if (from === undefined || from === "" || this.#siblings(from) < 2) return;
    const to = this.#newPath();
    if (to.startsWith(`${from}/`)) return;
    this.#move(from, to);
  }

  /** What moves has at its new path all states that it has had at the old one. */
  #move(from: string, to: string): void {
    const moved = (path: string) =>
      path === from ? to : path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
    for (const [path, states] of [...this.#states]) {
      if (moved(path) === path) continue;
      this.#states.set(moved(path), new Map([...this.#states.get(moved(path)) ?? [], ...states]));
    }
    this.#moves.push([from, to]);
    Deno.renameSync(this.#full(from), this.#full(to));
    for (const set of [this.#files, this.#directories, this.#links]) {
      for (const path of [...set]) {
        if (moved(path) === path) continue;
        set.delete(path);
        set.add(moved(path));
      }
    }
  }

  #makeDirectory(): void {
    const path = this.#newPath();
    if (path.split("/").length > 6) return;
    Deno.mkdirSync(this.#full(path));
    this.#directories.add(path);
  }

  #removeDirectory(): void {
    const path = this.#pick(this.#directories);
    if (path === undefined || path === "" || this.#siblings(path) < 2) return;
    Deno.removeSync(this.#full(path), { recursive: true });
    for (const set of [this.#files, this.#directories, this.#links]) {
      for (const one of [...set]) {
        if (one === path || one.startsWith(`${path}/`)) set.delete(one);
      }
    }
  }

  #link(): void {
    const path = this.#newPath();
    Deno.symlinkSync(`to ${this.#count}`, this.#full(path));
    this.#links.add(path);
  }

  /** A link that leads outside stands where a directory was, for a moment. */
  async #swap(): Promise<void> {
    const path = this.#pick(this.#directories);
    if (path === undefined || path === "") return;
    const away = this.#newPath();
    if (away.startsWith(`${path}/`)) return;
    this.#move(path, away);
    Deno.symlinkSync(this.#outside, this.#full(path));
    await new Promise((resolve) => setTimeout(resolve, this.#random() * 60));
    Deno.removeSync(this.#full(path));
    this.#move(away, path);
  }

  #touch(): void {
    const path = this.#pick(this.#random() < 0.5 ? this.#files : this.#directories);
    if (path === undefined) return;
    const seconds = 1_000_000_000 + this.#random() * 700_000_000;
    Deno.utimeSync(this.#full(path), seconds, seconds);
  }
}
