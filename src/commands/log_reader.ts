/** An audit log, read from its beginning in constant memory: a file, or what a pipe brings. */
import { UsageError } from "../errors.ts";
import { abortable } from "../lib/abortable.ts";
import { LineSplitter } from "../lib/line_splitter.ts";
import { turn } from "../lib/turn.ts";
import { showPath } from "../name.ts";
import { LONGEST_LINE } from "../report/log_file.ts";

/** Bytes read at a time. */
const CHUNK = 1024 * 1024;

/** A log that is being read. */
export class LogReader implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #splitter = new LineSplitter(LONGEST_LINE);
  #bytes = 0;

  private constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** @throws {UsageError} for what cannot be opened, or would be waited for */
  static async open(path: string): Promise<LogReader> {
    try {
      if (await isNamedPipe(path)) {
        throw new Error("it is a named pipe; give the log itself, or /dev/stdin");
      }
      return new LogReader(await Deno.open(path), path);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** Bytes read so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The lines, those of a chunk at a time, without newlines; a line is valid until the next one.
   *
   * @throws {UsageError} when the log cannot be read; the reason of the signal, also while a pipe
   * that brings nothing is waited for
   */
  async *lines(signal: AbortSignal): AsyncGenerator<Iterable<Uint8Array>> {
    const chunk = new Uint8Array(CHUNK);
    for (;;) {
      await turn(signal);
      const length = await abortable(() => this.#read(chunk), signal);
      if (length === null) return;
      this.#bytes += length;
      yield this.#splitter.push(chunk.subarray(0, length));
    }
  }

  /** What came after the last newline. */
  rest(): Uint8Array {
    return this.#splitter.rest();
  }

  async #read(chunk: Uint8Array<ArrayBuffer>): Promise<number | null> {
    try {
      return await this.#file.read(chunk);
    } catch (error) {
      throw unreadable(this.#path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * Whether opening the path waits for somebody who writes, in a call that hears no signal. The pipe of
 * a shell (`/dev/stdin`, `<(zcat log.gz)`) has no name in any directory, and is opened at once.
 */
async function isNamedPipe(path: string): Promise<boolean> {
  if (!(await Deno.stat(path)).isFifo) return false;
  try {
    await Deno.realPath(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function unreadable(path: string, cause: unknown): UsageError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UsageError(`cannot read the audit log ${showPath(path)}: ${why}`, { cause });
}
