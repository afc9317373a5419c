/** The program that is put to the proof: the binary, or the sources, and under strace. */
import { fileURLToPath } from "node:url";
import { WorkbenchError } from "../workbench.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A run that has ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: Deno.Signal | null;
  readonly stderr: string;
  /** The last phase that a progress line told, "" when there was none. */
  readonly phase: string;
  /** Whether it told anything at all: before that it has touched nothing. */
  readonly began: boolean;
  /** What the summary, its last line, says; null when there was none. */
  readonly outcome: string | null;
}

/** How the system calls of a run are tampered with: see `--inject` in strace(1). */
export interface Injection {
  /** Names of calls, separated by commas. */
  readonly calls: string;
  /** What is done at which call: `signal=SIGKILL:when=7`, `error=EIO:when=3`. */
  readonly what: string;
  /** Only calls that are about this file. */
  readonly path?: string;
  /** Where strace writes what it saw. */
  readonly trace: string;
}

/** A way to start sluice. */
export class Program {
  readonly name: string;
  readonly #command: readonly [string, ...string[]];
  #help: string;

  private constructor(command: readonly [string, ...string[]], help: string) {
    this.#command = command;
    this.#help = help;
    this.name = command.join(" ");
  }

  /**
   * The binary at `path` as a copy in `folder`, so that it may be replaced while runs are under way:
   * see {@link renew}.
   */
  static async copied(path: string, folder: string): Promise<Program> {
    const copy = `${folder}/sluice`;
    await Deno.copyFile(path, copy);
    const program = await Program.find(copy);
    program.#original = { path, version: versionOf(path) };
    return program;
  }

  /** Where {@link copied} took it from, and what that was. */
  #original: { readonly path: string; version: string } | null = null;

  /** Takes another copy if the binary was replaced; resolves with whether it was. */
  async renew(): Promise<boolean> {
    if (this.#original === null) return false;
    const { path, version } = this.#original;
    const now = versionOf(path);
    if (now === version) return false;
    const copy = this.#command[0];
    await Deno.copyFile(path, `${copy}.new`);
    await Deno.rename(`${copy}.new`, copy);
    this.#original.version = now;
    this.#help = await helpOf(this.#command);
    return true;
  }

  /** The binary at `path`; without one, what `deno task compile` made, or else the sources. */
  static async find(path: string | undefined): Promise<Program> {
    const compiled = path ?? `${ROOT}dist/sluice`;
    let command: [string, ...string[]] = [compiled];
    try {
      command = [await Deno.realPath(compiled)];
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      if (path !== undefined) throw new WorkbenchError(`there is no ${path}`);
      command = [Deno.execPath(), "run", "-A", "--quiet", `${ROOT}main.ts`];
    }
    return new Program(command, await helpOf(command));
  }

  /** Arguments, if this sluice knows the option that they begin with; otherwise none. */
  ifKnown(...args: readonly [string, ...string[]]): readonly string[] {
    return new RegExp(`(^|[ ,])${args[0]}[ ,=]`, "m").test(this.#help) ? args : [];
  }

  /** Has `sluice audit` check a log, if this sluice can. */
  async checkLog(path: string, complain: (problem: string) => void): Promise<void> {
    if (!this.hasCommand("audit")) return;
    const { code, stderr } = await this.run(["audit", path]);
    if (code !== 0) complain(`sluice audit finds fault: ${stderr || "nothing"}`);
  }

  /** Whether there is such a command. */
  hasCommand(name: string): boolean {
    return new RegExp(`Commands:[^\\n]*\\b${name}\\b`).test(this.#help);
  }

  /** Runs a command to its end. */
  async run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const [program, ...first] = this.#command;
    const { code, stdout, stderr } = await new Deno.Command(program, { args: [...first, ...args] })
      .output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** Starts a run that tells its progress as JSON. */
  start(args: readonly string[], { injection }: { injection?: Injection } = {}): RunningProgram {
    const command = [...this.#command, ...args, "--progress", "json"];
    if (injection !== undefined) command.unshift(...straceOf(injection));
    const env = Object.fromEntries(
      // the sources need their cache
      ["HOME", "DENO_DIR", "PATH", "XDG_CACHE_HOME"].flatMap((name) => {
        const value = Deno.env.get(name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
    const child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      clearEnv: true,
      env: this.#command.length === 1 ? {} : env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new RunningProgram(child, injection !== undefined);
  }
}

/** A run under way. */
export class RunningProgram {
  readonly #child: Deno.ChildProcess;
  readonly #traced: boolean;
  /** What it was sent. */
  readonly signals = new Set<Deno.Signal>();
  readonly ended: Promise<Ended>;
  /** Resolves when it has told something, or has ended: however long it takes to start. */
  readonly begun: Promise<void>;
  readonly #begin: () => void;
  #phase = "";
  #outcome: string | null = null;
  #over = false;

  constructor(child: Deno.ChildProcess, traced: boolean) {
    this.#child = child;
    this.#traced = traced;
    ({ promise: this.begun, resolve: this.#begin } = Promise.withResolvers<void>());
    this.ended = this.#end().finally(this.#begin);
  }

  /** The last phase that a progress line told. */
  get phase(): string {
    return this.#phase;
  }

  get over(): boolean {
    return this.#over;
  }

  /** How it ended. After so many seconds it is killed, and that is a complaint. */
  async endedWithin(seconds: number, complain: (problem: string) => void): Promise<Ended> {
    // they are counted, so that those in which everything on the machine stood still are not
    let passed = 0;
    const timer = setInterval(() => {
      if (++passed !== seconds) return;
      complain(`a run was still going on after ${seconds} s`);
      this.signal("SIGKILL");
    }, 1000);
    try {
      return await this.ended;
    } finally {
      clearInterval(timer);
    }
  }

  /** Sends a signal to sluice itself, also when strace stands between; before it is there, nobody. */
  signal(signal: Deno.Signal): void {
    if (this.#over) return;
    try {
      for (const pid of this.#processes()) {
        this.signals.add(signal);
        Deno.kill(pid, signal);
      }
    } catch (error) {
      // it may have ended at this moment
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
    }
  }

  /**
   * Stops it, and resolves when every thread of it stands still; with false when it has ended, or does
   * not stand still within some seconds. Either way it goes on only when it is sent SIGCONT.
   */
  async hold(): Promise<boolean> {
    this.signal("SIGSTOP");
    // a thread that is traced stands still for each call: only for good when it does not run in between
    let before: string | null = null;
    for (let left = 200; left > 0 && !this.#over; left--) {
      await new Promise((resolve) => setTimeout(resolve, this.#traced ? 100 : 20));
      const now = stillness(this.#processes());
      if (now !== null && now === before) return !this.#over;
      before = now;
    }
    return false;
  }

  /** Of sluice itself: strace tries out in children of its own what it can do. */
  #processes(): number[] {
    if (!this.#traced) return [this.#child.pid];
    return childrenOf(this.#child.pid).filter((pid) => nameOf(pid) !== "strace");
  }

  async #end(): Promise<Ended> {
    const err = new Response(this.#child.stderr).text();
    let rest = "", began = false;
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      began = true;
      this.#begin();
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        this.#phase = /"phase":"(\w+)"/.exec(line)?.[1] ?? this.#phase;
        this.#outcome = /^{"type":"summary",.*?"outcome":"([^"]+)"/.exec(line)?.[1] ??
          this.#outcome;
      }
    }
    const { code, signal } = await this.#child.status;
    this.#over = true;
    return {
      code: signal === null ? code : null,
      signal,
      stderr: (await err).trim(),
      phase: this.#phase,
      began,
      outcome: this.#outcome,
    };
  }
}

/** All options, explained; of an old one that cannot do that, what `--help` says. */
async function helpOf(command: readonly [string, ...string[]]): Promise<string> {
  for (const flag of ["--help-all", "--help"]) {
    const { success, stdout } = await new Deno.Command(command[0], {
      args: [...command.slice(1), flag],
    }).output();
    if (success) return new TextDecoder().decode(stdout);
  }
  throw new WorkbenchError(`${command.join(" ")} --help fails`);
}

/** What changes when a file is replaced or written anew. */
function versionOf(path: string): string {
  const { ino, size, mtime } = Deno.statSync(path);
  return [ino, size, mtime?.getTime()].join(" ");
}

function childrenOf(pid: number): number[] {
  return (readProc(`${pid}/task/${pid}/children`) ?? "").trim().split(" ")
    .filter((child) => child !== "").map(Number);
}

/** The name of a process; null when there is none any more. */
function nameOf(pid: number): string | null {
  return readProc(`${pid}/comm`)?.trim() ?? null;
}

/**
 * How often each thread of these processes has given up its processor, as text; null while one of
 * them is not stopped, or there is none.
 */
function stillness(pids: readonly number[]): string | null {
  const threads: string[] = [];
  for (const pid of pids) {
    for (const thread of threadsOf(pid)) {
      const status = readProc(`${pid}/task/${thread}/status`) ?? "";
      // one that is a zombie, or gone, does nothing any more
      if (status === "" || /^State:\t[ZX]/m.test(status)) continue;
      if (!/^State:\t[Tt]/m.test(status)) return null;
      threads.push([thread, ...status.match(/(?<=_ctxt_switches:\t)\d+/g) ?? []].join(" "));
    }
  }
  return threads.length === 0 ? null : threads.sort().join("\n");
}

function threadsOf(pid: number): string[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** A file below `/proc`; null when what it is of has ended. */
function readProc(path: string): string | null {
  try {
    return Deno.readTextFileSync(`/proc/${path}`);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  // ESRCH, when it ends between the opening and the reading
  return error instanceof Deno.errors.NotFound ||
    error instanceof Error && "code" in error && error.code === "ESRCH";
}

/** Not with --seccomp-bpf: strace 6.1 then miscounts `when`. */
function straceOf({ calls, what, path, trace }: Injection): string[] {
  return [
    ...["strace", "-f", "-qq", "-y", "-s", "300", "-o", trace],
    ...["-e", `trace=${calls}`, "-e", `inject=${calls}:${what}`],
    ...(path === undefined ? [] : ["-P", path]),
  ];
}

/** Whether strace is there and may trace. */
export async function canTrace(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("strace", {
      args: ["-f", "-o", "/dev/null", "true"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
