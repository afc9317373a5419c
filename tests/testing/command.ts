/** The command as a user runs it: `deno run -A main.ts`, in a process of its own. */
import assert from "node:assert/strict";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command to its end. */
export async function sluice(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
) {
  await using running = start(args, options);
  return await running.ended;
}

/** A command that is under way; killed when disposed of before its end. */
export interface Running extends AsyncDisposable {
  readonly ended: Promise<Ended>;
  /** Resolves when what was printed so far matches; rejects when it ends before. */
  printed(pattern: RegExp): Promise<void>;
  kill(signal: Deno.Signal): void;
}

/** Starts the command, or another program of ours; `ignoring` a signal, as with nohup. */
export function start(
  args: readonly string[],
  { cwd, main = MAIN, ignoring, env }: {
    cwd?: string;
    main?: string;
    ignoring?: "HUP";
    env?: Record<string, string>;
  } = {},
): Running {
  const words = [Deno.execPath(), "run", "-A", "--quiet", main, ...args];
  if (ignoring !== undefined) words.unshift("sh", "-c", `trap "" ${ignoring}; exec "$@"`, "sh");
  const child = new Deno.Command(words[0]!, {
    args: words.slice(1),
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // a task that runs the tests says where it was typed; whoever types this command is elsewhere
    env: { NO_COLOR: "1", ...cwd !== undefined && { INIT_CWD: cwd }, ...env },
  }).spawn();
  let stdout = "";
  let over = false;
  let waiting: (() => void)[] = [];
  const wake = () => {
    const all = waiting;
    waiting = [];
    all.forEach((resolve) => resolve());
  };
  const out = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      stdout += text;
      wake();
    }
  })();
  const err = new Response(child.stderr).text();
  const ended = (async () => {
    const [{ code }, stderr] = await Promise.all([child.status, err, out]);
    over = true;
    wake();
    return { code, stdout, stderr };
  })();
  return {
    ended,
    async printed(pattern) {
      while (!pattern.test(stdout)) {
        if (over) assert.fail(`it ended before it printed ${pattern}:\n${stdout}${await err}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (!over) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** JSON lines; every line must parse. */
export function parseLines(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
