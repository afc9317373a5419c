/**
 * Cuts the power of the destination's disk in the middle of runs, and looks at what is on it when it
 * is mounted again: xfs on a loop device, shut down without flushing its journal.
 *
 * Whatever is at a final name must be whole, and so must be every row that says `synced`. In every
 * other round the database and the log are on the disk that loses its power; otherwise they survive.
 * Every fourth round cuts the power right after a run has ended with exit code 0: nothing of it may
 * be lost. Then a run goes to its end, and the trees must be identical.
 *
 * Needs root, loop devices and xfsprogs; where they are missing it says so and ends with exit code 0.
 *
 * Usage: `deno run -A scripts/power_loss.ts [--rounds N] [--seed N] [--binary PATH] [--dir PATH]`
 */
import { parseArgs } from "node:util";
import { Disk } from "./proof/disk.ts";
import { type Ended, Program, type RunningProgram } from "./proof/program.ts";
import { Trial } from "./proof/trial.ts";
import { see } from "./proof/tree.ts";
import { randomNumbers } from "./random_numbers.ts";
import { defaultDirectory, keepFolder, positive, runScript } from "./workbench.ts";

const LIMITS = ["off", "60M", "30M", "15M"] as const;
/** A run that takes longer than this hangs (s). */
const TOO_LONG = 300;

class PowerLoss {
  readonly #program: Program;
  readonly #trial: Trial;
  readonly #disk: Disk;
  readonly #random: () => number;

  constructor(program: Program, parts: { trial: Trial; disk: Disk; random: () => number }) {
    this.#program = program;
    this.#trial = parts.trial;
    this.#disk = parts.disk;
    this.#random = parts.random;
  }

  /** What happened in one round, in a sentence. */
  async round(number: number): Promise<string> {
    await this.#disk.flush();
    const after = number % 4 === 3;
    const said = after ? await this.#afterTheEnd() : await this.#inTheMiddle();
    if (this.#trial.problems.length === 0 && !after) await this.#complete();
    if (this.#trial.problems.length === 0) await this.#trial.change();
    return said;
  }

  #start(limit: string, ...more: string[]) {
    const { source, destination, db, log } = this.#trial;
    return this.#program.start([
      ...[source, destination, "--db", db, "--log", log, "--bwlimit", limit],
      ...["--delete-extras", ...this.#program.ifKnown("--max-delete", "100%")],
      ...[...this.#program.ifKnown("--wait-for-mount", "1s"), ...more],
    ]);
  }

  async #end(run: RunningProgram): Promise<Ended> {
    return await run.endedWithin(TOO_LONG, (problem) => void this.#trial.problems.push(problem));
  }

  async #inTheMiddle(): Promise<string> {
    const limit = LIMITS[Math.floor(this.#random() * LIMITS.length)]!;
    const run = this.#start(limit);
    const delay = 20 + Math.floor(this.#random() * (limit === "off" ? 280 : 750));
    const journal = this.#random() < 0.3;
    const killed = this.#random() < 0.5;
    await run.begun;
    await new Promise((resolve) => setTimeout(resolve, delay));
    await this.#disk.cutPower({ journal });
    if (killed) run.signal("SIGKILL");
    const ended = await this.#end(run);
    await this.#disk.powerUp();
    const left = await this.#trial.inspect({ powerLost: true });
    return `after ${delay} ms (limit ${limit}${journal ? ", journal flushed" : ""}): ` +
      `${killed ? "killed" : `exit code ${ended.code}`}, in ${left.phase}, ` +
      `${left.synced} on record, ${left.temporaries} temporaries`;
  }

  async #complete(): Promise<void> {
    let ended = await this.#end(this.#start("off"));
    // a run that was not killed may have seen listings fail, which only another scan can mend
    if (ended.code === 1) ended = await this.#end(this.#start("off", "--rescan"));
    if (ended.code !== 0) this.#complain("a run after the power came back", ended);
    else await this.#trial.conclude({ powerLost: true });
  }

  /** Exit code 0 says that everything is in sync: also after a loss of power. */
  async #afterTheEnd(): Promise<string> {
    const ended = await this.#end(this.#start("off"));
    await this.#disk.cutPower({ journal: false });
    await this.#disk.powerUp();
    if (ended.code !== 0) this.#complain("a run before the power was cut", ended);
    else await this.#trial.conclude({ powerLost: true });
    return "after a run had ended";
  }

  #complain(what: string, { code, signal, stderr }: Ended): void {
    this.#trial.problems.push(`${what}: exit code ${code ?? signal}: ${stderr}`);
  }
}

/** Rounds in one place of the database. Resolves with what is wrong. */
async function cut(
  folder: string,
  options: { program: Program; seed: number; rounds: number; shared: boolean },
): Promise<string[]> {
  const { program, seed, rounds, shared } = options;
  Deno.mkdirSync(folder);
  await using disk = await Disk.make(folder);
  const destination = `${disk.mount}/destination`;
  const trial = await Trial.make(folder, seed, {
    destination,
    state: shared ? disk.mount : folder,
  });
  const test = new PowerLoss(program, { trial, disk, random: randomNumbers(seed + 9) });
  for (let round = 0; round < rounds && trial.problems.length === 0; round++) {
    const where = shared ? "the database is lost with it" : "the database survives";
    console.log(`${round + 1}/${rounds} (${where}) ${await test.round(round)}`);
  }
  if (trial.problems.length > 0) {
    const { tree } = await see(destination);
    console.log(`${tree.size} names are at the destination`);
    // the disk itself goes with the loop device; its image stays in the folder
    await disk.flush();
  }
  return trial.problems;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" },
      seed: { type: "string" },
      binary: { type: "string" },
      dir: { type: "string" },
    },
  });
  const rounds = Math.ceil(positive("--rounds", values.rounds, 20));
  const seed = Math.floor(positive("--seed", values.seed, Date.now() % 1_000_000));
  const program = await Program.find(values.binary);
  return await keepFolder(values.dir ?? defaultDirectory(), async (folder) => {
    Deno.mkdirSync(`${folder}/try`);
    try {
      await using _disk = await Disk.make(`${folder}/try`);
    } catch (error) {
      console.log(`SKIPPED power loss on xfs: ${(error as Error).message}`);
      return true;
    }
    Deno.removeSync(`${folder}/try`, { recursive: true });
    console.log(`seed ${seed}: ${rounds} losses of power under ${program.name}`);
    for (const shared of [false, true]) {
      const part = shared ? Math.floor(rounds / 2) : Math.ceil(rounds / 2);
      const options = { program, seed, rounds: part, shared };
      const problems = await cut(`${folder}/${shared ? "shared" : "apart"}`, options);
      for (const problem of problems.slice(0, 20)) console.log(`FAILED ${problem}`);
      if (problems.length > 0) {
        console.log(`${problems.length} problems; again with --seed ${seed}; left in ${folder}`);
        return false;
      }
    }
    console.log(`${rounds} losses of power: no row that says synced of a file that is not whole`);
    return true;
  });
}

if (import.meta.main) await runScript("power_loss", main);
