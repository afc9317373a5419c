/** Two trees, a database and a log, and what must hold about them at any moment and in the end. */
import { awkwardNames } from "../awkward_names.ts";
import { randomNumbers } from "../random_numbers.ts";
import { type TreeEntry, writeTree } from "../trees.ts";
import {
  checkRuns,
  checkSynced,
  type DatabaseState,
  type LogRecord,
  pathOf,
  readDatabase,
  readLog,
} from "./records.ts";
import {
  asText,
  differences,
  isTemporaryPath,
  parentOf,
  placeOfTemporary,
  see,
  type Seen,
  show,
} from "./tree.ts";

/** What one episode must do: from the two trees as they were before its first run. */
interface Plan {
  /** Files and links that the destination lacks or has in another version. */
  readonly copies: ReadonlySet<string>;
  /** What only the destination has. */
  readonly deletions: ReadonlySet<string>;
  readonly directories: ReadonlySet<string>;
  /** Lines that the log had. */
  readonly records: number;
}

/** What a kill left. */
export interface Left {
  readonly phase: DatabaseState["phase"];
  /** Files that are complete but not on record, and temporaries: what is sent once more. */
  readonly again: { readonly files: number; readonly bytes: number };
  readonly synced: number;
  readonly temporaries: number;
}

/** Where the parts of a trial are. */
export interface TrialOptions {
  /** Is made. Default: `destination` in the trial's folder. */
  readonly destination?: string;
  /** The directory of the database and the log. Default: the trial's folder. */
  readonly state?: string;
}

/** What is known of the time before a look. */
export interface LookOptions {
  /**
   * A disk has lost its power since: what was not on record may be gone, and with the database also
   * what was done in its last moments. Default: false.
   */
  readonly powerLost?: boolean;
}

/** A source that is quiet while sluice runs, and changes between episodes. */
export class Trial {
  readonly source: string;
  readonly destination: string;
  readonly db: string;
  readonly log: string;
  readonly problems: string[] = [];
  readonly #random: () => number;
  #from!: Seen;
  #to!: Seen;
  #plan!: Plan;
  /** Of each file that is on record: the inode that it has since. */
  #recorded = new Map<string, string>();

  private constructor(folder: string, seed: number, { destination, state }: TrialOptions) {
    this.#random = randomNumbers(seed);
    this.source = `${folder}/source`;
    this.destination = destination ?? `${folder}/destination`;
    this.db = `${state ?? folder}/sluice.db`;
    this.log = `${state ?? folder}/log.jsonl`;
  }

  /** Makes the trees: older versions and extras are at the destination already. */
  static async make(folder: string, seed: number, options: TrialOptions = {}): Promise<Trial> {
    const trial = new Trial(folder, seed, options);
    const random = randomNumbers(seed + 1);
    writeTree(trial.source, planSource(random));
    // names that are not UTF-8
    await shell(
      `cd "$1" && printf 1 >"$(printf 'caf\\351')" && mkdir "$(printf 'd\\377')" &&
      printf 2 >"$(printf 'd\\377/\\200')"`,
      trial.source,
    );
    Deno.mkdirSync(trial.destination);
    for (const d of ["dir 00", "dir 01", "extra/inner", "dir 02/large file"]) {
      Deno.mkdirSync(`${trial.destination}/${d}`, { recursive: true });
    }
    const files = [...Deno.readDirSync(`${trial.source}/dir 00`)].filter((e) => e.isFile);
    for (const [i, { name }] of files.entries()) {
      if (i % 3 !== 0) continue;
      const text = `an older version of ${name}`.repeat(1 + (i % 50));
      Deno.writeTextFileSync(`${trial.destination}/dir 00/${name}`, text);
    }
    for (const path of ["dir 00/extra", "extra/one", "extra/inner/two"]) {
      Deno.writeTextFileSync(`${trial.destination}/${path}`, path);
    }
    await trial.begin();
    return trial;
  }

  /** The trees are as the next runs find them. */
  async begin(): Promise<void> {
    this.#from = await see(this.source);
    this.#to = await see(this.destination);
    this.#recorded = new Map();
    const copies = new Set<string>(),
      deletions = new Set<string>(),
      directories = new Set<string>();
    const { tree: from } = this.#from, { tree: to } = this.#to;
    for (const [path, a] of from) {
      const b = to.get(path);
      if (a.kind === "d") {
        if (b?.kind !== "d") directories.add(path);
        continue;
      }
      const equal = a.kind === b?.kind && a.size === b.size && a.target === b.target &&
        a.mtime === b.mtime;
      if (!equal) copies.add(path);
    }
    for (const [path, { kind }] of to) {
      const other = from.get(path)?.kind;
      if (other === undefined || (other === "d") !== (kind === "d")) deletions.add(path);
    }
    this.#plan = { copies, deletions, directories, records: this.#records(true).length };
  }

  #records(torn: boolean): LogRecord[] {
    return readLog(this.log, { torn, complain: (problem) => this.problems.push(problem) });
  }

  /** What must hold at once after a kill. */
  async inspect({ powerLost = false }: LookOptions = {}): Promise<Left> {
    const now = await see(this.destination);
    const complain = (problem: string) => void this.problems.push(problem);
    this.#checkFiles(now);
    checkRuns(this.#records(true), complain);
    const state = readDatabase(this.db, this.destination, complain);
    checkSynced(state?.synced ?? [], now, complain);
    // a loss of power takes unsettled names back, and gives names new inodes
    const again = powerLost ? { files: 0, bytes: 0 } : this.#checkAgain(now, state);
    this.#to = now;
    const temporaries = [...now.tree.keys()].filter(isTemporaryPath).length;
    return {
      phase: state?.phase ?? "before the scan",
      again,
      synced: state?.synced.length ?? 0,
      temporaries,
    };
  }

  /** Each thing at the destination is what it was, or what the source has; nothing else is gone. */
  #checkFiles(now: Seen): void {
    const { tree: from, hashes: wanted } = this.#from, { tree: before, hashes: old } = this.#to;
    for (const [path, { kind, target }] of now.tree) {
      if (isTemporaryPath(path)) continue;
      const was = before.get(path), source = from.get(path);
      if (kind !== was?.kind && kind !== source?.kind) {
        this.problems.push(`foreign (${kind}): ${show(path)}`);
      } else if (kind === "l" && target !== was?.target && target !== source?.target) {
        this.problems.push(`a link that leads elsewhere: ${show(path)}`);
      } else if (kind === "f") {
        const hash = now.hashes.get(path);
        if (hash !== old.get(path) && hash !== wanted.get(path)) {
          this.problems.push(`torn: ${show(path)}`);
        }
      }
    }
    for (const [path, { kind }] of before) {
      if (isTemporaryPath(path) || now.tree.has(path)) continue;
      const source = from.get(path);
      const inTheWay = source !== undefined && (source.kind === "d") !== (kind === "d");
      if (source !== undefined && !inTheWay) {
        this.problems.push(`deleted, and the source has it: ${show(path)}`);
      }
    }
  }

  /** What is on record is not sent again; what is not on record is where the database says so. */
  #checkAgain(now: Seen, state: DatabaseState | null): Left["again"] {
    const again = { files: 0, bytes: 0 };
    if (state === null) return again;
    const onRecord = new Set(state.synced.map(({ path }) => path));
    for (const [path, inode] of this.#recorded) {
      if (now.tree.get(path)?.inode !== inode) {
        this.problems.push(`on record, and sent once more: ${show(path)}`);
      }
    }
    for (const [path, { kind, inode, size }] of now.tree) {
      if (kind !== "f") continue;
      const isNew = this.#plan.copies.has(path) &&
        now.hashes.get(path) === this.#from.hashes.get(path);
      if (onRecord.has(path)) {
        if (isNew) this.#recorded.set(path, inode);
        continue;
      }
      if (!isNew && !isTemporaryPath(path)) continue;
      again.files += 1;
      again.bytes += size;
      if (!state.inFlight.has(isTemporaryPath(path) ? placeOfTemporary(path) : parentOf(path))) {
        this.problems.push(`not on record and not in flight: ${show(path)}`);
      }
    }
    return again;
  }

  /** What must hold when a run went to its end with exit code 0. */
  async conclude({ powerLost = false }: LookOptions = {}): Promise<void> {
    const complain = (problem: string) => void this.problems.push(problem);
    const now = await see(this.destination);
    this.problems.push(...differences(this.#from, now));
    const state = readDatabase(this.db, this.destination, complain);
    if (state === null) return;
    checkSynced(state.synced, now, complain);
    if (!powerLost) this.#checkAgain(now, state);
    const onRecord = new Map(state.synced.map((row) => [row.path, row]));
    for (const [path, { kind, size }] of this.#from.tree) {
      if (kind !== "f") continue;
      const row = onRecord.get(path);
      if (row === undefined) complain(`in sync, and not on record: ${show(path)}`);
      else if (this.#plan.copies.has(path) && row.hash !== this.#from.hashes.get(path)) {
        complain(`on record with the hash ${row.hash}: ${show(path)}`);
      } else if (row.size !== size) complain(`on record with ${row.size} bytes: ${show(path)}`);
    }
    if (state.pending > 0) complain(`in sync, and ${state.pending} files are pending`);
    this.#checkOperations({ powerLost });
  }

  /** Exactly one record for each thing that had to be done, none for anything else. */
  #checkOperations({ powerLost }: { powerLost: boolean }): void {
    const records = this.#records(false);
    checkRuns(records, (problem) => this.problems.push(problem));
    if (records.at(-1)?.type !== "end") this.problems.push("the last record is not an end");
    const done = { copied: new Map(), deleted: new Map(), made: new Map() };
    const kinds: Readonly<Record<string, Map<string, number>>> = {
      copy: done.copied,
      overwrite: done.copied,
      delete: done.deleted,
      mkdir: done.made,
    };
    for (const record of records.slice(this.#plan.records)) {
      if (record.type !== "operation") continue;
      const path = pathOf(record, this.destination);
      // while a disk refuses everything, failures are what there is to tell
      if (record.status !== "success" && powerLost) continue;
      if (record.status !== "success") {
        this.problems.push(`${record.action} failed: ${show(path)}: ${JSON.stringify(record)}`);
        continue;
      }
      const map = kinds[String(record.action)];
      map?.set(path, (map.get(path) ?? 0) + 1);
    }
    this.#compare("copy", done.copied, this.#plan.copies);
    this.#compare("delete", done.deleted, this.#plan.deletions);
    this.#compare("mkdir", done.made, this.#plan.directories);
  }

  #compare(what: string, done: Map<string, number>, wanted: ReadonlySet<string>): void {
    for (const path of new Set([...done.keys(), ...wanted])) {
      const count = done.get(path) ?? 0, want = wanted.has(path) ? 1 : 0;
      if (count === want) continue;
      this.problems.push(`${count} records of ${what} instead of ${want}: ${show(path)}`);
    }
  }

  /** Between two episodes: files change, come and go, in every way that the tool must follow. */
  async change(): Promise<void> {
    const { tree } = this.#from;
    const paths = (kind: string) =>
      [...tree].filter(([path, f]) => f.kind === kind && path !== "").map(([path]) => asText(path))
        .filter((path) => path !== null);
    const files = paths("f").filter((path) => !path.startsWith(`${MANY}/`)),
      directories = paths("d");
    const pick = (all: string[]) => all.splice(Math.floor(this.#random() * all.length), 1)[0]!;
    for (let i = 0; i < 80; i++) {
      Deno.writeFileSync(`${this.source}/${pick(files)}`, this.#bytes(i < 3 ? 6_000_000 : 40_000));
    }
    for (let i = 0; i < 20; i++) Deno.removeSync(`${this.source}/${pick(files)}`);
    for (let i = 0; i < 20; i++) {
      const path = `dir 0${i % 3}/new ${i} ${Math.floor(this.#random() * 1e9)}`;
      Deno.writeFileSync(`${this.source}/${path}`, this.#bytes(30_000));
    }
    // what is small and new in all is made at once
    const number = Math.floor(this.#random() * 1e9);
    for (const path of ["", "/inner"]) {
      const made = `${this.source}/new ${number}${path}`;
      Deno.mkdirSync(made);
      for (let i = 0; i < 25; i++) Deno.writeFileSync(`${made}/${i}`, this.#bytes(9_000));
    }
    const link = pick(paths("l"));
    Deno.removeSync(`${this.source}/${link}`);
    Deno.symlinkSync(`elsewhere ${this.#random()}`, `${this.source}/${link}`);
    // a directory elsewhere, a file where a directory was, a directory where a file was
    const leaf = pick(directories.filter((path) => path.includes("empty")));
    Deno.removeSync(`${this.source}/${leaf}`, { recursive: true });
    Deno.writeFileSync(`${this.source}/${leaf}`, this.#bytes(5_000));
    const file = pick(files);
    Deno.removeSync(`${this.source}/${file}`);
    Deno.mkdirSync(`${this.source}/${file}/an empty directory`, { recursive: true });
    const name = `moved ${Math.floor(this.#random() * 1e9)}`;
    const inner = directories.filter((path) => path.endsWith("/inner"));
    if (inner.length > 0) {
      const from = `${this.source}/${pick(inner)}`;
      // a directory that has become empty is doubted, and its extras stay
      Deno.writeTextFileSync(`${from.slice(0, -"/inner".length)}/${name}`, "left behind");
      Deno.renameSync(from, `${this.source}/${name}`);
    } else Deno.mkdirSync(`${this.source}/dir 00/inner`);
    Deno.mkdirSync(`${this.destination}/extra/deep`, { recursive: true });
    for (let i = 0; i < 12; i++) {
      Deno.writeTextFileSync(`${this.destination}/extra/${i % 2 ? "deep/" : ""}${i}`, "extra");
    }
    await this.begin();
  }

  #bytes(most: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(Math.floor(this.#random() * most / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.#random() * 2 ** 32;
    return new Uint8Array(words.buffer);
  }
}

/** A directory that is listed in more than one piece, and is left as it is. */
const MANY = "many";

/**
 * 900 small files with names of every sort, some larger ones, links and empty directories; new
 * directories with nothing but small files, and one with more files than a listing has in a piece.
 */
function* planSource(random: () => number): Iterable<TreeEntry> {
  const names = awkwardNames();
  for (let d = 0; d < 12; d++) {
    const path = d % 4 === 3 ? `dir 0${d - 1}/inner` : `dir ${String(d).padStart(2, "0")}`;
    yield { type: "directory", path };
    for (let i = 0; i < 75; i++) {
      const name = names[(d * 75 + i) % names.length]!;
      const size = Math.floor(random() ** 2 * 60_000);
      yield { type: "file", path: `${path}/${name === "inner" ? "outer" : name}`, size };
    }
    yield { type: "file", path: `${path}/large file`, size: Math.floor(random() * 8_000_000) };
    yield { type: "symlink", path: `${path}/a link`, target: `to nowhere ${d}` };
    yield { type: "directory", path: `${path}/an empty directory` };
  }
  for (const path of ["small", "small/inner", "small/inner/most", "small too"]) {
    yield { type: "directory", path };
    for (let i = 0; i < 30; i++) {
      yield { type: "file", path: `${path}/${i}`, size: Math.floor(random() * 9_000) };
    }
  }
  yield { type: "directory", path: MANY };
  for (let i = 0; i < 4_200; i++) yield { type: "file", path: `${MANY}/${i}`, size: i % 100 };
}

async function shell(script: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command("bash", { args: ["-ec", script, "bash", ...args] })
    .output();
  if (!success) throw new Error(`the shell failed: ${script}`);
}
