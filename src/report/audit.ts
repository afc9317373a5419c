/**
 * The audit log: JSON lines, appended, one for each thing that was done or failed.
 *
 * Every record has `type`, `seq` (counts up over all runs of a database), `time`, `run`, and `prev`
 * and `check`, which chain it to the record before (`chain.ts`).
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
 *
 * The chain is that of the file. Lines that did not get into the log that they were made for (it was
 * moved away, another database has appended since) are chained anew before they are appended. One
 * process at a time appends: the system's lock on the file sees to it, where it has one.
 */
import { ChainEncoder, checkOf, GENESIS, headAfter, linkOf, relink, type Tail } from "./chain.ts";
import { LogFile } from "./log_file.ts";

/** The lines that the database keeps until they are known to be in the log. */
export interface Outbox {
  rows(): { sequence: number; lines: string; written: boolean }[];
  put(rows: readonly NewOutboxRow[]): void;
  /** Puts other lines in the place of those up to `sequence`. */
  replace(sequence: number, lines: Uint8Array): void;
  written(sequence: number): void;
}

/** Lines for the outbox, up to the one with the number `sequence`. */
export interface NewOutboxRow {
  readonly sequence: number;
  readonly lines: Uint8Array;
}

/**
 * Bytes of a row of the outbox, about: what SQLite is given it copies twice, and for a megabyte it
 * takes fresh memory each time (a third of all page faults of 100,000 small files).
 */
const ROW = 32 * 1024;

/** A record without what the log itself adds. */
export type AuditRecord = { readonly type: string } & Readonly<Record<string, unknown>>;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder(), decoder = new TextDecoder();

/** Records that are to be staged, see {@link AuditLog.addLines}. */
interface AddedRecords {
  readonly type: string;
  readonly time: string;
  readonly lines: Uint8Array;
  readonly count: number;
}

/** A line of the outbox, with the row that it is in. */
interface KeptLine {
  text: string;
  readonly row: number;
  readonly written: boolean;
}

/** An open audit log. */
export class AuditLog implements Disposable {
  readonly #file: LogFile;
  #outbox: Outbox | null = null;
  #run = 0;
  /** Of the last record that the database has. */
  #sequence = 0;
  #chain = new ChainEncoder(GENESIS);
  /** What is to be staged: records of one type, the fields of each on a line that is ended. */
  #records: AddedRecords[] = [];
  /** What is in the database once the transaction that staged it is through. */
  #staged: { sequence: number; head: string } | null = null;
  #head: string = GENESIS;
  /** A moment in ms since the epoch, and its text. */
  #shown = { at: NaN, text: "" };
  /** The sequence of the last line that is in the log, durably. */
  #written = 0;

  /**
   * Opens the log for appending, before anything else is touched.
   *
   * @throws UsageError when it cannot be opened, is not an audit log, or another process has it.
   */
  static open(path: string): AuditLog {
    return new AuditLog(LogFile.open(path));
  }

  private constructor(file: LogFile) {
    this.#file = file;
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /** Closes the log, and removes it if this process made it and wrote nothing. */
  abandon(): void {
    this.#file.abandon();
  }

  /**
   * Binds the log to a run's database and completes what an earlier run left undone.
   * Call outside a transaction. Returns what is wrong with the log, for a person; mostly null.
   *
   * @param database path of the database, as the records of starts have it
   */
  attach(outbox: Outbox, run: number, database: string): string | null {
    this.#outbox = outbox;
    this.#run = run;
    const kept = outbox.rows();
    this.#sequence = kept.at(-1)?.sequence ?? 0;
    const lines = kept.flatMap(({ sequence, lines, written }) =>
      lines.split("\n").filter((line) => line !== "").map((text) => ({
        text,
        row: sequence,
        written,
      }))
    );
    const tail = this.#file.tail();
    const isNew = tail.last === undefined && tail.cut.length === 0;
    this.#head = tail.head;
    const next = this.#completeCut(lines, tail);
    const expected = headBeforeUnwritten(lines);
    const { missing, isCut } = next > 0
      ? { missing: lines.slice(next), isCut: false }
      : isNew || tail.head === expected
      ? { missing: lines.filter(({ written }) => !written), isCut: false }
      : this.#search(lines, expected, database);
    // so that the chain shows where records are missing
    if (isCut) this.#head = expected;
    this.#chainAnew(outbox, lines, missing);
    this.#file.append(missing.map(({ text }) => `${text}\n`).join(""));
    this.#file.sync();
    outbox.written(this.#sequence);
    if (isNew && lines.length > missing.length) {
      const { text } = lines[lines.length - missing.length - 1]!;
      this.add({
        type: "note",
        message: "this log is a new file: the records before are in another one",
        follows: headAfter(GENESIS, encoder.encode(text)),
      });
    }
    if (!isCut) return null;
    this.add({ type: "note", message: CUT });
    return CUT;
  }

  /**
   * Ends a last line that was cut: with the rest of it, or, where the database does not have it, with
   * a newline. Returns the index of the first line that is not known to be in the log.
   */
  #completeCut(lines: readonly KeptLine[], { last, cut }: Tail): number {
    const whole = last === undefined ? undefined : decoder.decode(last);
    const next = whole === undefined ? 0 : lines.findLastIndex(({ text }) => text === whole) + 1;
    if (cut.length === 0) return next;
    const at = lines.findIndex(({ text }, i) =>
      i >= next && beginsWith(text, cut) && follows(text, this.#head)
    );
    if (at < 0) {
      // where nothing but the newline was missing, it is a record now
      this.#file.append("\n");
      this.#head = headAfter(this.#head, cut);
    } else {
      const line = encoder.encode(lines[at]!.text);
      this.#file.append(line.subarray(cut.length));
      this.#file.append("\n");
      this.#head = headAfter(this.#head, line);
    }
    this.add({
      type: "note",
      message: at < 0
        ? "a line was cut by a crash and could not be completed"
        : "the line that a crash had cut was completed",
    });
    return at < 0 ? next : at + 1;
  }

  /**
   * Looks through a log that ends with no line of this database: others may have appended since, it
   * may have been another's all the time, or its end was cut off.
   */
  #search(
    lines: readonly KeptLine[],
    expected: string,
    database: string,
  ): { missing: KeptLine[]; isCut: boolean } {
    if (lines.length === 0) return { missing: [], isCut: false };
    const missing = new Map(
      lines.flatMap((line) => line.written ? [] : [[line.text, line] as const]),
    );
    const ending = checkOf(expected);
    let isWhole = expected === GENESIS, isOurs = false;
    this.#file.eachLine((bytes) => {
      const line = decoder.decode(bytes);
      missing.delete(line);
      isWhole ||= line.endsWith(ending);
      isOurs ||= isStartOf(line, database);
    });
    return { missing: [...missing.values()], isCut: isOurs && !isWhole };
  }

  /** Chains `missing` to the end of the log, first in the database, so that a crash finds them so. */
  #chainAnew(outbox: Outbox, lines: readonly KeptLine[], missing: readonly KeptLine[]): void {
    const changed = new Set<number>();
    for (const line of missing) {
      if (!follows(line.text, this.#head)) {
        line.text = relink(line.text, this.#head);
        changed.add(line.row);
      }
      this.#head = headAfter(this.#head, encoder.encode(line.text));
    }
    for (const row of changed) {
      const texts = lines.filter((line) => line.row === row).map(({ text }) => `${text}\n`);
      outbox.replace(row, encoder.encode(texts.join("")));
    }
  }

  /** Adds a record; it is kept with the next {@link stage}. */
  add(record: AuditRecord): void {
    const { type, ...fields } = record;
    this.addFields(type, JSON.stringify(fields).slice(1, -1));
  }

  /** Adds a record whose fields are JSON already, without braces. */
  addFields(type: string, fields: string): void {
    this.addLines(type, encoder.encode(`${fields}\n`), 1);
  }

  /**
   * Adds `count` records of one type: the fields of each, JSON without braces, on a line that is ended.
   * The bytes are read when they are staged.
   */
  addLines(type: string, lines: Uint8Array, count: number): void {
    this.#records.push({ type, time: this.#time(), lines, count });
  }

  /** The time of day. What is told of together has the same millisecond mostly: that is shown once. */
  #time(): string {
    const now = Date.now();
    if (now !== this.#shown.at) this.#shown = { at: now, text: new Date(now).toISOString() };
    return this.#shown.text;
  }

  /**
   * Puts the records added so far into the database: inside the transaction of what they tell. They
   * get their place in the chain here, and keep it only if {@link write} follows: the records of a
   * transaction that failed are not missed by the next. The bytes are to be used before the next are
   * staged.
   */
  stage(): Uint8Array {
    this.#staged = null;
    if (this.#records.length === 0) return NOTHING;
    if (this.#chain.head !== this.#head) this.#chain = new ChainEncoder(this.#head);
    let sequence = this.#sequence;
    const ends: { readonly sequence: number; readonly to: number }[] = [];
    let from = 0;
    for (const { type, time, lines, count } of this.#records) {
      sequence = this.#chain.add({ type, time, run: this.#run }, sequence, lines, count);
      const to = this.#chain.length;
      if (to - from < ROW) continue;
      ends.push({ sequence, to });
      from = to;
    }
    const bytes = this.#chain.take();
    if (from < bytes.length) ends.push({ sequence, to: bytes.length });
    this.#records = [];
    this.#staged = { sequence, head: this.#chain.head };
    if (this.#written > 0) this.#outbox!.written(this.#written);
    from = 0;
    this.#outbox!.put(
      ends.map(({ sequence, to }) => ({ sequence, lines: bytes.subarray(from, from = to) })),
    );
    return bytes;
  }

  /** Appends staged records to the log, after their transaction. */
  write(staged: Uint8Array): void {
    if (this.#staged !== null) {
      this.#sequence = this.#staged.sequence;
      this.#head = this.#staged.head;
      this.#staged = null;
    }
    // after a failed write, which may have cut a line, the next run completes the log
    if (staged.length === 0 || this.#file.broken) return;
    this.#file.append(staged);
    this.#file.sync();
    // told to the database with the next group, which saves a transaction for each
    this.#written = this.#sequence;
  }

  /** Tells the database that all is in the log; nothing more will be written. */
  finish(): void {
    if (this.#written > 0) this.#outbox!.written(this.#written);
  }
}

const CUT =
  "the audit log does not have the records that were written last: its end was cut off, or it is an " +
  "older copy; its chain is broken here";

/** The hash of the last record that the log must have, before lines that it may not have. */
function headBeforeUnwritten(lines: readonly KeptLine[]): string {
  const last = lines.findLast(({ written }) => written);
  if (last !== undefined) return headAfter(GENESIS, encoder.encode(last.text));
  const first = lines.length === 0 ? null : linkOf(encoder.encode(lines[0]!.text));
  return first?.type === "record" ? first.prev : GENESIS;
}

/** Whether a line is the record of the start of a run of this database. */
function isStartOf(line: string, database: string): boolean {
  if (!line.startsWith('{"type":"start"')) return false;
  try {
    return JSON.parse(line).options?.db === database;
  } catch (error) {
    // no record: whoever checks the log says so
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function beginsWith(line: string, cut: Uint8Array): boolean {
  const bytes = encoder.encode(line);
  return cut.length <= bytes.length && cut.every((byte, i) => byte === bytes[i]);
}

/** Whether a line can stand after the record with hash `head`; those of old versions always can. */
function follows(line: string, head: string): boolean {
  const link = linkOf(encoder.encode(line));
  return link.type === "old" || (link.type === "record" && link.prev === head);
}
