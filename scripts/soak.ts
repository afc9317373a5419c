/**
 * Lets sluice work for hours on a source that is edited meanwhile, under random faults and options,
 * and checks each round with code of its own.
 *
 * A round: runs that are killed, interrupted, stopped and continued, asked by `sluice ctl` for other
 * limits, other lanes, a pause or their end, that lose a mount or the room at the destination, whose
 * system calls fail (strace), while files are appended to, truncated, replaced, rewritten, removed,
 * renamed, and directories swapped for links that lead outside. In between, sluice is held still:
 * every row that says `synced` must be of a file with the recorded hash, and the source must have
 * had that file in that state. Each run must end with an exit code that fits what happened to it.
 * Then the source is quiet, a run goes to its end, and the trees must be identical, the log whole,
 * nothing left over. A binary that was replaced is taken anew with the next round.
 *
 * With the same `--seed` the runs have the same options and the same faulty calls, in the same
 * order. When a signal comes, and what is edited until then, is a matter of time and never the same.
 *
 * Mounts need root, faulty calls strace; without them a soak does the rest.
 *
 * Usage: `deno run -A scripts/soak.ts [--hours N | --minutes N] [--seed N] [--binary PATH] [--dir PATH]`
 */
import { parseArgs } from "node:util";
import { ask } from "./proof/asked.ts";
import { EditedTree } from "./proof/edits.ts";
import { objection } from "./proof/endings.ts";
import { canTrace, type Ended, Program, type RunningProgram } from "./proof/program.ts";
import { checkCopies, checkRuns, readDatabase, readLog } from "./proof/records.ts";
import { mayEndEarly, randomOptions } from "./proof/run_options.ts";
import { canMount, Side } from "./proof/sides.ts";
import { asText, differences, see, show } from "./proof/tree.ts";
import { randomNumbers } from "./random_numbers.ts";
import { defaultDirectory, findBinary, keepFolder, positive, runScript } from "./workbench.ts";

/** A run that takes longer than this hangs (s). The slowest limits alone take a minute. */
const TOO_LONG = 300;
const ERRORS = ["EIO", "ENOSPC", "ESTALE", "EACCES", "ETIMEDOUT", "EINTR", "EDQUOT"] as const;

const CALLS = [
  ...["pwrite64", "renameat2", "getdents64", "statx", "unlinkat", "mkdirat", "utimensat"],
  ...["fsync", "fdatasync", "syncfs", "pread64", "symlinkat", "readlinkat", "close"],
] as const;

/** Resolves with what it was exactly, where that is at random. */
type Fault = (run: RunningProgram) => Promise<string | null | void> | void;

class Soak {
  readonly #program: Program;
  readonly #folder: string;
  readonly #source: Side;
  readonly #destination: Side;
  readonly #edits: EditedTree;
  /** What a run is: its options and its faulty calls, which are the same again with the same seed. */
  readonly #planned: () => number;
  /** What happens to it meanwhile, and when: that depends on how fast everything is, too. */
  readonly #random: () => number;
  readonly #faults: readonly (readonly [name: string, fault: Fault])[];
  readonly #canTrace: boolean;
  readonly #told = new Map<string, number>();
  #changes = Promise.resolve();
  readonly problems: string[] = [];
  rounds = 0;
  runs = 0;
  looks = 0;

  constructor(
    program: Program,
    options: {
      folder: string;
      seed: number;
      canTrace: boolean;
      source: Side;
      destination: Side;
      canUnmount: boolean;
    },
  ) {
    const { folder, seed, source, destination } = options;
    this.#program = program;
    this.#folder = folder;
    this.#source = source;
    this.#destination = destination;
    this.#planned = randomNumbers(seed + 1);
    this.#random = randomNumbers(seed + 2);
    this.#canTrace = options.canTrace;
    this.#edits = new EditedTree(source.kept, { seed, outside: `${folder}/outside` });
    this.#faults = [
      ["kill", (run) => run.signal("SIGKILL")],
      ["SIGINT", (run) => run.signal("SIGINT")],
      ["SIGTERM", (run) => run.signal("SIGTERM")],
      ["stop and continue", (run) => this.#pause(run)],
      ["look", (run) => this.#look(run)],
      ["look", (run) => this.#look(run)],
      ["SIGHUP", (run) => run.signal("SIGHUP")],
      ...Array.from({ length: 4 }, () => ["ctl", (run: RunningProgram) => this.#ask(run)] as const),
      ["forbid", () => this.#alone(() => this.#forbid())],
      ...(options.canUnmount
        ? [
          ["unmount source", () => this.#unmount(source)] as const,
          ["unmount destination", () => this.#unmount(destination)] as const,
          ["full disk", () => this.#fill()] as const,
        ]
        : []),
    ];
  }

  /** The first run is left alone: from it, sluice knows which directories the roots are. */
  async prepare(): Promise<void> {
    await this.#quiet();
  }

  async round(): Promise<void> {
    this.rounds += 1;
    if (await this.#program.renew()) console.log("the binary was replaced");
    for (let i = 0; i < 120; i++) await this.#edits.edit();
    const runs = 1 + this.#below(3, this.#planned);
    for (let i = 0; i < runs && this.problems.length === 0; i++) await this.#disturbed();
    if (this.problems.length === 0) await this.#quiet();
  }

  #below(most: number, random = this.#random): number {
    return Math.floor(random() * most);
  }

  #oneOf<T>(all: readonly T[], random = this.#random): T {
    return all[this.#below(all.length, random)]!;
  }

  #arguments(): string[] {
    return [
      this.#source.path,
      this.#destination.path,
      ...["--db", `${this.#folder}/sluice.db`, "--log", `${this.#folder}/log.jsonl`],
    ];
  }

  #options(): string[] {
    return randomOptions({
      random: this.#planned,
      ifKnown: (...args) => this.#program.ifKnown(...args),
      now: Date.now(),
    });
  }

  async #ask(run: RunningProgram): Promise<string | null> {
    return await ask(run, {
      program: this.#program,
      database: `${this.#folder}/sluice.db`,
      random: this.#random,
      complain: (problem) => void this.problems.push(problem),
    });
  }

  /** A run under edits and faults. */
  async #disturbed(): Promise<void> {
    this.runs += 1;
    const options = this.#options();
    // the dice fall even where nothing can be traced
    const wanted = this.#planned() < 0.3, planned = this.#injection();
    const injection = wanted && this.#canTrace ? planned : undefined;
    const run = this.#program.start([...this.#arguments(), ...options], { injection });
    const edited = this.#planned() < 0.8;
    const edits = edited ? this.#edit(run) : Promise.resolve();
    const names = injection === undefined ? [] : [`${injection.calls}: ${injection.what}`];
    const faults = (async () => {
      while (!run.over) {
        await pause(30 + this.#below(400));
        if (run.over) return;
        const [name, fault] = this.#oneOf(this.#faults);
        // an empty directory that a run begins with may be meant; one that appears later is not
        if (name.startsWith("unmount") && run.phase === "") continue;
        // nor can anybody but root look where the destination forbids it as well
        if (name === "forbid" && options.includes("--preserve") && Deno.uid() !== 0) continue;
        this.#told.set(name, (this.#told.get(name) ?? 0) + 1);
        const at = names.push(name) - 1;
        names[at] = await fault(run) ?? name;
      }
    })();
    const ended = await this.#end(run);
    await Promise.all([edits, faults]);
    const code = `${ended.code ?? ended.signal}, ${ended.outcome ?? "no summary"}`;
    console.log(`  ${options.join(" ")}: exit code ${code} (${names.join(", ")})`);
    const problem = objection(ended, {
      signals: run.signals,
      endsEarly: mayEndEarly(options) || names.includes("stop"),
    });
    if (problem !== null) this.problems.push(problem);
    const scanned = options.includes("--rescan");
    if (ended.outcome === "in sync") await this.#checkInSync({ all: scanned && !edited });
    await this.#inspect();
  }

  #injection() {
    const planned = this.#planned;
    const calls = this.#oneOf(CALLS, planned), error = this.#oneOf(ERRORS, planned);
    const first = 1 + this.#below(planned() < 0.5 ? 8 : 60, planned);
    return {
      calls,
      what: `error=${error}:when=${first}..${first + this.#below(3, planned)}`,
      trace: "/dev/null",
    };
  }

  async #end(run: RunningProgram): Promise<Ended> {
    return await run.endedWithin(TOO_LONG, (problem) => void this.problems.push(problem));
  }

  /** Who says "in sync" has nothing pending; and where nobody edited, nothing is missing. */
  async #checkInSync({ all }: { all: boolean }): Promise<void> {
    const complain = (problem: string) => void this.problems.push(`"in sync", but ${problem}`);
    const state = readDatabase(`${this.#folder}/sluice.db`, this.#destination.path, complain);
    if (state !== null && state.pending > 0) complain(`${state.pending} pending`);
    if (!all) return;
    const [source, destination] = [await see(this.#source.kept), await see(this.#destination.kept)];
    const missing = differences(source, {
      tree: new Map([...destination.tree].filter(([path]) => source.tree.has(path))),
      hashes: destination.hashes,
    });
    for (const problem of missing) complain(problem);
  }

  async #edit(run: RunningProgram): Promise<void> {
    while (!run.over) {
      await this.#alone(() => this.#edits.edit());
      await pause(this.#below(40));
    }
  }

  /** One after the other: what is handed over here may change the source. */
  async #alone(change: () => Promise<void>): Promise<void> {
    const turn = this.#changes.then(change);
    this.#changes = turn;
    await turn;
  }

  async #pause(run: RunningProgram): Promise<void> {
    run.signal("SIGSTOP");
    await pause(this.#below(800));
    run.signal("SIGCONT");
  }

  async #look(run: RunningProgram): Promise<string | null> {
    try {
      if (!await run.hold()) return "a look in vain";
      await this.#inspect();
      return null;
    } finally {
      run.signal("SIGCONT");
    }
  }

  /** What is unmounted comes back before long; meanwhile nothing may appear in its place. */
  async #unmount(side: Side): Promise<void> {
    if (!side.mounted) return;
    side.unmount();
    await pause(100 + this.#below(1500));
    for (const name of side.bare()) {
      this.problems.push(`written below the bare mount point: ${show(name)}`);
    }
    side.mount();
  }

  /** No room for a while. */
  async #fill(): Promise<void> {
    const ballast = `${this.#destination.beside}/ballast`;
    // a file in memory needs no name, and without one it goes with this process
    const file = await Deno.open(ballast, { write: true, create: true });
    Deno.removeSync(ballast);
    try {
      const megabyte = new Uint8Array(2 ** 20);
      for (;;) await file.write(megabyte);
    } catch (error) {
      if (!(error instanceof Error) || !/space/i.test(error.message)) throw error;
      await pause(100 + this.#below(1500));
    } finally {
      file.close();
    }
  }

  /** A directory that only root may read, for a while in which nobody edits. */
  async #forbid(): Promise<void> {
    const directories = [...Deno.readDirSync(this.#source.kept)].filter((e) => e.isDirectory);
    if (directories.length === 0) return;
    const path = `${this.#source.kept}/${this.#oneOf(directories).name}`;
    Deno.chmodSync(path, 0);
    await pause(this.#below(500));
    Deno.chmodSync(path, 0o755);
  }

  /** Every row that says `synced` is of a file that is there, with a content that it once had. */
  async #inspect(): Promise<void> {
    this.looks += 1;
    const complain = (problem: string) => void this.problems.push(problem);
    const now = await see(this.#destination.kept);
    const db = `${this.#folder}/sluice.db`;
    const state = readDatabase(db, this.#destination.path, complain);
    for (const { path, size, mtime, hash, algorithm } of state?.synced ?? []) {
      const found = now.tree.get(path), sha256 = now.hashes.get(path);
      if (found === undefined || sha256 === undefined) {
        complain(`synced, and not there: ${show(path)}`);
        continue;
      }
      if (found.size !== size || found.mtime !== mtime) {
        complain(`synced, and of another size or time: ${show(path)}`);
      }
      if (hash === null) continue;
      const state = this.#edits.stateOf(asText(path)!, sha256);
      if (state === undefined && this.#edits.mayBeTorn(asText(path)!)) continue;
      if (state === undefined) complain(`synced in a state that never was: ${show(path)}`);
      else if (state[algorithm as keyof typeof state] !== hash) {
        complain(`synced with a hash of another state: ${show(path)}`);
      }
    }
    checkRuns(readLog(`${this.#folder}/log.jsonl`, { torn: true, complain }), complain);
  }

  /** Nobody disturbs: a run goes to its end, and everything must be so. */
  async #quiet(): Promise<void> {
    const options = [
      ...["--delete-extras", "--rescan"],
      ...this.#program.ifKnown("--max-delete", "100%"),
    ];
    // a directory that was emptied is believed when another scan finds the same
    let ended: Ended | null = null;
    for (let i = 0; i < 3 && ended?.code !== 0; i++) {
      ended = await this.#end(this.#program.start([...this.#arguments(), ...options]));
    }
    const complain = (problem: string) => void this.problems.push(problem);
    if (ended!.code !== 0) complain(`a run of its own ended with ${ended!.code}: ${ended!.stderr}`);
    const [source, destination] = [await see(this.#source.kept), await see(this.#destination.kept)];
    this.problems.push(...differences(source, destination));
    await this.#inspect();
    const db = `${this.#folder}/sluice.db`;
    const state = readDatabase(db, this.#destination.path, complain);
    const files = [...source.tree.values()].filter(({ kind }) => kind === "f").length;
    if (state?.synced.length !== files || state.pending > 0) {
      complain(`${state?.synced.length} rows synced of ${files}, ${state?.pending} pending`);
    }
    const log = readLog(`${this.#folder}/log.jsonl`, { torn: false, complain });
    const onRecord = new Map(state?.synced.map((row) => [row.path, row.hash]));
    checkCopies(log, { onRecord, destination: this.#destination.path, complain });
    for (const { name } of Deno.readDirSync(`${this.#folder}/outside`)) {
      if (Deno.readTextFileSync(`${this.#folder}/outside/${name}`) !== "OUTSIDE") {
        complain(`written outside of the roots: ${show(name)}`);
      }
    }
    await this.#program.checkLog(`${this.#folder}/log.jsonl`, complain);
    this.#edits.arrived();
  }

  summary(): string {
    const faults = [...this.#told].map(([name, count]) => `${name} ${count}`).sort().join(", ");
    return `${this.rounds} rounds, ${this.runs} disturbed runs, ${this.looks} looks (${faults})`;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      hours: { type: "string" },
      minutes: { type: "string" },
      seed: { type: "string" },
      binary: { type: "string" },
      dir: { type: "string" },
    },
  });
  const minutes = values.hours === undefined
    ? positive("--minutes", values.minutes, 10)
    : positive("--hours", values.hours, 1) * 60;
  const seed = Math.floor(positive("--seed", values.seed, Date.now() % 1_000_000));
  const traced = await canTrace();
  const binary = values.binary === undefined ? undefined : findBinary(values.binary);
  return await keepFolder(values.dir ?? defaultDirectory(), async (folder) => {
    const program = binary === undefined
      ? await Program.find(undefined)
      : await Program.copied(binary, folder);
    const canUnmount = canMount(folder);
    console.log(
      `seed ${seed}: ${minutes} minutes of ${program.name}, ${
        canUnmount ? "with" : "without"
      } mounts, ${traced ? "with" : "without"} faulty calls`,
    );
    using source = new Side(folder, "source", { canUnmount });
    using destination = new Side(folder, "destination", { canUnmount });
    const soak = new Soak(program, {
      ...{ folder, seed, source, destination, canUnmount },
      canTrace: traced,
    });
    await soak.prepare();
    const end = performance.now() + minutes * 60_000;
    while (performance.now() < end && soak.problems.length === 0) {
      await soak.round();
      console.log(`round ${soak.rounds} is over`);
    }
    console.log(soak.summary());
    for (const problem of soak.problems.slice(0, 20)) console.log(`FAILED ${problem}`);
    if (soak.problems.length === 0) return true;
    console.log(`${soak.problems.length} problems; again with --seed ${seed}; left in ${folder}`);
    // what is in memory goes with its mount
    for (const side of [source, destination]) {
      await new Deno.Command("cp", { args: ["-a", side.kept, `${side.path} as it was`] }).output();
    }
    return false;
  });
}

if (import.meta.main) await runScript("soak", main);
