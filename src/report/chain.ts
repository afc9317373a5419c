/**
 * The chain of an audit log: each record has the hash of the record before it, and a check of its own.
 *
 * A record is a line `{"type":...,"seq":...,"time":...,"run":...,"prev":"P",...,"check":"C"}`. Its
 * hash is the SHA-256 of its bytes up to `,"check"`; C is the first 16 hexadecimal digits of that, P
 * all 64 digits of the hash of the line before, or {@link GENESIS} in the first line of a file. A
 * line of before there was a chain has neither, and its hash is that of all its bytes. A line that a
 * crash cut for good is no record; its hash is that of the hash before it followed by its bytes, so
 * that nothing before it can be taken away either.
 *
 * So nothing can be changed, removed, inserted or moved without breaking the chain there, but for
 * the end of the log: what tells of a missing end is the database, or a run without an end record.
 */
import { createHash } from "node:crypto";
import { grown } from "../lib/grown.ts";
import { NEWLINE } from "../lib/line_splitter.ts";
import { LinkedSha256, OWN_DIGITS } from "../lib/sha256/linked.ts";

/** What the first record of a file has for the hash of the record before. */
export const GENESIS = "0".repeat(64);

const COMMA = 0x2c;
const NOTHING = new Uint8Array(0);
const CHECK_DIGITS = OWN_DIGITS;
const encoder = new TextEncoder(), decoder = new TextDecoder();
const CHECK = encoder.encode(',"check":"');
/** `,"check":"C"}` */
const ENDING = CHECK.length + CHECK_DIGITS + 2;
/** The end of a line without its check. */
const UNCHECKED = encoder.encode(`,"check":"${" ".repeat(CHECK_DIGITS)}"}\n`);
/** Records that are linked at a time, and from how many on it is worth to load what does it. */
const LINKS = 256, MANY = 16;
const BEGINNING = /^(\{"type":"[^"]+","seq":\d+,"time":"[^"]*","run":\d+),"prev":"([0-9a-f]{64})"/;
const BEGINNING_BEFORE_CHAINS =
  /^\{"type":"[^"]+","seq":\d+,"time":"[^"]*","run":\d+(?=[,}])(?!,"prev")/;
/** No record begins with more bytes than these: what comes before the hash has a bound. */
const LONGEST_BEGINNING = 256;

/** What the chain says about one line. */
export type Link =
  /** A record of the chain; `intact` when its check agrees with its bytes. */
  | { readonly type: "record"; readonly prev: string; readonly hash: string; intact: boolean }
  /** A record of a version that had no chain. */
  | { readonly type: "old"; readonly hash: string }
  /** Anything else. */
  | { readonly type: "fragment" };

/** Looks at a line, without its newline. */
export function linkOf(line: Uint8Array): Link {
  const beginning = decoder.decode(line.subarray(0, LONGEST_BEGINNING));
  const body = line.length - ENDING;
  const ended = body > 0 && CHECK.every((byte, i) => line[body + i] === byte);
  const chained = BEGINNING.exec(beginning);
  if (ended && chained !== null) {
    const hash = sha256(line.subarray(0, body));
    const ending = decoder.decode(line.subarray(body + CHECK.length));
    const intact = ending === `${hash.slice(0, CHECK_DIGITS)}"}`;
    return { type: "record", prev: chained[2]!, hash, intact };
  }
  // what has lost its beginning or its check is no old record but a damaged one
  if (ended || !BEGINNING_BEFORE_CHAINS.test(beginning)) return { type: "fragment" };
  return isObject(line) ? { type: "old", hash: sha256(line) } : { type: "fragment" };
}

/** The hash that the next record has in `prev`, after a line that follows one with hash `head`. */
export function headAfter(head: string, line: Uint8Array, link = linkOf(line)): string {
  if (link.type !== "fragment") return link.hash;
  return createHash("sha256").update(head).update(line).digest("hex");
}

/** The same record with another record before it. */
export function relink(line: string, prev: string): string {
  const bytes = encoder.encode(line);
  if (linkOf(bytes).type === "record") {
    const from = BEGINNING.exec(line)![1]!.length + ',"prev":"'.length;
    const body = decoder.decode(bytes.subarray(0, bytes.length - ENDING));
    return sealed(body.slice(0, from) + prev + body.slice(from + prev.length));
  }
  const beginning = BEGINNING_BEFORE_CHAINS.exec(line)?.[0] ?? "{";
  const rest = line.slice(beginning.length, -1);
  return sealed(`${beginning}${beginning === "{" ? "" : ","}"prev":"${prev}"${rest}`);
}

function sealed(body: string): string {
  return body + checkOf(sha256(encoder.encode(body)));
}

/** How the record with a hash ends. */
export function checkOf(hash: string): string {
  return `,"check":"${hash.slice(0, CHECK_DIGITS)}"}`;
}

/** What records that are added together have in common. */
export interface Beginning {
  readonly type: string;
  /** ISO 8601. */
  readonly time: string;
  readonly run: number;
}

let linkedOfThread: LinkedSha256 | null | undefined;

/** Made once for this thread; null where it is not possible. */
function ofThread(): LinkedSha256 | null {
  if (linkedOfThread === undefined) linkedOfThread = LinkedSha256.ifPossible(LINKS) ?? null;
  return linkedOfThread;
}

/** Where a record lies: from, to, the hash of the one before, its own check. */
const PLACES = 4;

/**
 * Makes lines that follow each other. There is a record for every file, so hardly anything is made
 * anew for one: its parts are written where they belong, and then all are linked.
 */
export class ChainEncoder {
  #bytes = new Uint8Array(64 * 1024);
  #length = 0;
  #head: string;
  /** {@link Beginning} in two parts; the number of the record comes between them. */
  #before = NOTHING;
  /** With room for the hash of the record before. */
  #after = NOTHING;
  #of: Beginning = { type: "", time: "", run: NaN };
  /** {@link PLACES} of each record that is not linked yet. */
  #places = new Int32Array(PLACES * LINKS);

  readonly #linked: () => LinkedSha256 | null;

  /**
   * @param head the hash of the record before the first one
   * @param linked gives what links many records; null: there is nothing
   */
  constructor(head: string, linked: () => LinkedSha256 | null = ofThread) {
    this.#head = head;
    this.#linked = linked;
  }

  /** The hash of the last record. */
  get head(): string {
    return this.#head;
  }

  /** Bytes of the lines added so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds records with numbers above `sequence`: the fields of each, JSON without braces, on a line that
   * is ended; `count` lines. Returns the number of the last.
   *
   * @throws RangeError when there are more or fewer lines; then none was added
   */
  add(beginning: Beginning, sequence: number, lines: Uint8Array, count: number): number {
    const most = lines.length + count * (LONGEST_BEGINNING + ENDING);
    this.#begin(beginning, most + lines.length);
    if (PLACES * count > this.#places.length) this.#places = new Int32Array(2 * PLACES * count);
    const places = this.#places;
    // behind all that will be written: from there each moves to its place
    const bytes = this.#bytes, start = this.#length + most, end = start + lines.length;
    bytes.set(lines, start);
    let from = start, length = this.#length;
    for (let i = 0; i < count; i++) {
      const to = bytes.indexOf(NEWLINE, from);
      if (to < 0 || to >= end) throw new RangeError(`there are not ${count} lines`);
      let at = this.#putHead(length, ++sequence);
      const place = PLACES * i;
      places[place] = length;
      places[place + 2] = at - 1 - GENESIS.length;
      if (to > from) bytes[at++] = COMMA;
      bytes.copyWithin(at, from, to);
      at += to - from;
      bytes.set(UNCHECKED, at);
      places[place + 1] = at;
      places[place + 3] = at + CHECK.length;
      length = at + UNCHECKED.length;
      from = to + 1;
    }
    if (from !== end) throw new RangeError(`there are not ${count} lines`);
    this.#link(count);
    this.#length = length;
    return sequence;
  }

  /** The lines added so far. They are to be used before the next is added. */
  take(): Uint8Array<ArrayBuffer> {
    const lines = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return lines;
  }

  /** Makes room for so many bytes. */
  #begin({ type, time, run }: Beginning, room: number): void {
    const known = this.#of;
    if (type !== known.type || time !== known.time || run !== known.run) {
      this.#before = encoder.encode(`{"type":"${type}","seq":`);
      this.#after = encoder.encode(`,"time":"${time}","run":${run},"prev":"${GENESIS}"`);
      this.#of = { type, time, run };
    }
    const most = this.#length + this.#before.length + this.#after.length + room + ENDING + 1;
    if (most > this.#bytes.length) this.#bytes = grown(this.#bytes, 2 * most);
  }

  /** What comes before the fields, from `at` on; returns where they belong. */
  #putHead(at: number, sequence: number): number {
    const bytes = this.#bytes;
    bytes.set(this.#before, at);
    at += this.#before.length;
    const digits = String(sequence);
    for (let i = 0; i < digits.length; i++) bytes[at++] = digits.charCodeAt(i);
    bytes.set(this.#after, at);
    return at + this.#after.length;
  }

  /** Puts into each record the hash of the one before, and its own check. */
  #link(count: number): void {
    const linked = count < MANY ? null : this.#linked();
    const bytes = this.#bytes, places = this.#places;
    for (let i = 0; i < PLACES * count; i += PLACES) {
      const from = places[i]!, to = places[i + 1]!, before = places[i + 2]!, check = places[i + 3]!;
      if (linked !== null) {
        if (linked.add(bytes, from, to, before, check) === LINKS) {
          this.#head = linked.link(this.#head);
        }
      } else {
        putText(bytes, before, this.#head, GENESIS.length);
        this.#head = sha256(bytes.subarray(from, to));
        putText(bytes, check, this.#head, CHECK_DIGITS);
      }
    }
    if (linked !== null) this.#head = linked.link(this.#head);
  }
}

/** The first `count` characters of a text, byte by byte: they are ASCII, and a call would cost more. */
function putText(bytes: Uint8Array, at: number, text: string, count: number): void {
  for (let i = 0; i < count; i++) bytes[at + i] = text.charCodeAt(i);
}

/** The end of a log. */
export interface Tail {
  /** The last line that has an end, undefined in a log without any. */
  readonly last: Uint8Array | undefined;
  /** What follows it: a line without an end. */
  readonly cut: Uint8Array;
  /** What the next record has in `prev`, were it not for the cut line. */
  readonly head: string;
}

/** Reads the end of a log from its last bytes; `whole` says that they are all that there are. */
export function tailOf(bytes: Uint8Array, { whole }: { whole: boolean }): Tail {
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  const lines: Uint8Array[] = [];
  for (let from = 0; from < end;) {
    const to = bytes.indexOf(NEWLINE, from);
    lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  // the first of them may have lost its beginning
  if (!whole) lines.shift();
  // a fragment is hashed on top of what came before it, back to the last line that is none
  const links: Link[] = [];
  let from = lines.length;
  while (from > 0 && (links[0]?.type ?? "fragment") === "fragment") {
    links.unshift(linkOf(lines[--from]!));
  }
  const head = links.reduce((head, link, i) => headAfter(head, lines[from + i]!, link), GENESIS);
  return { last: lines.at(-1), cut: bytes.subarray(end), head };
}

/** Whether a line is JSON, so that a cut one is not taken for a record. */
function isObject(line: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(decoder.decode(line));
    return typeof value === "object" && value !== null;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
