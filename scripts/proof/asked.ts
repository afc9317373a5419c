/** What `sluice ctl` asks of a run under way, as a fault of a soak: at random, at any moment. */
import type { Program, RunningProgram } from "./program.ts";

/** A run, and whom to ask. */
export interface Asking {
  readonly program: Program;
  readonly database: string;
  readonly random: () => number;
  readonly complain: (problem: string) => void;
}

/**
 * Asks for one thing. Resolves with what it was, or with null when this sluice cannot be asked.
 *
 * A run that has ended meanwhile, or has not begun, may refuse; whatever else fails is a complaint.
 */
export async function ask(run: RunningProgram, asking: Asking): Promise<string | null> {
  const { program, random } = asking;
  if (!program.hasCommand("ctl")) return null;
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const request = random() < 0.1 ? ["stop"] : oneOf([
    ["status"],
    ["limit", oneOf(["off", "2M", "30M", "1M:5M", "off:3M"])],
    ["lanes", oneOf(["1", "3", "16", "60", "auto"])],
    ["pause"],
  ]);
  const time = random() * 1500, resumes = random() < 0.7;
  await say(request, asking);
  if (request[0] !== "pause") return request.join(" ");
  await pause(time);
  // a run that is paused ends as well, when it is told to
  if (!resumes) run.signal("SIGINT");
  // whoever heard no answer may have been heard
  else while (!run.over && await say(["resume"], asking) !== 0) await pause(100);
  return resumes ? "pause, resume" : "pause, SIGINT";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function say(request: readonly string[], asking: Asking): Promise<number> {
  const { program, database, complain } = asking;
  const { code, stdout, stderr } = await program.run(["ctl", "--db", database, ...request]);
  const known = code === 0 ? stdout !== "" : code === 3 && stderr.split("\n").length === 1;
  if (!known) complain(`ctl ${request.join(" ")} ended with exit code ${code}: ${stderr}`);
  return code;
}
