/** The check of an audit log: its lines go in one by one, what is wrong and the totals come out. */
import { GENESIS, headAfter, type Link, linkOf } from "./chain.ts";

/** A place where the chain is broken. */
export interface Break {
  /** From 1. */
  readonly line: number;
  /** The number of the record; null where the line is none. */
  readonly sequence: number | null;
  readonly what: string;
}

/** Operations of one action that ended in the same way. */
export interface OperationTotal {
  readonly action: string;
  readonly status: string;
  records: number;
  bytes: number;
}

/** What the lines so far amount to. */
export interface AuditTotals {
  /** Lines with an end. */
  lines: number;
  records: number;
  /** Records of versions that had no chain, at the beginning. */
  old: number;
  /** Lines that a crash had cut, which the chain accounts for. */
  cut: number;
  runs: number;
  /** Runs with neither an end record nor a run after them count in {@link open} instead. */
  unended: number;
  /** The run that has no end record yet, at the end of the log. */
  open: number | null;
  firstTime: string | null;
  lastTime: string | null;
  readonly operations: Map<string, OperationTotal>;
}

const decoder = new TextDecoder();

/** Checks a log, line by line, in constant memory. */
export class AuditCheck {
  readonly totals: AuditTotals = {
    lines: 0,
    records: 0,
    old: 0,
    cut: 0,
    runs: 0,
    unended: 0,
    open: null,
    firstTime: null,
    lastTime: null,
    operations: new Map(),
  };
  /** The first place where the chain is broken; null while there is none. */
  first: Break | null = null;
  /** How many such places there are. */
  breaks = 0;
  /** The hash of the last record; null after a break, where any record may follow. */
  #head: string | null = GENESIS;
  /** A line that is no record, until the record after it says that a crash had cut it. */
  #fragment: { line: number; head: string | null } | null = null;
  #chained = false;
  #previous: number | null = null;
  readonly #seen: (hash: string) => void;

  /** @param seen is told the hash of every record */
  constructor(seen: (hash: string) => void = () => {}) {
    this.#seen = seen;
  }

  /** The next line, without its newline. */
  line(bytes: Uint8Array): void {
    this.totals.lines += 1;
    const link = linkOf(bytes);
    if (link.type === "fragment") return this.#noRecord(bytes);
    const record = this.#read(bytes);
    if (link.type === "old") this.#checkOld(link, record);
    else this.#checkRecord(link, record);
    this.#seen(link.hash);
    this.#previous = record?.sequence ?? null;
    if (record !== null) this.#count(record);
  }

  /**
   * The end of the log. `rest` is what follows the last newline: the beginning of a line that is
   * being written or was cut. True when there is such a beginning.
   */
  end(rest: Uint8Array): boolean {
    if (this.#fragment !== null) this.#break(this.#fragment.line, null, NO_RECORD);
    this.#fragment = null;
    if (rest.length === 0) return false;
    const start = '{"type":"';
    const whole = decoder.decode(rest);
    const begins = start.startsWith(whole.slice(0, start.length)) || whole.startsWith(start);
    // a line is cut at its end: what goes on after a whole record was never written so
    const line = this.totals.lines + 1;
    if (!begins || linkOf(rest.subarray(0, -1)).type === "record") {
      this.#break(line, null, NO_RECORD);
      return false;
    }
    const link = linkOf(rest);
    if (link.type === "record" && !link.intact) this.#break(line, null, CHANGED);
    return true;
  }

  #noRecord(bytes: Uint8Array): void {
    if (this.#fragment !== null) this.#break(this.#fragment.line, null, NO_RECORD);
    const head = this.#head === null ? null : headAfter(this.#head, bytes, { type: "fragment" });
    this.#fragment = { line: this.totals.lines, head };
  }

  #checkOld({ hash }: Extract<Link, { type: "old" }>, record: Read | null): void {
    const { lines } = this.totals;
    // a version without a chain cannot say that a line before was cut, and cannot come after one
    if (this.#fragment !== null) this.#break(this.#fragment.line, null, NO_RECORD);
    this.#fragment = null;
    if (this.#chained) this.#break(lines, record?.sequence ?? null, "the record has no hash");
    this.totals.old += 1;
    this.#head = hash;
  }

  #checkRecord(link: Extract<Link, { type: "record" }>, record: Read | null): void {
    const { lines } = this.totals;
    const sequence = record?.sequence ?? null;
    const fragment = this.#fragment;
    this.#fragment = null;
    const expected = fragment === null ? this.#head : fragment.head;
    const follows = expected === null || link.prev === expected;
    if (fragment !== null) {
      if (follows) this.totals.cut += 1;
      else this.#break(fragment.line, null, NO_RECORD);
    } else if (!link.intact || record === null) this.#break(lines, sequence, CHANGED);
    else if (!follows) this.#break(lines, sequence, this.#misplaced(link, sequence));
    if (fragment !== null && !link.intact) this.#break(lines, sequence, CHANGED);
    this.#chained = true;
    // what a changed record was like is not known, so any record may follow it
    this.#head = link.intact ? link.hash : null;
  }

  #misplaced({ prev }: { prev: string }, sequence: number | null): string {
    if (this.totals.lines === 1) {
      return "the log does not begin here: records before it are missing";
    }
    if (prev === GENESIS) return "a log begins here, but there are records before it";
    const numbers = sequence === null || this.#previous === null
      ? ""
      : ` (${sequence} follows ${this.#previous})`;
    return `it is not the record that follows here${numbers}: one was removed, added or moved`;
  }

  #break(line: number, sequence: number | null, what: string): void {
    this.breaks += 1;
    this.first ??= { line, sequence, what };
    this.#head = null;
  }

  #read(bytes: Uint8Array): Read | null {
    try {
      const { seq, ...fields } = JSON.parse(decoder.decode(bytes));
      return { sequence: typeof seq === "number" ? seq : null, fields };
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }

  #count({ fields }: Read): void {
    const { totals } = this;
    totals.records += 1;
    if (typeof fields.time === "string") {
      totals.firstTime ??= fields.time;
      totals.lastTime = fields.time;
    }
    if (fields.type === "start") {
      if (totals.open !== null) totals.unended += 1;
      totals.runs += 1;
      totals.open = Number(fields.run);
    } else if (fields.type === "end") totals.open = null;
    else if (fields.type === "operation") {
      const action = String(fields.action), status = String(fields.status);
      const key = `${action} ${status}`;
      let total = totals.operations.get(key);
      if (total === undefined) {
        // nobody's log has more kinds of operations than this; a forged one takes no memory
        if (totals.operations.size >= 1000) return;
        total = { action, status, records: 0, bytes: 0 };
        totals.operations.set(key, total);
      }
      total.records += 1;
      if (typeof fields.size === "number") total.bytes += fields.size;
    }
  }
}

const NO_RECORD = "the line is not a record";
const CHANGED = "the record was changed after it was written";

interface Read {
  readonly sequence: number | null;
  readonly fields: Readonly<Record<string, unknown>>;
}
