/**
 * Audit records as bytes, made where the work is done. Those of copied small files are most of all, and
 * those of one parcel differ in little: what they have in common is written once, and the rest is put
 * into its place, so that no text is made for a file.
 */
import type { Outcome } from "../job.ts";
import { grown } from "../lib/grown.ts";
import { actionFor } from "../operation.ts";
import { type Parcel, PROGRESS, STAMP } from "../parcel.ts";
import {
  auditPath,
  operationRecords,
  type RecordContext,
  StampFields,
} from "./operation_record.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, FIRST_PRINTED = 0x20, LAST_PRINTED = 0x7e, ZERO = 0x30;
/** Bytes that a character of a name takes at most: a control character in JSON. */
const WIDEST = 6;
const SIZE = `","size":`, CHECKSUM = `,"checksum":"`;
/** Digits of the largest size. */
const DIGITS = 16;
/** Characters of a time up to its seconds, and digits of what follows the point. */
const SECONDS = 19, NANOS = 9;
/** Milliseconds since the epoch between which a year has four digits. */
const YEAR_0 = -62_167_219_200_000, YEAR_10000 = 253_402_300_800_000;
/** The times of a record, where a stamp of a parcel has them, and where it has the mode. */
const TIMES = ["mtime", "atime", "ctime"] as const, STAMP_TIMES = [0, 4, 2] as const, MODE = 8;

const encoder = new TextEncoder();

/** Gathers records: of each, the fields that `operationRecords` tells of, on a line that is ended. */
export class CopiedRecords {
  readonly #context: RecordContext;
  readonly #record: (outcome: Outcome) => string;
  readonly #ending: Ending;
  #bytes = new Uint8Array(64 * 1024);
  #length = 0;

  /** @param context its roots must be plain text */
  constructor(context: RecordContext) {
    this.#context = context;
    this.#record = operationRecords(context);
    this.#ending = new Ending(context.algorithm);
  }

  /** Adds the record of an outcome. */
  add(outcome: Outcome): void {
    const line = `${this.#record(outcome)}\n`;
    this.#makeRoom(3 * line.length);
    this.#length += encoder.encodeInto(line, this.#bytes.subarray(this.#length)).written;
  }

  /** Adds the records of the files of a parcel that are `committed`. */
  addParcel(parcel: Parcel): void {
    const { job, files, progress } = parcel, { source, destination } = this.#context;
    const { reason } = files[0]!;
    const head = encoder.encode(
      `"action":"${actionFor(reason)}","status":"success","reason":"${reason}",` +
        `"kind":"file","source":${inside(source, job.path)}`,
    );
    const middle = encoder.encode(`","destination":${inside(destination, job.path)}`);
    this.#ending.begin(parcel.duration);
    for (let i = 0; i < files.length; i++) {
      if (progress[i] !== PROGRESS.committed) continue;
      const { name, size } = files[i]!, ending = this.#ending.of(parcel, i);
      const names = 2 * WIDEST * name.length;
      this.#makeRoom(head.length + middle.length + names + SIZE.length + DIGITS + ending.length);
      this.#put(head);
      const from = this.#length;
      this.#putName(name);
      const to = this.#length;
      this.#put(middle);
      this.#bytes.copyWithin(this.#length, from, to);
      this.#length += to - from;
      this.#putAscii(SIZE);
      this.#putAscii(String(size));
      this.#put(ending);
    }
  }

  /** The records added so far, UTF-8, in memory of their own. */
  take(): Uint8Array<ArrayBuffer> {
    const records = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return records;
  }

  #makeRoom(bytes: number): void {
    const most = this.#length + bytes;
    if (most > this.#bytes.length) this.#bytes = grown(this.#bytes, 2 * most);
  }

  #put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #putAscii(text: string): void {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  /** A name as JSON has it between the quotes. */
  #putName(name: string): void {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i);
      if (
        code < FIRST_PRINTED || code > LAST_PRINTED || code === QUOTE || code === BACKSLASH
      ) {
        const text = JSON.stringify(name).slice(1, -1);
        this.#length += encoder.encodeInto(text, bytes.subarray(this.#length)).written;
        return;
      }
      bytes[at++] = code;
    }
    this.#length = at;
  }
}

/** The beginning of the JSON string of a path in a directory. */
function inside(root: string, directory: string): string {
  return JSON.stringify(auditPath(root, directory).replace(/\/?$/, "/")).slice(0, -1);
}

/** What follows the size of a file in its record. */
class Ending {
  readonly #algorithm: string;
  readonly #stamps = new StampFields();
  #duration = NaN;
  /** The last one, which the next is made from. */
  #bytes = new Uint8Array(0);
  /** What it was made for. */
  readonly #owner = { mode: NaN, uid: NaN, gid: NaN };
  #digits = 0;
  /** Of each of {@link TIMES}, where it is and the seconds that are in it. */
  readonly #places: [number, number, number] = [0, 0, 0];
  readonly #seconds: [number, number, number] = [0, 0, 0];

  constructor(algorithm: string) {
    this.#algorithm = algorithm;
  }

  /** What comes is of files that took so many milliseconds each. */
  begin(duration: number): void {
    this.#duration = duration;
    this.#digits = 0;
  }

  /** That of one file. It is to be used before the next is asked for. */
  of(parcel: Parcel, index: number): Uint8Array {
    const { stamps } = parcel, at = index * STAMP, hash = parcel.hashes[index]!;
    const mode = stamps[at + MODE]!, uid = stamps[at + MODE + 1]!, gid = stamps[at + MODE + 2]!;
    const { mode: knownMode, uid: knownUid, gid: knownGid } = this.#owner;
    if (
      hash.length !== this.#digits || mode !== knownMode || uid !== knownUid || gid !== knownGid
    ) this.#make(parcel, index);
    const bytes = this.#bytes;
    for (let i = 0; i < hash.length; i++) bytes[CHECKSUM.length + i] = hash.charCodeAt(i);
    for (let time = 0; time < TIMES.length; time++) {
      const from = at + STAMP_TIMES[time]!;
      if (!this.#putTime(time, stamps[from]!, stamps[from + 1]!)) {
        return encoder.encode(this.#text(hash, this.#stamps.of(parcel.stamp(index))));
      }
    }
    return bytes;
  }

  /** One that others can be made from. */
  #make(parcel: Parcel, index: number): void {
    const hash = parcel.hashes[index]!, { mode, uid, gid } = parcel.stamp(index);
    const zero = { mtime: 0, mtimeNanos: 0, atime: 0, atimeNanos: 0, ctime: 0, ctimeNanos: 0 };
    const stamp = { ...zero, mode, uid, gid, birthtime: null, birthtimeNanos: 0 };
    const text = this.#text(hash, this.#stamps.of(stamp));
    this.#bytes = encoder.encode(text);
    TIMES.forEach((name, time) => {
      const before = `"${name}":"`;
      this.#places[time] = text.indexOf(before) + before.length;
    });
    Object.assign(this.#owner, { mode, uid, gid });
    this.#digits = hash.length;
    this.#seconds.fill(0);
  }

  #text(hash: string, stamp: string): string {
    return `${CHECKSUM}${hash}","checksum_algorithm":"${this.#algorithm}",${stamp},` +
      `"duration_ms":${Math.round(this.#duration * 1000) / 1000},"error":null\n`;
  }

  /** False when it does not have the usual length, beyond the year 9999. */
  #putTime(time: number, seconds: number, nanos: number): boolean {
    const bytes = this.#bytes, from = this.#places[time]!;
    if (seconds !== this.#seconds[time]) {
      const milliseconds = seconds * 1000;
      if (!(milliseconds >= YEAR_0 && milliseconds < YEAR_10000)) return false;
      const text = new Date(milliseconds).toISOString();
      for (let i = 0; i < SECONDS; i++) bytes[from + i] = text.charCodeAt(i);
      this.#seconds[time] = seconds;
    }
    let left = nanos;
    for (let at = from + SECONDS + NANOS; at > from + SECONDS; at--) {
      const rest = (left / 10) | 0;
      bytes[at] = ZERO + left - 10 * rest;
      left = rest;
    }
    return true;
  }
}
