/**
 * Kills sluice at random moments, again and again, and looks each time at what it left.
 *
 * An episode: the source has changed (and the destination has extras); a run is killed with SIGKILL
 * up to four times, in the scan, in a block, at a rename, while it settles, while it deletes; then a
 * run goes to its end. After each kill hold: no torn file, nothing deleted that the source has, no
 * row that says `synced` of a file that is not whole, a sound database, whole lines in the log but
 * perhaps the last, nothing that is on record sent once more. At the end of each episode: the trees
 * are identical to the nanosecond, each operation has exactly one record, no temporary is left.
 *
 * Where strace is installed and may trace, most kills hit a chosen system call; else all go by the
 * clock. What is wrong ends the test with exit code 1, and the folder is kept.
 *
 * Usage: `deno run -A scripts/crash_test.ts [--kills N] [--seed N] [--binary PATH] [--dir PATH]`
 */
import { parseArgs } from "node:util";
import { type Aim, Aims, injectionFor, showAim, stageOfPhase, STAGES } from "./proof/kills.ts";
import { type Stage, stageOfTrace } from "./proof/kills.ts";
import { canTrace, type Ended, Program } from "./proof/program.ts";
import { Trial } from "./proof/trial.ts";
import { randomNumbers } from "./random_numbers.ts";
import { defaultDirectory, keepFolder, positive, runScript } from "./workbench.ts";

/** Limits that runs get by chance: at full speed other moments are hit than slowly. */
const LIMITS = ["off", "off", "off", "100M", "30M"] as const;
/** A run that takes longer than this hangs (s). */
const TOO_LONG = 300;

class CrashTest {
  readonly #program: Program;
  readonly #trial: Trial;
  readonly #random: () => number;
  readonly #aims: Aims;
  readonly #trace: string;
  readonly #kills: number;
  readonly #again = { files: 0, bytes: 0 };
  /** Temporaries that the last kill left. */
  #left = 0;
  killed = 0;
  interrupted = 0;
  episodes = 0;

  constructor(
    program: Program,
    trial: Trial,
    options: { seed: number; kills: number; folder: string; canTrace: boolean },
  ) {
    this.#program = program;
    this.#trial = trial;
    this.#random = randomNumbers(options.seed + 2);
    this.#aims = new Aims(randomNumbers(options.seed + 3), options);
    this.#trace = `${options.folder}/trace`;
    this.#kills = options.kills;
  }

  async run(): Promise<void> {
    // an episode without a kill that hits costs time, so there is an end to them
    for (let left = this.#kills * 3 + 5; this.killed < this.#kills && left > 0; left--) {
      if (this.episodes > 0) await this.#trial.change();
      await this.#episode();
      if (this.#trial.problems.length > 0) return;
    }
    if (this.killed < this.#kills) {
      this.#trial.problems.push(`only ${this.killed} of ${this.#kills} kills hit a run`);
    }
    await this.#checkExitCode();
    await this.#program.checkLog(this.#trial.log, (problem) => this.#trial.problems.push(problem));
  }

  async #episode(): Promise<void> {
    this.episodes += 1;
    const attempts = 1 + Math.floor(this.#random() * 4);
    let code: number | null = null;
    for (let i = 0; i < attempts && code === null && this.killed < this.#kills; i++) {
      code = this.#random() < 0.1 ? await this.#interrupt() : await this.#attempt();
      if (this.#trial.problems.length > 0) return;
    }
    if (code === null) {
      const ended = await this.#end(this.#start("off"));
      if (ended.code !== 0) this.#complain("a run that was left alone", ended);
    }
    await this.#trial.conclude();
  }

  #start(limit: string, aim?: Aim) {
    const { source, destination, db, log } = this.#trial;
    const rescan = this.#random() < 0.1 ? ["--rescan"] : [];
    return this.#program.start([
      ...[source, destination, "--db", db, "--log", log, "--bwlimit", limit],
      ...["--delete-extras", ...this.#program.ifKnown("--max-delete", "100%"), ...rescan],
    ], {
      injection: aim && injectionFor(aim, { db, log, trace: this.#trace }),
    });
  }

  async #end(run: ReturnType<Program["start"]>): Promise<Ended> {
    return await run.endedWithin(TOO_LONG, (problem) => void this.#trial.problems.push(problem));
  }

  /** One run that is to be killed; its exit code when it ended before that, else null. */
  async #attempt(): Promise<number | null> {
    const aim = this.#aims.next();
    const limit = LIMITS[Math.floor(this.#random() * LIMITS.length)]!;
    const run = this.#start(limit, aim);
    const timer = aim.how === "time" ? setTimeout(() => run.signal("SIGKILL"), aim.after) : 0;
    const ended = await this.#end(run);
    clearTimeout(timer);
    const left = await this.#trial.inspect();
    this.#left = left.temporaries;
    const hit: Stage | null = ended.signal !== "SIGKILL"
      ? null
      : aim.how === "call"
      ? stageOfTrace(Deno.readTextFileSync(this.#trace), left.phase)
      : stageOfPhase(left.phase);
    this.#aims.learn(aim, hit);
    const what = `${showAim(aim)}, limit ${limit}`;
    if (hit === null) {
      console.log(`  ${what}: ended by itself, exit code ${ended.code}`);
      if (ended.code !== 0) this.#complain(`a run that was not killed (${what})`, ended);
      return ended.code;
    }
    this.killed += 1;
    this.#again.files = Math.max(this.#again.files, left.again.files);
    this.#again.bytes = Math.max(this.#again.bytes, left.again.bytes);
    console.log(
      `${this.killed}/${this.#kills} killed in ${hit} (${what}): ${left.synced} on record, ` +
        `${left.again.files} in flight, ${left.temporaries} temporaries`,
    );
    return null;
  }

  /** One run that is interrupted: it leaves nothing half done and says so with its exit code. */
  async #interrupt(): Promise<number | null> {
    const [signal, wanted] = this.#random() < 0.5
      ? ["SIGINT", 130] as const
      : ["SIGTERM", 143] as const;
    const after = 250 + Math.floor(this.#random() * 800);
    const run = this.#start("30M");
    const timer = setTimeout(() => run.signal(signal), after);
    const ended = await this.#end(run);
    clearTimeout(timer);
    const left = await this.#trial.inspect();
    const before = this.#left;
    this.#left = left.temporaries;
    const what = `${signal} after ${after} ms`;
    console.log(`  ${what}: exit code ${ended.code}, ${left.temporaries} temporaries`);
    if (ended.code === 0) return 0;
    this.interrupted += 1;
    // before it listens to signals, and after it has said how it ended, one ends it at once
    const atOnce = ended.signal === signal && (!ended.began || ended.outcome !== null);
    if (ended.code !== wanted && !atOnce) this.#complain(`${what}: not ${wanted}`, ended);
    // those of a killed run may be where the scan has not been yet
    if (ended.code === wanted && left.temporaries > before) {
      this.#trial.problems.push(`${what}: ${left.temporaries} temporaries, ${before} before it`);
    }
    return null;
  }

  /** A file that cannot be put in place makes the exit code 1, and is told. */
  async #checkExitCode(): Promise<void> {
    const { source, destination, db, log, problems } = this.#trial;
    if (problems.length > 0) return;
    Deno.mkdirSync(`${destination}/in the way/of`, { recursive: true });
    Deno.writeTextFileSync(`${source}/in the way`, "a file");
    const run = this.#program.start([source, destination, "--db", db, "--log", log]);
    const ended = await this.#end(run);
    if (ended.code !== 1) this.#complain("a run that cannot put one file in place", ended);
  }

  #complain(what: string, { code, signal, stderr }: Ended): void {
    this.#trial.problems.push(`${what}: exit code ${code ?? signal}: ${stderr}`);
  }

  summary(): string {
    const { hits } = this.#aims;
    const all = [...STAGES, "directories", "clean-up", "start", "end"] as const;
    const shares = all.map((stage) => `${stage} ${hits.get(stage) ?? 0}`).join(", ");
    return `${this.killed} kills in ${this.episodes} episodes (${shares}), ` +
      `${this.interrupted} interrupts; at most ${this.#again.files} files with ` +
      `${this.#again.bytes} bytes were in flight and sent twice`;
  }
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
  const program = await Program.find(values.binary);
  const traced = await canTrace();
  console.log(
    `seed ${seed}: ${kills} kills of ${program.name}, ` +
      (traced ? "with strace" : "by the clock only (no strace)"),
  );
  return await keepFolder(values.dir ?? defaultDirectory(), async (folder) => {
    const trial = await Trial.make(folder, seed);
    const test = new CrashTest(program, trial, { seed, kills, folder, canTrace: traced });
    await test.run();
    console.log(test.summary());
    const { problems } = trial;
    for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`);
    if (problems.length === 0) return true;
    console.log(`${problems.length} problems; again with --seed ${seed}; left in ${folder}`);
    return false;
  });
}

if (import.meta.main) await runScript("crash_test", main);
