/** The audit record of an operation, put together piece by piece: there is one for every file. */
import type { Outcome } from "../job.ts";
import { showPath } from "../name.ts";

const SECOND = 1_000_000_000n;

/** Nanoseconds since the epoch as ISO 8601 with nine decimals; null where unknown. */
export type IsoTime = (nanoseconds: bigint | null) => string | null;

/** Makes an {@link IsoTime} that remembers the last second: files in a row are often of one age. */
export function isoTimes(): IsoTime {
  let known = 0n, text: string | null = null;
  return (nanoseconds) => {
    if (nanoseconds === null) return null;
    let second = nanoseconds / SECOND;
    let fraction = Number(nanoseconds % SECOND);
    if (fraction < 0) {
      fraction += 1e9;
      second -= 1n;
    }
    if (text === null || second !== known) {
      const milliseconds = Number(second) * 1000;
      // beyond what a Date can hold, the number itself is the truth
      if (!(Math.abs(milliseconds) <= 8.64e15)) return String(nanoseconds);
      text = new Date(milliseconds).toISOString().slice(0, -5);
      known = second;
    }
    return `${text}.${String(fraction).padStart(9, "0")}Z`;
  };
}

/** A path of a record: as it is, or in `$'...'` notation where it has bytes that are not UTF-8. */
export function auditPath(root: string, path: string): string {
  return showPath(path === "" ? root : `${root === "/" ? "" : root}/${path}`, true);
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
 * `mtime`, `atime`, `ctime`, `permissions`, `duration_ms`, `error`.
 */
export function operationRecords(context: RecordContext): (outcome: Outcome) => string {
  const iso = { mtime: isoTimes(), atime: isoTimes(), ctime: isoTimes() };
  const time = (name: keyof typeof iso, value: bigint | undefined) => {
    const text = iso[name](value ?? null);
    return text === null ? `"${name}":null` : `"${name}":"${text}"`;
  };
  return (outcome) => {
    const { action, status, kind, path, size, hash, times, permissions, error, detail } = outcome;
    const message = error?.message ?? (status === "failure" ? detail ?? null : null);
    const rights = permissions === null
      ? "null"
      : `"${permissions.mode.toString(8).padStart(4, "0")} ${permissions.uid}:${permissions.gid}"`;
    // what may hold any character goes through JSON; the rest is made of safe ones
    return `"action":"${action}","status":"${status}",` +
      `"reason":${JSON.stringify(detail ?? outcome.reason)},"kind":"${kind}",` +
      `"source":${JSON.stringify(auditPath(context.source, path))},` +
      `"destination":${JSON.stringify(auditPath(context.destination, path))},` +
      `"size":${size},"checksum":${hash === null ? "null" : `"${hash}"`},` +
      `"checksum_algorithm":${hash === null ? "null" : `"${context.algorithm}"`},` +
      `${time("mtime", times?.mtime)},${time("atime", times?.atime)},` +
      `${time("ctime", times?.ctime)},"permissions":${rights},` +
      `"duration_ms":${Math.round(outcome.duration * 1000) / 1000},` +
      `"error":${message === null ? "null" : JSON.stringify(message)}`;
  };
}
