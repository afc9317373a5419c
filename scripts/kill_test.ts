/**
 * Kills sluice at random moments, again and again, and looks after each kill at what it left.
 *
 * After every kill: each file at its final name at the destination is whole (some version of the
 * source's, or what was there before), nothing that was there is gone but extras, and each row that
 * says `synced` is of a file with that hash, size and time. Between the kills the source changes now
 * and then. In the end a run without a kill completes the work: the trees are identical, no
 * temporary is left, the log has one record for each file that was copied, and one more run copies
 * nothing.
 *
 * Usage: `deno run -A scripts/kill_test.ts [--kills N] [--seed N] [--binary PATH] [--dir DIRECTORY]`
 */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { isTemporary } from "../src/backend/temporary.ts";
import { baseOf } from "../src/entry.ts";
import { awkwardNames, randomNumbers, type TreeEntry, writeTree } from "./trees.ts";
import { defaultDirectory, findBinary, positive, runScript, withFolder } from "./workbench.ts";

/** Limits that runs are given in turn by chance: at full speed other moments are hit than slowly. */
const LIMITS = ["off", "off", "8M", "30M", "80M"] as const;
/** The latest moment of a kill, in milliseconds after the start; earlier when runs are shorter. */
const LATEST = 2_000;

/** A file as `find` tells of it. */
interface Found {
  readonly kind: string;
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly target: string;
}

/** A row of the view `files`. */
interface Row {
  readonly path: string;
  readonly size: number;
  readonly mtime: bigint;
  readonly hash: string | null;
}

/** A tree with its kinds, sizes, times to the nanosecond and link targets, by relative path. */
async function list(root: string): Promise<Map<string, Found>> {
  const { stdout, success } = await new Deno.Command("find", {
    args: [".", "-printf", "%y\\0%s\\0%T@\\0%l\\0%P\\0"],
    cwd: root,
  }).output();
  if (!success) throw new Error(`find failed in ${root}`);
  const fields = new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout).split("\0");
  const found = new Map<string, Found>();
  for (let i = 0; i + 4 < fields.length; i += 5) {
    const [kind, size, time, target, path] = fields.slice(i, i + 5) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const [seconds, fraction = ""] = time.split(".");
    const nanoseconds = fraction.padEnd(9, "0").slice(0, 9);
    found.set(path, {
      kind,
      size: kind === "d" ? 0 : Number(size),
      mtime: BigInt(seconds! + nanoseconds),
      target,
    });
  }
  return found;
}

function hashOf(path: string): string {
  return createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
}

/** 1,200 small files with names of every sort, some larger ones, links and empty directories. */
function* plan(random: () => number): Iterable<TreeEntry> {
  const names = awkwardNames();
  for (let d = 0; d < 12; d++) {
    const path = d % 4 === 3 ? `dir 0${d - 1}/inner` : `dir ${String(d).padStart(2, "0")}`;
    yield { type: "directory", path };
    for (let i = 0; i < 100; i++) {
      const name = names[(d * 100 + i) % names.length]!;
      const size = Math.floor(random() ** 2 * 60_000);
      yield { type: "file", path: `${path}/${name === "inner" ? "outer" : name}`, size };
    }
    yield { type: "file", path: `${path}/large file`, size: Math.floor(random() * 12_000_000) };
    yield { type: "symlink", path: `${path}/a link`, target: `to nowhere ${d}` };
    yield { type: "directory", path: `${path}/an empty directory` };
  }
}

/** The trees and all that is allowed to be in them. */
class Trial {
  readonly source: string;
  readonly destination: string;
  readonly #folder: string;
  readonly #binary: string;
  readonly #random: () => number;
  /** By path, the hashes of what may be at the destination. */
  readonly #allowed = new Map<string, Set<string>>();
  /** Paths that have been at the destination, complete, and belong there. */
  readonly #arrived = new Set<string>();
  readonly problems: string[] = [];

  constructor(folder: string, binary: string, random: () => number) {
    this.#folder = folder;
    this.#binary = binary;
    this.#random = random;
    this.source = `${folder}/source`;
    this.destination = `${folder}/destination`;
    writeTree(this.source, plan(random));
    Deno.mkdirSync(this.destination);
    this.#prefill();
    for (const path of this.#files()) this.#allow(path, hashOf(`${this.source}/${path}`));
  }

  /** Older versions of some files, and extras. */
  #prefill(): void {
    for (const directory of ["dir 00", "dir 01", "extra/inner"]) {
      Deno.mkdirSync(`${this.destination}/${directory}`, { recursive: true });
    }
    const old = this.#files().filter((path) => /^dir 0[01]\/[^/]+$/.test(path));
    for (const [i, path] of old.entries()) {
      if (i % 3 !== 0) continue;
      const text = `an older version of ${path}`.repeat(1 + (i % 50));
      Deno.writeTextFileSync(`${this.destination}/${path}`, text);
      this.#allow(path, hashOf(`${this.destination}/${path}`));
      this.#arrived.add(path);
    }
    for (const path of ["dir 00/extra", "extra/one", "extra/inner/two"]) {
      Deno.writeTextFileSync(`${this.destination}/${path}`, path);
      this.#allow(path, hashOf(`${this.destination}/${path}`));
    }
  }

  #files(directory = ""): string[] {
    return [...Deno.readDirSync(`${this.source}/${directory}`)].flatMap((entry) => {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      return entry.isDirectory ? this.#files(path) : entry.isFile ? [path] : [];
    });
  }

  #allow(path: string, hash: string): void {
    const known = this.#allowed.get(path);
    if (known === undefined) this.#allowed.set(path, new Set([hash]));
    else known.add(hash);
  }

  /** Some files get other content, some are new, a few go. */
  change(): string {
    const files = this.#files();
    const pick = () => files[Math.floor(this.#random() * files.length)]!;
    for (let i = 0; i < 400; i++) {
      const path = pick();
      const bytes = this.#bytes(i < 5 ? 8_000_000 : 40_000);
      Deno.writeFileSync(`${this.source}/${path}`, bytes);
      this.#allow(path, hashOf(`${this.source}/${path}`));
    }
    for (let i = 0; i < 20; i++) {
      const path = `dir 0${i % 3}/new ${i} ${Math.floor(this.#random() * 1e9)}`;
      Deno.writeTextFileSync(`${this.source}/${path}`, path.repeat(100));
      this.#allow(path, hashOf(`${this.source}/${path}`));
    }
    for (let i = 0; i < 5; i++) {
      const path = pick();
      try {
        Deno.removeSync(`${this.source}/${path}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      // it may be deleted from now on
      this.#arrived.delete(path);
    }
    return "400 files changed, 20 new, 5 removed";
  }

  #bytes(most: number): Uint8Array {
    const words = new Uint32Array(Math.floor(this.#random() * most / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.#random() * 2 ** 32;
    return new Uint8Array(words.buffer);
  }

  start(limit: string, ...more: string[]): Deno.ChildProcess {
    return new Deno.Command(this.#binary, {
      args: [
        ...[this.source, this.destination, "--db", `${this.#folder}/sluice.db`],
        ...["--log", `${this.#folder}/log.jsonl`, "--bwlimit", limit, "--delete-extras"],
        ...["--progress", "none", ...more],
      ],
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
  }

  /** The database as a copy, so that looking at it cannot mend it. */
  #database(): DatabaseSync | null {
    const copy = `${this.#folder}/look.db`;
    for (const suffix of ["", "-wal", "-shm"]) {
      try {
        Deno.removeSync(copy + suffix);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      if (suffix === "-shm") continue;
      try {
        Deno.copyFileSync(`${this.#folder}/sluice.db${suffix}`, copy + suffix);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    try {
      const database = new DatabaseSync(copy);
      const sound = database.prepare("PRAGMA integrity_check").get()!;
      if (sound.integrity_check !== "ok") this.problems.push("the database is damaged");
      const view = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'files'").get();
      if (view !== undefined) return database;
      database.close();
      return null;
    } catch (error) {
      this.problems.push(`the database cannot be read: ${(error as Error).message}`);
      return null;
    }
  }

  /** Looks at everything; returns a sentence about the state. */
  async inspect(): Promise<string> {
    const there = await list(this.destination);
    const hashes = new Map<string, string>();
    let temporaries = 0;
    for (const [path, { kind }] of there) {
      if (kind !== "f") continue;
      if (isTemporary(baseOf(path))) {
        temporaries += 1;
        continue;
      }
      const hash = hashOf(`${this.destination}/${path}`);
      hashes.set(path, hash);
      if (!this.#allowed.get(path)?.has(hash)) this.problems.push(`torn or foreign: ${path}`);
    }
    for (const path of this.#arrived) {
      if (!hashes.has(path)) this.problems.push(`was there and is gone: ${path}`);
    }
    const database = this.#database();
    let synced = 0, phase = "starting";
    if (database !== null) {
      using _database = { [Symbol.dispose]: () => database.close() };
      for (const row of this.#synced(database)) {
        synced += 1;
        this.#checkSynced(row, there.get(row.path), hashes.get(row.path));
      }
      phase = phaseOf(database);
    }
    const sources = await list(this.source);
    for (const path of hashes.keys()) if (sources.has(path)) this.#arrived.add(path);
    return `${phase}: ${hashes.size} files at the destination, ${synced} rows synced, ` +
      `${temporaries} temporaries`;
  }

  #synced(database: DatabaseSync): Row[] {
    const statement = database.prepare(
      "SELECT dest_path, size, modified_at, hash FROM files WHERE status = 'synced'",
    );
    statement.setReadBigInts(true);
    return statement.all().map((row) => ({
      path: String(row.dest_path).slice(this.destination.length + 1),
      size: Number(row.size),
      mtime: row.modified_at as bigint,
      hash: row.hash === null ? null : String(row.hash),
    }));
  }

  #checkSynced(row: Row, found: Found | undefined, hash: string | undefined): void {
    const complain = (what: string) => this.problems.push(`synced, and ${what}: ${row.path}`);
    if (found === undefined || hash === undefined) complain("not there");
    else if (found.size !== row.size) complain(`${found.size} bytes instead of ${row.size}`);
    else if (found.mtime !== row.mtime) complain(`time ${found.mtime} instead of ${row.mtime}`);
    else if (row.hash !== null && row.hash !== hash) complain("with another hash");
  }

  async complete(...more: string[]): Promise<void> {
    const { code, stderr } = await this.start("off", ...more).output();
    if (code === 0) return;
    const said = new TextDecoder().decode(stderr).trim();
    this.problems.push(`a run that was not killed ended with exit code ${code}: ${said}`);
  }

  /** The end: both trees are the same, and the log agrees. */
  async conclude(): Promise<void> {
    const [source, destination] = await Promise.all([list(this.source), list(this.destination)]);
    for (const path of new Set([...source.keys(), ...destination.keys()])) {
      const a = source.get(path), b = destination.get(path);
      if (a === undefined) this.problems.push(`only at the destination: ${path}`);
      else if (b === undefined) this.problems.push(`not at the destination: ${path}`);
      else if (a.kind !== b.kind || a.size !== b.size || a.target !== b.target) {
        this.problems.push(`not the same: ${path}`);
      } else if (a.mtime !== b.mtime) {
        this.problems.push(`time ${b.mtime} instead of ${a.mtime}: ${path || "the root"}`);
      } else if (
        a.kind === "f" && hashOf(`${this.source}/${path}`) !== hashOf(`${this.destination}/${path}`)
      ) this.problems.push(`not the same content: ${path}`);
    }
  }

  /** What the log has; `quiet` is set when the last run must not have copied anything. */
  checkLog(quiet: boolean): void {
    const lines = Deno.readTextFileSync(`${this.#folder}/log.jsonl`).split("\n");
    if (lines.pop() !== "") this.problems.push("the last line of the log does not end");
    const copies = new Map<string, number>();
    let runs = 0, copied = 0;
    for (const [i, line] of lines.entries()) {
      let record;
      try {
        record = JSON.parse(line);
      } catch {
        this.problems.push(`line ${i + 1} of the log is not JSON: ${line.slice(0, 80)}`);
        continue;
      }
      if (record.seq !== i + 1) {
        this.problems.push(`line ${i + 1} of the log has seq ${record.seq}`);
      }
      if (record.type === "start") {
        runs += 1;
        copied = 0;
      }
      if (record.type !== "operation" || record.status !== "success") continue;
      copied += 1;
      if (record.kind !== "file" || !["copy", "overwrite"].includes(record.action)) continue;
      const key = [record.source, record.mtime, record.ctime].join("\n");
      copies.set(key, (copies.get(key) ?? 0) + 1);
    }
    for (const [key, count] of copies) {
      if (count > 1) this.problems.push(`${count} records of one copy: ${key.split("\n")[0]}`);
    }
    if (runs === 0) this.problems.push("the log has no start record");
    if (quiet && copied > 0) this.problems.push(`one more run did ${copied} operations`);
  }
}

/** How far the run had come that was killed. */
function phaseOf(database: DatabaseSync): string {
  const run = database.prepare("SELECT ended_at FROM run ORDER BY id DESC LIMIT 1").get();
  if (run === undefined) return "starting";
  if (run.ended_at !== null) return "between two runs";
  const scan = database.prepare("SELECT finished_at FROM scan ORDER BY id DESC LIMIT 1").get();
  if (scan === undefined || scan.finished_at === null) return "scan";
  const { pending } = database.prepare(
    "SELECT count(*) AS pending FROM files WHERE status = 'pending'",
  ).get()!;
  return pending === 0 ? "end" : "transfer";
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: "string" },
      seed: { type: "string" },
      binary: { type: "string" },
      dir: { type: "string" },
    },
  });
  const kills = Math.ceil(positive("--kills", values.kills, 20));
  const seed = Math.floor(positive("--seed", values.seed, Date.now() % 1_000_000));
  const binary = findBinary(values.binary);
  console.log(`seed ${seed}: ${kills} kills of ${binary}`);
  return await withFolder(values.dir ?? defaultDirectory(), async (folder) => {
    const random = randomNumbers(seed);
    const trial = new Trial(folder, binary, random);
    let killed = 0, latest = LATEST;
    for (let attempt = 0; killed < kills && attempt < kills * 5; attempt++) {
      const limit = LIMITS[Math.floor(random() * LIMITS.length)]!;
      const delay = 20 + Math.floor(random() * latest);
      const child = trial.start(limit);
      const timer = setTimeout(() => child.kill("SIGKILL"), delay);
      const began = performance.now();
      const { code, signal, stderr } = await child.output();
      clearTimeout(timer);
      latest = signal === "SIGKILL" ? Math.min(LATEST, latest * 1.3) : performance.now() - began;
      const state = await trial.inspect();
      let what = `killed after ${delay} ms`;
      if (signal === "SIGKILL") killed += 1;
      else {
        what = `ended by itself, exit code ${code}`;
        if (code !== 0) trial.problems.push(`${what}: ${new TextDecoder().decode(stderr).trim()}`);
      }
      console.log(`${killed}/${kills} ${what} (limit ${limit}); ${state}`);
      if (trial.problems.length > 0) break;
      // what is complete gives kills nothing to hit
      if (signal !== "SIGKILL" || random() < 0.1) console.log(`  ${trial.change()}`);
    }
    if (killed < kills && trial.problems.length === 0) {
      trial.problems.push(`only ${killed} of ${kills} kills hit a run`);
    }
    if (trial.problems.length === 0) {
      await trial.complete();
      await trial.inspect();
      await trial.complete("--rescan");
      await trial.inspect();
      await trial.conclude();
      trial.checkLog(false);
      await trial.complete();
      trial.checkLog(true);
    }
    for (const problem of trial.problems.slice(0, 20)) console.log(`FAILED ${problem}`);
    if (trial.problems.length > 0) {
      console.log(`${trial.problems.length} problems; again with --seed ${seed}`);
      return 1;
    }
    console.log(
      `${killed} kills: no torn file, no false row, and in the end identical, without temporaries`,
    );
    return 0;
  });
}

if (import.meta.main) await runScript("kill_test", main);
