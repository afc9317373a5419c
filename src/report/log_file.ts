/** The file of an audit log: opened for one process, appended to, and read again from its end. */
import { SyncError, UsageError } from "../errors.ts";
import { lock, release } from "../lib/file_lock.ts";
import { LineSplitter } from "../lib/line_splitter.ts";
import { type Tail, tailOf } from "./chain.ts";

/** Bytes at the end of a log that are looked at: more than two of our longest lines. */
const TAIL = 512 * 1024;
/** Bytes of the longest line that is looked at as one; no record is nearly as long. */
export const LONGEST_LINE = 1024 * 1024;
const encoder = new TextEncoder();

/** An open log. Where a method cannot do what it is for, it throws the SyncError that ends the run. */
export class LogFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #created: boolean;
  #broken = false;
  /** Bytes that it has at least, and whether it has a name: some file systems do not count these. */
  #known = { size: 0, named: false };

  /**
   * Opens the log for appending, before anything else is touched.
   *
   * @throws UsageError when it cannot be opened, is not an audit log, or another process has it.
   */
  static open(path: string): LogFile {
    let file: Deno.FsFile;
    let created = true;
    try {
      try {
        file = Deno.openSync(path, { read: true, append: true, createNew: true });
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
        file = Deno.openSync(path, { read: true, append: true });
        created = false;
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new UsageError(`cannot open the audit log ${path}: ${why}; name another with --log`, {
        cause: error,
      });
    }
    const log = new LogFile(file, path, created);
    if (!log.#isAuditLog()) {
      file.close();
      throw new UsageError(
        `${path} is not an audit log of sluice, and nothing is appended to it; name another ` +
          "file with --log",
      );
    }
    if (!lock(file)) {
      file.close();
      throw new UsageError(
        `the audit log ${path} is in use by another process, and the records of two cannot follow ` +
          "each other in one file; wait for it, or name another with --log",
      );
    }
    return log;
  }

  private constructor(file: Deno.FsFile, path: string, created: boolean) {
    this.#file = file;
    this.#path = path;
    this.#created = created;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #close(): void {
    release(this.#file);
    this.#file.close();
  }

  /**
   * Closes the log, and removes it if this process made it and wrote nothing. Why it is abandoned is
   * what must be told: an empty log that cannot be removed stays, and serves the next run.
   */
  abandon(): void {
    this.#close();
    if (!this.#created || this.#known.size > 0) return;
    try {
      Deno.removeSync(this.#path);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }

  /** Something has failed, which may have cut a line: nothing more may be appended. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Appends to the log, unless it was removed or cut. */
  append(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    this.#try("write", (file) => {
      const { size, nlink } = file.statSync();
      const known = this.#known;
      if (nlink === 0 && known.named) throw new Error("it was removed while it was in use");
      if (size < known.size) throw new Error("it was cut while it was in use");
      this.#known = { size: size + bytes.length, named: nlink !== 0 };
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    });
  }

  /** Makes what was appended durable. */
  sync(): void {
    this.#try("write", (file) => file.syncDataSync());
  }

  /** Uses the file; when that fails, nothing more is written, and the run has to stop. */
  #try<T>(what: "read" | "write", body: (file: Deno.FsFile) => T): T {
    try {
      return body(this.#file);
    } catch (error) {
      this.#broken = true;
      const why = error instanceof Error ? error.message : String(error);
      throw new SyncError("ELOG", `cannot ${what} the audit log ${this.#path}: ${why}`, {
        scope: "run",
        cause: error,
      });
    }
  }

  #isAuditLog(): boolean {
    return this.#try("read", (file) => {
      file.seekSync(0, Deno.SeekMode.Start);
      const head = new Uint8Array(64);
      const length = file.readSync(head) ?? 0;
      const start = '{"type":"';
      return start.startsWith(new TextDecoder().decode(head.subarray(0, Math.min(length, 9))));
    });
  }

  /** The end of the log: at least the last line, where it is not longer than any of ours. */
  tail(): Tail {
    return this.#try("read", (file) => {
      const { size } = file.statSync();
      const from = Math.max(0, size - TAIL);
      file.seekSync(from, Deno.SeekMode.Start);
      const bytes = new Uint8Array(size - from);
      let filled = 0;
      while (filled < bytes.length) {
        const length = file.readSync(bytes.subarray(filled));
        if (length === null) break;
        filled += length;
      }
      return tailOf(bytes.subarray(0, filled), { whole: from === 0 });
    });
  }

  /** Looks at every line, each valid until the next. */
  eachLine(see: (line: Uint8Array) => void): void {
    const splitter = new LineSplitter(LONGEST_LINE);
    const chunk = new Uint8Array(LONGEST_LINE);
    this.#try("read", (file) => {
      file.seekSync(0, Deno.SeekMode.Start);
      for (let length; (length = file.readSync(chunk)) !== null;) {
        for (const line of splitter.push(chunk.subarray(0, length))) see(line);
      }
    });
  }
}
