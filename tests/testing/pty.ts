/** A command on a terminal of its own, as `script` makes one. */

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Whether this system can do it. */
export const hasPty = Deno.build.os === "linux" && isThere("script") && isThere("stty");

function isThere(program: string): boolean {
  return new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
    .outputSync().success;
}

/** sluice on a terminal; `before` and `after` it, the terminal's settings are printed. */
export class OnTerminal implements AsyncDisposable {
  /** All that came onto the terminal so far. */
  screen = "";
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #wake: () => void = () => {};
  #over = false;

  constructor(args: readonly string[]) {
    const quoted = ["run", "-A", "--quiet", MAIN, ...args]
      .map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
    const command = `trap : INT; stty rows 30 cols 100; stty -g; ${Deno.execPath()} ${quoted}; ` +
      `echo "code $?"; stty -g`;
    this.#process = new Deno.Command("script", {
      args: ["-qefc", command, "/dev/null"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      env: { TERM: "xterm", SHELL: "/bin/sh" },
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reading = this.#read();
  }

  async press(keys: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(keys));
  }

  /** Resolves when what came onto the terminal matches. */
  async shown(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.screen);
      if (match !== null) return match;
      if (this.#over) throw new Error(`ended without ${pattern}:\n${this.screen}`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Closes the terminal, as when its window is: the kernel sends SIGHUP, some of them twice. */
  hangUp(): void {
    this.#process.kill("SIGKILL");
  }

  /** Forgets what came so far. */
  forget(): void {
    this.screen = "";
  }

  /** Waits for the end: the exit code, and the terminal's settings before and after. */
  async end(): Promise<{ code: number; before: string; after: string }> {
    const [, code, after] = await this.shown(/code (\d+)\r?\n([0-9a-f:]+)\r?\n/);
    await this[Symbol.asyncDispose]();
    return { code: Number(code), before: this.settings, after: after! };
  }

  /** The settings that the terminal had first. */
  settings = "";

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.screen += text;
      this.settings ||= /^([0-9a-f:]{20,})\r?\n/m.exec(this.screen)?.[1] ?? "";
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) {
      try {
        this.#process.kill("SIGTERM");
      } catch (error) {
        // it has ended by itself
        if (!(error instanceof Error)) throw error;
      }
    }
    await this.#writer.close().catch(() => {});
    await Promise.all([this.#reading, this.#process.status]);
  }
}
