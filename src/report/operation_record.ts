/** The audit record of an operation, put together piece by piece: there is one for every file. */
import type { Outcome } from "../job.ts";
import { showPath } from "../name.ts";
import type { Removal } from "../removal.ts";
import type { Stamp } from "../stamp.ts";

/** A time as ISO 8601 with nine decimals: `2026-11-20T14:02:03.123456789Z`. */
export type IsoTime = (seconds: number, nanos: number) => string;

/** Makes an {@link IsoTime} that remembers the last second: files in a row are often of one age. */
export function isoTimes(): IsoTime {
  let known = NaN, text = "";
  return (seconds, nanos) => {
    if (seconds !== known) {
      const milliseconds = seconds * 1000;
      // beyond what a Date can hold, the number itself is the truth
      if (!(Math.abs(milliseconds) <= 8.64e15)) return `${seconds}.${pad(nanos)}`;
      text = new Date(milliseconds).toISOString().slice(0, -5);
      known = seconds;
    }
    return `${text}.${pad(nanos)}Z`;
  };
}

/** One time, in nanoseconds since the epoch, as {@link IsoTime} writes it. */
export function isoTime(nanoseconds: bigint): string {
  const second = 1_000_000_000n;
  // the fraction counts from the second before, also before the epoch
  const nanos = ((nanoseconds % second) + second) % second;
  return isoTimes()(Number((nanoseconds - nanos) / second), Number(nanos));
}

function pad(nanos: number): string {
  return String(nanos).padStart(9, "0");
}

/** A path of a record: as it is, or in `$'...'` notation where it has bytes that are not UTF-8. */
export function auditPath(root: string, path: string): string {
  return showPath(fullPath(root, path), true);
}

/** The full path of what is at a path below a root; "" is the root itself. */
export function fullPath(root: string, path: string): string {
  return path === "" ? root : `${root === "/" ? "" : root}/${path}`;
}

/** The roots of a run, and the algorithm of its hashes. */
export interface RecordContext {
  readonly source: string;
  readonly destination: string;
  readonly algorithm: string;
}

/**
 * Makes a function from an outcome to the fields of its record, as JSON without braces: `action`,
 * `status`, `reason`, `kind`, `source`, `destination`, `size`, `checksum`, `checksum_algorithm`,
 * `mtime`, `atime`, `ctime`, `permissions`, `duration_ms`, `error`, and of a deletion `trash` and
 * `evidence`.
 */
export function operationRecords(context: RecordContext): (outcome: Outcome) => string {
  const stamps = new StampFields();
  const times = { listed: new KnownTime(), missed: new KnownTime(), looked: new KnownTime() };
  return (outcome) => {
    const { action, status, kind, path, size, hash, stamp, error, detail, removal } = outcome;
    const message = error?.message ?? (status === "failure" ? detail ?? null : null);
    // what may hold any character goes through JSON; the rest is made of safe ones
    return `"action":"${action}","status":"${status}",` +
      `"reason":${JSON.stringify(detail ?? outcome.reason)},"kind":"${kind}",` +
      `"source":${JSON.stringify(auditPath(context.source, path))},` +
      `"destination":${JSON.stringify(auditPath(context.destination, path))},` +
      `"size":${size},"checksum":${hash === null ? "null" : `"${hash}"`},` +
      `"checksum_algorithm":${hash === null ? "null" : `"${context.algorithm}"`},` +
      `${stamp === null ? NO_STAMP : stamps.of(stamp)},` +
      `"duration_ms":${Math.round(outcome.duration * 1000) / 1000},` +
      `"error":${message === null ? "null" : JSON.stringify(message)}` +
      (removal === undefined ? "" : removed(removal, times));
  };
}

/** A time in ms as ISO 8601; many removals in a row rest on the same ones. */
class KnownTime {
  #ms: number | null = null;
  #text: string | null = null;

  iso(ms: number | null): string | null {
    if (ms !== this.#ms) {
      this.#ms = ms;
      this.#text = ms === null ? null : new Date(ms).toISOString();
    }
    return this.#text;
  }
}

type KnownTimes = Readonly<Record<"listed" | "missed" | "looked", KnownTime>>;

/** The further fields of a deletion: `trash` (null when it is final) and `evidence`. */
function removed({ trash, evidence }: Removal, times: KnownTimes): string {
  const { scan, listedAt, scans, firstMissedAt, lookedAt, answer } = evidence;
  const told = {
    scan,
    listed_at: times.listed.iso(listedAt),
    missed_scans: scans,
    first_missed_at: times.missed.iso(firstMissedAt),
    looked_at: times.looked.iso(lookedAt),
    answer,
  };
  const where = trash === null ? null : showPath(trash, true);
  return `,"trash":${JSON.stringify(where)},"evidence":${JSON.stringify(told)}`;
}

const NO_STAMP = '"mtime":null,"atime":null,"ctime":null,"permissions":null';

/** Writes the fields of a stamp; remembers what files in a row have in common. */
export class StampFields {
  readonly #mtime = isoTimes();
  readonly #atime = isoTimes();
  readonly #ctime = isoTimes();
  /** The last one, of which {@link #permissions} are. */
  #of: Stamp | null = null;
  #permissions = "";

  of(stamp: Stamp): string {
    const { mode, uid, gid } = stamp, known = this.#of;
    if (known === null || known.mode !== mode || known.uid !== uid || known.gid !== gid) {
      this.#of = stamp;
      this.#permissions = `${mode.toString(8).padStart(4, "0")} ${uid}:${gid}`;
    }
    return `"mtime":"${this.#mtime(stamp.mtime, stamp.mtimeNanos)}",` +
      `"atime":"${this.#atime(stamp.atime, stamp.atimeNanos)}",` +
      `"ctime":"${this.#ctime(stamp.ctime, stamp.ctimeNanos)}",` +
      `"permissions":"${this.#permissions}"`;
  }
}
