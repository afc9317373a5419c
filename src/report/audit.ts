/**
 * The audit log: JSON lines, appended, one for each thing that was done or failed.
 *
 * Every record has `type`, `seq` (counts up over all runs of a database), `time` and `run`.
 *
 * - `start`: version, source, destination, resumed, options
 * - `scan`: what each side had; `finished` says whether it was completed
 * - `operation`: action, status (success, failure, skipped), reason, kind, source, destination,
 *   size, checksum and checksum_algorithm, mtime, atime, ctime (of the source), permissions,
 *   duration_ms, error
 * - `note`: something about the log or the run that a reader must know
 * - `end`: outcome, exit_code, reason, totals
 *
 * Exactly one record per operation, whatever is killed when: lines enter the database in the same
 * transaction as what they tell of, and from there the log. A run that finds lines in the database
 * that the log does not have, or a last line that was cut, completes the log first.
 */
import { SyncError, UsageError } from "../errors.ts";

/** The lines that the database keeps until they are known to be in the log. */
export interface Outbox {
  outbox(): { sequence: number; lines: string; written: boolean }[];
  putOutbox(sequence: number, lines: Uint8Array): void;
  outboxWritten(sequence: number): void;
}

/** A record without what the log itself adds. */
export type AuditRecord = { readonly type: string } & Readonly<Record<string, unknown>>;

const TAIL = 64 * 1024, NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** An open audit log. */
export class AuditLog implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #created: boolean;
  #outbox: Outbox | null = null;
  #run = 0;
  #sequence = 0;
  #lines: string[] = [];
  #broken = false;
  /** The sequence of the last line that is in the log, durably. */
  #written = 0;

  /**
   * Opens the log for appending, before anything else is touched.
   *
   * @throws UsageError when it cannot be opened or is not an audit log.
   */
  static open(path: string): AuditLog {
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
    const log = new AuditLog(file, path, created);
    if (!log.#isAuditLog()) {
      file.close();
      throw new UsageError(
        `${path} is not an audit log of sluice, and nothing is appended to it; name another ` +
          "file with --log",
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
    this.#file.close();
  }

  /** Closes the log, and removes it if this process made it and wrote nothing. */
  abandon(): void {
    const empty = this.#file.statSync().size === 0;
    this.#file.close();
    if (empty && this.#created) Deno.removeSync(this.#path);
  }

  /**
   * Binds the log to a run's database and completes what an earlier run left undone.
   * Call outside a transaction.
   */
  attach(outbox: Outbox, run: number): void {
    this.#outbox = outbox;
    this.#run = run;
    const kept = outbox.outbox();
    this.#sequence = kept.at(-1)?.sequence ?? 0;
    const lines = kept.flatMap(({ lines, written }) =>
      lines.split("\n").filter((line) => line !== "").map((line) => ({ line, written }))
    );
    const tail = this.#tail();
    const end = tail.lastIndexOf(NEWLINE) + 1;
    const cut = tail.subarray(end);
    const whole = new TextDecoder().decode(tail.subarray(0, end)).split("\n").at(-2);
    const lastWhole = whole === undefined ? -1 : lines.findLastIndex(({ line }) => line === whole);
    if (cut.length === 0) {
      // nothing was cut; what the database has beyond the last line is missing
      const missing = lines.filter(({ written }, i) => i > lastWhole && !written);
      this.#append(missing.map(({ line }) => `${line}\n`).join(""));
    } else {
      const at = lines.findIndex(({ line }, i) => i > lastWhole && beginsWith(line, cut));
      if (at < 0) this.#append("\n");
      else {
        this.#append(encoder.encode(lines[at]!.line).subarray(cut.length));
        this.#append("\n" + lines.slice(at + 1).map(({ line }) => `${line}\n`).join(""));
      }
      this.add({
        type: "note",
        message: at < 0
          ? "the line before this one was cut by a crash and could not be completed"
          : "the line that a crash had cut was completed",
      });
    }
    this.#file.syncDataSync();
    outbox.outboxWritten(kept.at(-1)?.sequence ?? 0);
  }

  /** Adds a record; it is kept with the next {@link stage}. */
  add(record: AuditRecord): void {
    const { type, ...fields } = record;
    this.addFields(type, JSON.stringify(fields).slice(1, -1));
  }

  /** Adds a record whose fields are JSON already, without braces. */
  addFields(type: string, fields: string): void {
    this.#sequence += 1;
    const time = new Date().toISOString();
    const comma = fields === "" ? "" : ",";
    this.#lines.push(
      `{"type":"${type}","seq":${this.#sequence},"time":"${time}","run":${this.#run}` +
        `${comma}${fields}}`,
    );
  }

  /** Puts the records added so far into the database: inside the transaction of what they tell. */
  stage(): Uint8Array {
    if (this.#lines.length === 0) return NOTHING;
    const bytes = encoder.encode(this.#lines.join("\n") + "\n");
    this.#lines = [];
    if (this.#written > 0) this.#outbox!.outboxWritten(this.#written);
    this.#outbox!.putOutbox(this.#sequence, bytes);
    return bytes;
  }

  /** Appends staged records to the log, after their transaction. */
  write(staged: Uint8Array): void {
    // after a failed write, which may have cut a line, the next run completes the log
    if (staged.length === 0 || this.#broken) return;
    try {
      this.#append(staged);
      this.#file.syncDataSync();
    } catch (error) {
      this.#broken = true;
      const why = error instanceof Error ? error.message : String(error);
      throw new SyncError("ELOG", `cannot write the audit log ${this.#path}: ${why}`, {
        scope: "run",
        cause: error,
      });
    }
    // told to the database with the next group, which saves a transaction for each
    this.#written = this.#sequence;
  }

  /** Tells the database that all is in the log; nothing more will be written. */
  finish(): void {
    if (this.#written > 0) this.#outbox!.outboxWritten(this.#written);
  }

  #append(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }

  #isAuditLog(): boolean {
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const head = new Uint8Array(64);
    const length = this.#file.readSync(head) ?? 0;
    const start = '{"type":"';
    return start.startsWith(new TextDecoder().decode(head.subarray(0, Math.min(length, 9))));
  }

  /** The end of the log: at least the last line, where it is not longer than any of ours. */
  #tail(): Uint8Array {
    const size = this.#file.statSync().size;
    const from = Math.max(0, size - TAIL);
    this.#file.seekSync(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - from);
    let filled = 0;
    while (filled < bytes.length) {
      const length = this.#file.readSync(bytes.subarray(filled));
      if (length === null) break;
      filled += length;
    }
    return bytes.subarray(0, filled);
  }
}

function beginsWith(line: string, cut: Uint8Array): boolean {
  const bytes = encoder.encode(line);
  return cut.length <= bytes.length && cut.every((byte, i) => byte === bytes[i]);
}
