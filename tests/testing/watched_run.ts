/** The program as a process of its own whose JSON lines a test waits for. */
import { join } from "node:path";

/** One JSON line. */
export type Line = Readonly<Record<string, unknown>> & { readonly type: string };

const MAIN = join(import.meta.dirname!, "../../main.ts");

/** A run that goes on in the background. */
export class WatchedRun {
  readonly lines: Line[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  readonly #stderr: Promise<string>;
  #wake: () => void = () => {};
  #ended = false;

  /** @param command makes the process: of a mount namespace, or of this one */
  constructor(
    command: (name: string, args: readonly string[]) => Deno.Command,
    args: readonly string[],
  ) {
    this.#process = command(Deno.execPath(), ["run", "-A", MAIN, "--progress", "json", ...args])
      .spawn();
    this.#reading = this.#read();
    this.#stderr = new Response(this.#process.stderr).text();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The first line for which `fits` is true, of those that came and those to come. */
  async line(fits: (line: Line) => boolean): Promise<Line> {
    for (let at = 0;; at++) {
      while (at >= this.lines.length) {
        if (this.#ended) throw new Error(`ended without that line:\n${await this.#said()}`);
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      if (fits(this.lines[at]!)) return this.lines[at]!;
    }
  }

  /** The note whose message matches. */
  async note(pattern: RegExp): Promise<string> {
    const line = await this.line(({ type, message }) =>
      type === "note" && pattern.test(String(message))
    );
    return String(line.message);
  }

  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Waits for the end; everything it said. */
  async end(): Promise<{ code: number; stderr: string }> {
    await this.#reading;
    const { code } = await this.#process.status;
    return { code, stderr: await this.#stderr };
  }

  async #said(): Promise<string> {
    const lines = this.lines.filter(({ type }) => type !== "progress");
    return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n${await this.#stderr}`;
  }

  async #read(): Promise<void> {
    let rest = "";
    const text = this.#process.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of text) {
      const lines = (rest + part).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.lines.push(JSON.parse(line));
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }
}
